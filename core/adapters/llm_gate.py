"""Where calls wait for their turn, their pace and their money.

One pump runs while anything waits: of the calls whose turn it is (core/domain/turns.py) it takes those that may go now
by the pace (llm_pacer.py), reserves the money of all of them in one statement, wakes them, and sleeps until the next
may go, a call ends or a new one comes.
Invariant: whoever leaves `enter` normally holds a grant and has to `leave` (sent) or `forget` (not sent) it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.adapters.batcher import Batcher, fail, failed
from core.adapters.llm_ledger import CallAsk, CallEnd, Ledger
from core.adapters.llm_pacer import NO_NEWS, Heard, Pacer
from core.adapters.llm_shares import RENEW_SECONDS, ShareBook
from core.adapters.llm_sharing import Sharing
from core.domain.budget import Grant, Held, Over, Verdict
from core.domain.labels import Lane
from core.domain.pacing import Limits
from core.domain.shares import LANES, Demand
from core.domain.turns import Turns
from core.errors import LlmImpossible, LlmOverBudget, LlmSlowDown
from core.ports import Clock
from core.telemetry import Metrics

BATCH: Final = 200
"""Calls in one statement: over a second's worth at the rates that providers sell, decided and written in some 10 ms."""

TICK_SECONDS: Final = 0.005
"""Between two looks of the pump: at 600 calls a second three share a statement, and 5 ms are nothing beside a reply."""

HOLD_PATIENCE_SECONDS: Final = 5.0
"""A shorter hold is waited out; in a longer one the caller is told, so that its task shows why it waits."""

SETTLEMENT_SECONDS: Final = 0.1
"""Money that calls under way may give back is asked for again after this: a tenth of a fast reply."""

CLOSED_SECONDS: Final = 2.0
"""A lane without money is asked for anew after this: thousands of tasks need not each be refused by the database."""


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What an endpoint is allowed, each lane's guaranteed part of it (0 to 1), and whether prefixes go together."""

    limits: Limits
    guaranteed: Mapping[Lane, float]
    by_prefix: bool = True


@dataclass(slots=True, eq=False)
class _Waiter:
    ask: CallAsk
    prefix: str
    turn: asyncio.Future[None]


class Gate:
    """Grants to one process. `clock` tells the budget's day, `wall` real seconds."""

    def __init__(
        self, ledger: Ledger, shares: ShareBook, plan: LanePlan, clock: Clock, wall: Clock, metrics: Metrics
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._wall = wall
        self._turns: Turns[_Waiter] = Turns(plan.guaranteed, by_prefix=plan.by_prefix)
        self._pacer = Pacer(plan.limits, wall)
        self._stir = asyncio.Event()
        self._sharing = Sharing(shares, self._pacer, self._demand, self._stirred, wall, metrics)
        self._asked: list[_Waiter] = []
        self._went: Counter[Lane] = Counter()
        self._closed: dict[Lane, tuple[float, Over]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._ends: Batcher[CallEnd | UUID] = Batcher(self._settle, BATCH)

    async def enter(self, ask: CallAsk, prefix: str = "") -> None:
        """Wait for the turn. After LlmOverBudget, LlmImpossible, LlmSlowDown (long hold), RetryLater none is held."""
        self._check(ask)
        waiter = _Waiter(ask, prefix, asyncio.get_running_loop().create_future())
        self._turns.add(ask.lane, prefix, waiter)
        self._stir.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run(), name="llm gate")
            self._pump.add_done_callback(self._ended)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            granted = waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None
            if not self._turns.remove(ask.lane, prefix, waiter) and granted:
                self.forget(ask.call_id)  # the grant and the cancellation met
            raise

    async def leave(self, end: CallEnd, *, bad: bool = False, heard: Heard = NO_NEWS) -> None:
        """End a call that was sent: its place is free at once; returns when it is stored. `bad`: an answer that speaks
        of the provider's load. RetryLater where the ledger can't be reached."""
        self._landed(end, bad=bad, heard=heard)
        await self._ends.put(end)

    def leave_soon(self, end: CallEnd) -> None:
        """As `leave`, without waiting: for one who is being cancelled."""
        self._landed(end, bad=False, heard=NO_NEWS)
        self._ends.put_soon(end)

    def forget(self, call_id: UUID) -> None:
        """Give back a grant that was not used."""
        self._pacer.back(call_id)
        self._ends.put_soon(call_id)
        self._stir.set()

    def hold_left(self) -> float:
        """Seconds in which the provider wants no call."""
        return self._pacer.hold_left()

    async def close(self) -> None:
        """Wait until what has ended is stored, and give the share back."""
        await self._ends.drain()
        await self._sharing.close()

    async def _run(self) -> None:
        while self._turns:
            self._stir.clear()
            await self._sharing.held()
            self._refuse_in_long_hold()
            self._asked, seconds = self._due()
            if self._asked:
                verdicts = await self._ledger.reserve([waiter.ask for waiter in self._asked], self._clock.now())
                asked, self._asked = self._asked, []
                seconds = max(seconds, self._told(asked, verdicts))
            await self._sleep(seconds)

    def _ended(self, pump: asyncio.Task[None]) -> None:
        if failed(pump):
            asked, self._asked = self._asked, []
            for waiter in asked:
                self._pacer.back(waiter.ask.call_id)
            waiting = [self._turns.take() for _ in range(len(self._turns))]
            fail([waiter.turn for waiter in asked + waiting], pump)

    def _due(self) -> tuple[list[_Waiter], float]:
        """Those whose turn it is and who may go, and the seconds until the next may."""
        due: list[_Waiter] = []
        while self._turns and len(due) < BATCH:
            seconds = self._pacer.wait(self._turns.first().ask.tokens)
            if seconds > 0:
                return due, seconds
            waiter = self._turns.take()
            self._pacer.go(waiter.ask.call_id, waiter.ask.tokens)
            self._went[waiter.ask.lane] += 1
            due.append(waiter)
        return due, 0.0

    def _told(self, asked: Sequence[_Waiter], verdicts: Sequence[Verdict]) -> float:
        """Wake those with a final word; the others stand first again. Returns the seconds until they may ask again."""
        again: list[_Waiter] = []
        for waiter, verdict in zip(asked, verdicts, strict=True):
            if isinstance(verdict, Grant):
                self._grant(waiter)
                continue
            self._pacer.back(waiter.ask.call_id)
            if isinstance(verdict, Held):
                self._pacer.hold(self._pacer.now() + verdict.seconds)
            if isinstance(verdict, Held) or verdict.until is None:
                again.append(waiter)
            else:
                _refuse(waiter, _over(verdict))
                self._close(waiter.ask.lane, verdict)
        for waiter in reversed(again):
            if not waiter.turn.done():
                self._turns.put_back(waiter.ask.lane, waiter.prefix, waiter)
        return SETTLEMENT_SECONDS if again else 0.0

    def _close(self, lane: Lane, verdict: Over) -> None:
        """Nobody else of the lane need ask: there is no money until the day ends."""
        self._closed[lane] = self._pacer.now() + CLOSED_SECONDS, verdict
        for waiter in self._turns.waiting()[lane]:
            self._turns.remove(lane, waiter.prefix, waiter)
            _refuse(waiter, _over(verdict))
        self._stir.set()

    def _grant(self, waiter: _Waiter) -> None:
        if waiter.turn.done():  # cancelled while the ledger was asked
            self.forget(waiter.ask.call_id)
        else:
            self._pacer.sent(waiter.ask.call_id)
            waiter.turn.set_result(None)

    def _check(self, ask: CallAsk) -> None:
        if ask.tokens > self._pacer.limits.tokens_per_minute:
            raise LlmImpossible(
                f"the call may take {ask.tokens} tokens, more than ASSAY_LLM_TOKENS_PER_MINUTE allows in a minute"
            )
        closed = self._closed.get(ask.lane)
        if closed is not None and self._pacer.now() < closed[0]:
            raise _over(closed[1])

    def _refuse_in_long_hold(self) -> None:
        seconds = self._pacer.hold_left()
        if seconds > HOLD_PATIENCE_SECONDS:
            for _ in range(len(self._turns)):
                text = f"the provider asked to wait; no call for another {seconds:.0f} s"
                _refuse(self._turns.take(), LlmSlowDown(text, seconds))

    async def _sleep(self, seconds: float) -> None:
        """At least a tick, then until something changes."""
        await self._wall.sleep(TICK_SECONDS)
        if self._stir.is_set() or seconds <= TICK_SECONDS:
            return
        nap = asyncio.ensure_future(self._wall.sleep(seconds - TICK_SECONDS))
        stir = asyncio.ensure_future(self._stir.wait())
        try:
            await asyncio.wait({nap, stir}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            stir.cancel()

    def _stirred(self) -> None:
        self._stir.set()

    def _landed(self, end: CallEnd, *, bad: bool, heard: Heard) -> None:
        self._pacer.landed(end.call_id, end.tokens, end.hold, bad=bad, heard=heard)
        self._stir.set()

    async def _settle(self, items: Sequence[CallEnd | UUID]) -> None:
        ends = [item for item in items if isinstance(item, CallEnd)]
        await self._ledger.settle(ends, [item for item in items if isinstance(item, UUID)])
        self._stir.set()

    def _demand(self) -> Demand:
        """What could be used until the next renewal: what waits, and as much as went since the last one."""
        waiting, went = self._turns.waiting(), self._went
        self._went = Counter()
        return Demand({lane: self._part([each.ask.tokens for each in waiting[lane]], went[lane]) for lane in LANES})

    def _part(self, waiting: Sequence[int], went: int) -> float:
        """Calls, of which some went, as a part of what the limits allow between two renewals."""
        limits, calls = self._pacer.limits, len(waiting) + went
        tokens = sum(waiting) * calls / len(waiting) if waiting else 0.0
        minutes = max(calls / limits.requests_per_minute, tokens / limits.tokens_per_minute)
        return minutes * 60.0 / RENEW_SECONDS


def _over(verdict: Over) -> LlmOverBudget:
    lane = verdict.reason == "lane_budget"
    which = "the lane's part of it (ASSAY_LLM_LANE_BUDGET_USD_PER_DAY)" if lane else "(ASSAY_LLM_BUDGET_USD_PER_DAY)"
    until: datetime = verdict.until or datetime.max
    error = LlmOverBudget(f"the day's budget {which} has no room for this call", until)
    error.kind = "lane_budget" if lane else "over_budget"
    return error


def _refuse(waiter: _Waiter, error: Exception) -> None:
    if not waiter.turn.done():
        waiter.turn.set_exception(error)
