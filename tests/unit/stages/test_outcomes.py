"""From an error to what becomes of the task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.failures import PictureHostBusy
from core.errors import (
    LlmError,
    LlmImpossible,
    LlmInvalid,
    LlmOverBudget,
    LlmRefused,
    LlmSlowDown,
    LlmTimeout,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    PictureError,
)
from core.ports import Task, TaskFailure, TaskRetry
from core.stages.outcomes import BACKOFF_CAP_S, backoff_s, outcome

NOW = datetime(2025, 3, 3, tzinfo=UTC)
MIDNIGHT = NOW + timedelta(hours=10)


def task(attempts: int) -> Task:
    return Task(UUID(int=1), "key", "image", "live", "group", {}, {}, attempts)


@pytest.mark.parametrize(
    ("error", "not_before"),
    [
        (LlmSlowDown("429", 20.0), NOW + timedelta(seconds=20)),
        (LlmOverBudget("cap", MIDNIGHT), MIDNIGHT),
        (LlmUnauthorised("401"), NOW + timedelta(seconds=60)),
        (PictureHostBusy("paused", 7.0, asked=False), NOW + timedelta(seconds=7)),
    ],
)
def test_what_is_no_fault_of_the_task_gives_the_attempt_back(
    error: LlmError | PictureError, not_before: datetime
) -> None:
    end = outcome(error, task(99), NOW, attempts=5, jitter=0.0)
    assert end == TaskRetry(UUID(int=1), error.kind, not_before, counts=False)


@pytest.mark.parametrize(
    "error",
    [
        LlmTruncated("cut"),
        LlmInvalid("no JSON"),
        PictureError("reset", "connection", final=False),
        PictureHostBusy("429", 7.0, asked=True),
    ],
)
def test_a_passing_fault_is_retried_until_its_attempts_are_used(error: LlmError | PictureError) -> None:
    retried, ended = (outcome(error, task(used), NOW, attempts=5, jitter=1.0) for used in (4, 5))
    assert isinstance(retried, TaskRetry)
    assert retried.counts
    assert retried.not_before > NOW
    assert ended == TaskFailure(UUID(int=1), error.kind)


@pytest.mark.parametrize("error", [LlmUnavailable("503", "server_error"), LlmTimeout("slow")])
def test_a_provider_s_outage_is_sat_out_every_half_hour_for_a_day(error: LlmError) -> None:
    tries = [outcome(error, task(used), NOW, attempts=5, jitter=0.0) for used in (4, 5, 52, 53)]
    assert [end.reason for end in tries] == [error.kind] * 4
    soon, outage, last, ended = tries
    assert isinstance(soon, TaskRetry)
    assert isinstance(outage, TaskRetry)
    assert outage.not_before == NOW + timedelta(minutes=30)
    assert isinstance(last, TaskRetry)
    assert ended == TaskFailure(UUID(int=1), error.kind)


@pytest.mark.parametrize("error", [LlmRefused("no"), LlmImpossible("400"), PictureError("404", "gone", final=True)])
def test_what_will_not_change_fails_at_once(error: LlmError | PictureError) -> None:
    assert outcome(error, task(1), NOW, attempts=5, jitter=0.5) == TaskFailure(UUID(int=1), error.kind)


def test_tasks_that_wait_for_midnight_come_back_within_half_a_minute_of_it() -> None:
    end = outcome(LlmOverBudget("cap", MIDNIGHT), task(1), NOW, attempts=5, jitter=1.0)
    assert isinstance(end, TaskRetry)
    assert MIDNIGHT < end.not_before <= MIDNIGHT + timedelta(seconds=30)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_backoff_is_bounded_and_grows_with_the_attempt(attempt: int, jitter: float) -> None:
    assert 0 <= backoff_s(attempt, jitter) <= backoff_s(attempt + 1, jitter) <= BACKOFF_CAP_S
