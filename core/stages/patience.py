"""Passing failures waited out, where there is no inbox for a task to go back to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from core.domain.failures import backoff_s
from core.errors import (
    LlmBreakerOpen,
    LlmInvalid,
    LlmOverBudget,
    LlmOverCap,
    LlmSlowDown,
    LlmStopped,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    PictureError,
)
from core.ports import Clock

ENDS_IT = (LlmUnauthorised, LlmOverBudget, LlmOverCap, LlmStopped, LlmSlowDown, LlmBreakerOpen)
"""No item's fault, and nothing that the next item would be spared: whoever asked for them all is told. The last two
after `PATIENCE_S`."""

PATIENCE_S = 900.0
"""Seconds for which a provider that asks to wait is waited for, in sum for one call: a quota of a minute is over by
then many times, and what lasts longer a person has to look at."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one thing is asked for. `attempts` and `jitter` as for tasks."""

    clock: Clock
    attempts: int
    jitter: Callable[[], float]

    async def of(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Again after a passing failure, `attempts` times in all; a provider that asks to wait is waited for."""
        failures, waited = 0, 0.0
        while True:
            try:
                return await ask()
            except (LlmSlowDown, LlmBreakerOpen) as error:
                waited += error.retry_after
                if waited > PATIENCE_S:
                    raise
                await self.clock.sleep(error.retry_after)
            except (LlmUnavailable, LlmInvalid, LlmTruncated, PictureError) as error:
                failures += 1
                if failures >= self.attempts or (isinstance(error, PictureError) and error.final):
                    raise
                await self.clock.sleep(backoff_s(failures, self.jitter()))
