"""What becomes of a task whose work failed: later, or an end state with its reason. Never a label, never a score.

| error | outcome |
|---|---|
| `LlmSlowDown`, `LlmOverBudget`, `LlmUnauthorised`, a host's pause met unasked | later, attempt given back |
| `LlmTruncated`, `LlmInvalid`, a passing `PictureError` | later, until `attempts` |
| `LlmUnavailable`, `LlmTimeout`: the provider's trouble | later; after `attempts` every half hour, for a day |
| `LlmRefused`, `LlmImpossible`, a final `PictureError` | failed at once |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core.domain.images.failures import PictureHostBusy
from core.errors import (
    LlmError,
    LlmImpossible,
    LlmOverBudget,
    LlmRefused,
    LlmSlowDown,
    LlmUnauthorised,
    LlmUnavailable,
    PictureError,
)
from core.ports import Task, TaskFailure, TaskRetry

BACKOFF_BASE_S = 5.0
"""Mean pause of 2.5 s before the first retry: longer than a provider's restart of one worker."""

BACKOFF_CAP_S = 600.0
"""No try within `attempts` waits longer: an operator sees work move within minutes."""

OUTAGE_PAUSE_S = 1_800.0
"""Between tries once `attempts` are used up and the provider is still away: few enough to cost nothing, and work moves
within half an hour of its return."""

OUTAGE_ATTEMPTS = 48
"""So many more tries, a day of them. A task that brings the provider down by itself ends then."""

UNAUTHORISED_PAUSE_S = 60.0
"""A person has to set a key: one try a minute notices it soon and floods neither provider nor log."""

WAKE_SPREAD = 0.1
"""Share of an ordered pause that is added at random, so that tasks that were stopped together don't return together."""

WAKE_SPREAD_CAP_S = 30.0
"""Most that is added so: after a pause until midnight half a minute spreads a lane's tasks enough."""

LONGEST_PAUSE_S = 86_400.0
"""Most of a foreign pause that is believed: a day, within which budgets and quotas start anew."""


def outcome(
    error: LlmError | PictureError, task: Task, now: datetime, attempts: int, jitter: float
) -> TaskRetry | TaskFailure:
    """The end of `task`'s lease after `error`.

    `attempts` is the setting `task_attempts`; `task.attempts` counts the one that just failed. `jitter` is drawn
    by the caller from 0 to 1 (full jitter: Brooker, "Exponential Backoff And Jitter", AWS 2015).
    """
    if isinstance(error, (LlmSlowDown, LlmOverBudget, LlmUnauthorised)):
        return _later(error.kind, task, now, _ordered_pause(error, now), jitter, counts=False)
    if isinstance(error, PictureHostBusy) and not error.asked:
        return _later(error.kind, task, now, error.retry_after, jitter, counts=False)
    if isinstance(error, LlmUnavailable) and attempts <= task.attempts < attempts + OUTAGE_ATTEMPTS:
        return _later(error.kind, task, now, OUTAGE_PAUSE_S, jitter, counts=True)
    if _is_final(error) or task.attempts >= attempts:
        return TaskFailure(task.task_id, error.kind)
    if isinstance(error, PictureHostBusy):
        return _later(error.kind, task, now, error.retry_after, jitter, counts=True)
    return TaskRetry(task.task_id, error.kind, now + timedelta(seconds=backoff_s(task.attempts, jitter)))


def in_time_of(end: TaskRetry | TaskFailure, now: datetime, wall: datetime) -> TaskRetry | TaskFailure:
    """The outcome said in the inbox's time: `now` on the business's clock is `wall` on the inbox's."""
    return replace(end, not_before=end.not_before + (wall - now)) if isinstance(end, TaskRetry) else end


def backoff_s(attempt: int, jitter: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (1 is the first): `jitter` times the doubling ceiling."""
    doublings = min(max(attempt, 1) - 1, 32)
    return jitter * min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0**doublings)


def _is_final(error: LlmError | PictureError) -> bool:
    return error.final if isinstance(error, PictureError) else isinstance(error, (LlmRefused, LlmImpossible))


def _ordered_pause(error: LlmSlowDown | LlmOverBudget | LlmUnauthorised, now: datetime) -> float:
    if isinstance(error, LlmSlowDown):
        return error.retry_after
    if isinstance(error, LlmOverBudget):
        return (error.until - now).total_seconds()
    return UNAUTHORISED_PAUSE_S


def _later(reason: str, task: Task, now: datetime, pause: float, jitter: float, *, counts: bool) -> TaskRetry:
    kept = min(max(pause, 0.0), LONGEST_PAUSE_S)
    spread = jitter * min(WAKE_SPREAD * kept, WAKE_SPREAD_CAP_S)
    return TaskRetry(task.task_id, reason, now + timedelta(seconds=kept + spread), counts=counts)
