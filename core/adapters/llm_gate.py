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
from typing import Final
from uuid import UUID

from core.adapters import llm_refusals as refusals
from core.adapters.llm_ends import Ends
from core.adapters.llm_ledger import CallAsk, CallEnd, Ledger
from core.adapters.llm_pacer import NO_NEWS, Heard, Pacer
from core.adapters.llm_shares import ShareBook
from core.adapters.llm_sharing import Sharing, part_of
from core.adapters.llm_waiting import Still, Waiter, has_gone, refuse
from core.adapters.together import fail, failed
from core.domain.budget import Grant, Held, Over, Verdict
from core.domain.labels import Lane
from core.domain.pacing import Limits
from core.domain.shares import LANES, Demand
from core.domain.turns import Turns
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

UNPAID_PATIENCE_SECONDS: Final = 30.0
"""A call whose money is tied up by others under way is told after this: live calls end sooner, a batch in hours."""

STARVED_PATIENCE_SECONDS: Final = 10.0
"""A call of a replica that gets no place is told after this: two leases, within which a dead one's places are free."""

CLOSE_SECONDS: Final = 5.0
"""A stop waits so long for ends to be stored: SIGTERM is answered within 30 s, of which calls under way have 20."""


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What an endpoint is allowed, each lane's guaranteed part of it (0 to 1), and whether prefixes go together."""

    limits: Limits
    guaranteed: Mapping[Lane, float]
    by_prefix: bool = True
    name: str = ""
    """The endpoint's in metrics."""


@dataclass(frozen=True, slots=True)
class _Closed:
    """A lane in which nothing of this cost or more is paid for until then."""

    until: float
    cost: int
    verdict: Over


class Gate:
    """Grants to one process. `clock` tells the budget's day, `wall` real seconds."""

    def __init__(
        self, ledger: Ledger, shares: ShareBook, plan: LanePlan, clock: Clock, wall: Clock, metrics: Metrics
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._wall = wall
        self._turns: Turns[Waiter] = Turns(plan.guaranteed, by_prefix=plan.by_prefix)
        self._pacer = Pacer(plan.limits, wall)
        self._stir = asyncio.Event()
        self._sharing = Sharing(shares, self._pacer, self._demand, self._stirred, wall, metrics, plan.name)
        self._asked: list[Waiter] = []
        self._went: Counter[Lane] = Counter()
        self._closed: dict[Lane, _Closed] = {}
        self._closing = False
        self._pump: asyncio.Task[None] | None = None
        self._ends = Ends(ledger, BATCH, wall, self._pacer.now, self._stirred)

    @property
    def tokens_per_minute(self) -> int:
        """The most that one call may be estimated at."""
        return self._pacer.limits.tokens_per_minute

    async def enter(self, ask: CallAsk, prefix: str = "", still: Still | None = None) -> None:
        """Wait for the turn; `still` is asked again when it comes. After LlmOverBudget, LlmImpossible, LlmSlowDown
        (long hold, no place), RetryLater or what `still` raised no grant is held."""
        self._check(ask)
        waiter = Waiter(ask, prefix, still, asyncio.get_running_loop().create_future())
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
        await self._ends.put_soon(end)

    def leave_soon(self, end: CallEnd) -> None:
        """As `leave`, without waiting: for one who is being cancelled, and has heard nothing."""
        self._landed(end, bad=None, heard=NO_NEWS)
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
        """Tell those who wait, wait until what has ended is stored, and give the share back."""
        self._closing = True
        if self._pump is not None and not self._pump.done():
            self._pump.cancel()
            await asyncio.wait({self._pump})
        await self._ends.drain(CLOSE_SECONDS)
        await self._sharing.close()

    async def _run(self) -> None:
        while self._turns:
            self._stir.clear()
            await self._sharing.held()
            self._refuse_all_in_vain()
            seconds = self._due()
            if self._asked:
                verdicts = await self._ledger.reserve([waiter.ask for waiter in self._asked], self._clock.now())
                seconds = max(seconds, self._told(self._asked, verdicts))
                self._asked = []
            await self._sleep(seconds)

    def _ended(self, pump: asyncio.Task[None]) -> None:
        """Nobody waits for a pump that is no more. What its last statement may have reserved all the same, for only its
        answer was lost, is given back."""
        if not failed(pump):
            return
        asked, self._asked = [waiter for waiter in self._asked if not waiter.turn.done()], []
        waiting = [self._turns.take() for _ in range(len(self._turns))]
        for waiter in asked if self._closing or not pump.cancelled() else ():
            self.forget(waiter.ask.call_id)
        if self._closing and pump.cancelled():
            for waiter in asked + waiting:
                refuse(waiter, refusals.closing())
        fail([waiter.turn for waiter in asked + waiting], pump)

    def _due(self) -> float:
        """Ask for those whose turn it is and who may go; returns the seconds until the next may."""
        while self._turns and len(self._asked) < BATCH:
            waiter = self._turns.first()
            if has_gone(waiter):
                self._turns.remove(waiter.ask.lane, waiter.prefix, waiter)
                continue
            seconds = self._pacer.wait(waiter.ask.tokens)
            if seconds > 0:
                return seconds
            self._asked.append(self._turns.take())
            self._pacer.go(waiter.ask.call_id, waiter.ask.tokens)
            self._went[waiter.ask.lane] += 1
        return 0.0

    def _told(self, asked: Sequence[Waiter], verdicts: Sequence[Verdict]) -> float:
        """Wake those with a final word; the others stand first again. Returns the seconds until they may ask again."""
        again: list[Waiter] = []
        for waiter, verdict in zip(asked, verdicts, strict=True):
            if isinstance(verdict, Grant):
                self._grant(waiter)
                continue
            self._pacer.back(waiter.ask.call_id)
            if isinstance(verdict, Held):
                self._pacer.hold(self._pacer.now() + verdict.seconds)
            elif verdict.until is not None:
                self._close(waiter, verdict)
            elif self._unpaid(waiter) > UNPAID_PATIENCE_SECONDS:
                refuse(waiter, refusals.unpaid(self._clock.now()))
            again.append(waiter)
        for waiter in reversed(again):
            if not waiter.turn.done():
                self._turns.put_back(waiter.ask.lane, waiter.prefix, waiter)
        return SETTLEMENT_SECONDS if again else 0.0

    def _unpaid(self, waiter: Waiter) -> float:
        """Seconds since its money was first found to be tied up."""
        now = self._pacer.now()
        waiter.unpaid_since = now if waiter.unpaid_since is None else waiter.unpaid_since
        return now - waiter.unpaid_since

    def _close(self, refused: Waiter, verdict: Over) -> None:
        """Nobody of the lane who costs as much need ask: there is no money for it until the day ends."""
        lane, cost = refused.ask.lane, refused.ask.cost
        refuse(refused, refusals.over(verdict))
        closed = self._closed.get(lane)
        if closed is not None and self._pacer.now() < closed.until:
            cost = min(cost, closed.cost)
        self._closed[lane] = _Closed(self._pacer.now() + CLOSED_SECONDS, cost, verdict)
        for waiter in self._turns.waiting()[lane]:
            if waiter.ask.cost >= cost:
                self._turns.remove(lane, waiter.prefix, waiter)
                refuse(waiter, refusals.over(verdict))
        self._stir.set()

    def _grant(self, waiter: Waiter) -> None:
        if waiter.turn.done():  # cancelled while the ledger was asked
            self.forget(waiter.ask.call_id)
        else:
            self._pacer.sent(waiter.ask.call_id)
            waiter.turn.set_result(None)

    def _check(self, ask: CallAsk) -> None:
        if self._closing:
            raise refusals.closing()
        if ask.tokens > self.tokens_per_minute:
            raise refusals.too_large(ask.tokens)
        closed = self._closed.get(ask.lane)
        if closed is not None and self._pacer.now() < closed.until and ask.cost >= closed.cost:
            raise refusals.over(closed.verdict)

    def _refuse_all_in_vain(self) -> None:
        """In a long hold, and where this replica gets no place, all are told: their tasks then show why they wait."""
        seconds = self._pacer.hold_left()
        if seconds > HOLD_PATIENCE_SECONDS:
            for _ in range(len(self._turns)):
                refuse(self._turns.take(), refusals.held(seconds))
        if self._pacer.starved() > STARVED_PATIENCE_SECONDS:
            for _ in range(len(self._turns)):
                refuse(self._turns.take(), refusals.starved())

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

    def _landed(self, end: CallEnd, *, bad: bool | None, heard: Heard) -> None:
        self._pacer.landed(end.call_id, end.tokens, end.hold, bad=bad, heard=heard)
        self._stir.set()

    def _demand(self) -> Demand:
        """What could be used until the next renewal: what waits, and as much as went since the last one."""
        waiting, went = self._turns.waiting(), self._went
        self._went = Counter()
        limits = self._pacer.limits
        return Demand(
            {lane: part_of(limits, [each.ask.tokens for each in waiting[lane]], went[lane]) for lane in LANES}
        )
