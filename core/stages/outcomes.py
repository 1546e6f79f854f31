"""What becomes of a task whose work failed: later, or an end state with its reason. Never a label, never a score.

What is done about each kind is `core.domain.failures.policy`; docs/failures.md shows it as a table.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.domain.failures import Final, Policy, PutOff, Retry, next_try, policy
from core.domain.images.failures import PictureHostBusy, PictureHostSlow
from core.errors import LlmBreakerOpen, LlmError, LlmOverBudget, LlmPending, LlmSlowDown, PictureError
from core.ports import Task, TaskFailure, TaskRetry
from core.stages.judge_items import ListingError

Failed = LlmError | PictureError | ListingError


def outcome(error: Failed, task: Task, now: datetime, attempts: int, jitter: float) -> TaskRetry | TaskFailure:
    """The end of `task`'s lease after `error`.

    `attempts` is the setting `task_attempts`, counted for each kind of failure by itself; `jitter` is drawn by the
    caller from 0 to 1.
    """
    failures = task.failures.get(error.kind, 0) + 1
    again = next_try(policy_of(error), failures, attempts, _ordered_s(error, now), now, jitter)
    if again is None:
        return TaskFailure(task.task_id, error.kind, lease=task.lease)
    return TaskRetry(task.task_id, error.kind, again.at, counts=again.counts, lease=task.lease)


def in_time_of(end: TaskRetry | TaskFailure, now: datetime, wall: datetime) -> TaskRetry | TaskFailure:
    """The outcome said in the inbox's time: `now` on the business's clock is `wall` on the inbox's."""
    return replace(end, not_before=end.not_before + (wall - now)) if isinstance(end, TaskRetry) else end


def policy_of(error: Failed) -> Policy:
    """A picture's failure says itself whether it passes; a host's pause that was met unasked is nobody's attempt."""
    if isinstance(error, PictureHostBusy) and not error.asked:
        return PutOff()
    if isinstance(error, PictureError):
        return Final() if error.final else Retry()
    return policy(error.kind)


def _ordered_s(error: Failed, now: datetime) -> float | None:
    if isinstance(error, LlmSlowDown | LlmBreakerOpen | PictureHostBusy | PictureHostSlow):
        return error.retry_after
    if isinstance(error, LlmOverBudget | LlmPending):
        return (error.until - now).total_seconds()
    return None
