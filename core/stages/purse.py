"""A run's money and its stop: every call of the run passes here on its way to the lane.

Invariant: what ended calls cost, and what those under way could cost at most, is never above the cap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

from core.errors import (
    LlmBreakerOpen,
    LlmError,
    LlmImpossible,
    LlmOverBudget,
    LlmOverCap,
    LlmSlowDown,
    LlmStopped,
    LlmUnauthorised,
)
from core.ports import Llm, LlmReply, LlmRequest

FREE = (LlmSlowDown, LlmBreakerOpen, LlmUnauthorised, LlmOverBudget, LlmOverCap, LlmStopped, LlmImpossible)
"""Calls that end so were not sent, or not served: they cost nothing. Of any other failure it is not known here what the
provider bills, and the worst case is counted; a resumed run asks the ledger."""

ROUNDING_USD = 1e-9
"""Sums of floats are off by less; a cap is never meant to a billionth."""


class Purse:
    """The money of one run in this process. `spent_usd` is what it had cost before; `worst` says what a call could cost
    at most."""

    def __init__(self, cap_usd: float, spent_usd: float, worst: Callable[[LlmRequest], float]) -> None:
        self.cap_usd = cap_usd
        self.spent_usd = spent_usd
        self._worst = worst
        self._held_usd = 0.0
        self._change = asyncio.Condition()
        self.stop = asyncio.Event()

    @asynccontextmanager
    async def held(self, request: LlmRequest) -> AsyncIterator[float]:
        """The call's worst case is put aside inside the block. Waits while calls under way may give enough back;
        LlmOverCap where they can't. LlmStopped once the run is to stop."""
        worst = self._worst(request)
        async with self._change:
            while self.spent_usd + self._held_usd + worst > self.cap_usd + ROUNDING_USD and not self.stop.is_set():
                if self._held_usd <= ROUNDING_USD:
                    raise LlmOverCap(f"the next call could cost ${worst:.4f}, and the cap leaves less")
                await self._change.wait()
            self.check()
            self._held_usd += worst
        try:
            yield worst
        finally:
            async with self._change:
                self._held_usd -= worst
                self._change.notify_all()

    def check(self) -> None:
        """LlmStopped once the run is to stop: nothing more is sent."""
        if self.stop.is_set():
            raise LlmStopped("the run is told to stop")

    async def stopped(self) -> None:
        """Nothing is sent from now on; what is under way ends."""
        self.stop.set()
        async with self._change:
            self._change.notify_all()


@dataclass
class Bill:
    """What calls cost, by the task they were made for: each has an equal part of its calls."""

    usd: dict[UUID, float] = field(default_factory=dict)

    def add(self, request: LlmRequest, reply: LlmReply) -> None:
        """One answered call."""
        for task in request.tasks:
            self.usd[task] = self.usd.get(task, 0.0) + reply.cost_usd / len(request.tasks)


@dataclass(frozen=True, slots=True)
class RunLlm:
    """`Llm` of one judge in a run: its calls carry `subject`, are paid from the purse and told in the bill."""

    llm: Llm
    purse: Purse
    bill: Bill
    subject: Mapping[str, str]

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the one behind it; LlmOverCap, LlmStopped."""
        marked = replace(request, subject={**request.subject, **self.subject}, still=self.purse.check)
        async with self.purse.held(marked) as worst:
            cost = worst
            try:
                reply = await self.llm.complete(marked)
                cost = reply.cost_usd
            except LlmError as error:
                cost = 0.0 if isinstance(error, FREE) else worst
                raise
            finally:
                self.purse.spent_usd += cost
        self.bill.add(request, reply)
        return reply
