"""From an error to what becomes of the task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.domain.images.failures import PictureHostBusy, PictureHostSlow
from core.errors import (
    LlmBreakerOpen,
    LlmContentFilter,
    LlmImpossible,
    LlmInvalid,
    LlmMissingItem,
    LlmOverBudget,
    LlmPending,
    LlmRefused,
    LlmSlowDown,
    LlmTimeout,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    LlmWrongItems,
    PictureError,
)
from core.ports import Task, TaskFailure, TaskRetry
from core.stages.judge_items import ListingError
from core.stages.outcomes import Failed, in_time_of, outcome

NOW = datetime(2025, 3, 3, tzinfo=UTC)
MIDNIGHT = NOW + timedelta(hours=10)


def task(**failures: int) -> Task:
    """A task on its third lease that met so many failures of each kind before."""
    return Task(UUID(int=1), "key", "image", "live", "group", {}, {}, 99, 3, failures)


@pytest.mark.parametrize(
    ("error", "not_before"),
    [
        (LlmSlowDown("429", 20.0), NOW + timedelta(seconds=20)),
        (LlmOverBudget("cap", MIDNIGHT), MIDNIGHT),
        (LlmOverBudget("cap of the lane", MIDNIGHT, "lane_budget"), MIDNIGHT),
        (LlmPending("ordered", MIDNIGHT), MIDNIGHT),
        (LlmBreakerOpen("open", 30.0), NOW + timedelta(seconds=30)),
        (LlmUnauthorised("401"), NOW + timedelta(seconds=60)),
        (PictureHostBusy("paused", 7.0, asked=False), NOW + timedelta(seconds=7)),
    ],
)
def test_what_is_no_fault_of_the_task_gives_the_attempt_back(error: Failed, not_before: datetime) -> None:
    end = outcome(error, task(**{error.kind: 99}), NOW, attempts=5, jitter=0.0)
    assert end == TaskRetry(UUID(int=1), error.kind, not_before, counts=False, lease=3)


@pytest.mark.parametrize(
    "error",
    [
        LlmInvalid("no JSON"),
        LlmWrongItems("p9"),
        LlmMissingItem("p2"),
        PictureError("reset", "connection", final=False),
        PictureHostBusy("429", 7.0, asked=True),
        PictureHostSlow("slow", 7.0),
    ],
)
def test_a_passing_fault_is_retried_until_its_kind_s_attempts_are_used(error: Failed) -> None:
    retried, ended = (outcome(error, task(**{error.kind: before}), NOW, attempts=5, jitter=1.0) for before in (3, 4))
    assert isinstance(retried, TaskRetry)
    assert (retried.counts, retried.lease) == (True, 3)
    assert retried.not_before > NOW
    assert ended == TaskFailure(UUID(int=1), error.kind, lease=3)


def test_failures_of_another_kind_use_up_no_attempt_of_this_one() -> None:
    end = outcome(LlmInvalid("no JSON"), task(timeout=40, server_error=40), NOW, attempts=5, jitter=1.0)
    assert isinstance(end, TaskRetry)


def test_an_answer_that_is_cut_off_is_tried_twice() -> None:
    first, second = (outcome(LlmTruncated("cut"), task(truncated=n), NOW, attempts=5, jitter=1.0) for n in (0, 1))
    assert isinstance(first, TaskRetry)
    assert second == TaskFailure(UUID(int=1), "truncated", lease=3)


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (LlmUnavailable("500", "server_error"), 52),
        (LlmUnavailable("503", "overloaded"), 52),
        (LlmUnavailable("reset", "network"), 52),
        (LlmTimeout("slow"), 10),
    ],
)
def test_a_provider_s_outage_is_sat_out_every_half_hour(error: Failed, last: int) -> None:
    tries = [
        outcome(error, task(**{error.kind: before}), NOW, attempts=5, jitter=0.0) for before in (3, 4, last - 1, last)
    ]
    assert {end.reason for end in tries} == {error.kind}
    soon, outage, latest, ended = tries
    assert isinstance(soon, TaskRetry)
    assert isinstance(outage, TaskRetry)
    assert outage.not_before == NOW + timedelta(minutes=30)
    assert isinstance(latest, TaskRetry)
    assert ended == TaskFailure(UUID(int=1), error.kind, lease=3)


@pytest.mark.parametrize(
    "error",
    [
        LlmRefused("no"),
        LlmContentFilter("no"),
        LlmImpossible("400"),
        PictureError("404", "gone", final=True),
        ListingError("nobody knows it", "listing_unknown"),
    ],
)
def test_what_will_not_change_fails_at_once(error: Failed) -> None:
    assert outcome(error, task(), NOW, attempts=5, jitter=0.5) == TaskFailure(UUID(int=1), error.kind, lease=3)


def test_a_picture_s_timeout_is_not_taken_for_the_provider_s() -> None:
    slow = PictureError("over the time limit", "timeout", final=False)
    assert isinstance(outcome(slow, task(timeout=4), NOW, attempts=5, jitter=0.5), TaskFailure)


def test_tasks_that_wait_for_midnight_come_back_within_half_a_minute_of_it() -> None:
    end = outcome(LlmOverBudget("cap", MIDNIGHT), task(), NOW, attempts=5, jitter=1.0)
    assert isinstance(end, TaskRetry)
    assert MIDNIGHT < end.not_before <= MIDNIGHT + timedelta(seconds=30)


def test_an_end_is_said_in_the_time_of_the_inbox() -> None:
    wall = NOW + timedelta(days=300)
    end = outcome(LlmSlowDown("429", 20.0), task(), NOW, attempts=5, jitter=0.0)
    told = in_time_of(end, NOW, wall)
    assert isinstance(told, TaskRetry)
    assert told.not_before == wall + timedelta(seconds=20)
