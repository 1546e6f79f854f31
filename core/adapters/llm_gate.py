"""Where calls wait for their turn: asks of one process that wait together are decided in one statement.

One pump runs while anything waits. It asks the ledger for all of the best that wait, wakes those that were granted
or refused, and sleeps until the shortest wait is over, a call of this process ends or a new one comes.
Invariant: whoever leaves `enter` normally holds a grant and has to `leave` (sent) or `forget` (not sent) it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from core.adapters.llm_ledger import CallAsk, CallEnd, Ledger
from core.domain.labels import LANE_RANK
from core.domain.lane import Grant, Refuse, Verdict, Wait
from core.errors import LlmImpossible, LlmOverBudget, LlmSlowDown
from core.ports import Clock

BATCH = 200
"""Asks in one statement: over a second's worth at the rates that providers sell, decided and written in some 10 ms."""

HOLD_PATIENCE_SECONDS = 5.0
"""A shorter hold is waited out; in a longer one the caller is told, so that its task shows why it waits."""

Item = TypeVar("Item")


@dataclass(slots=True, eq=False)
class _Waiter:
    ask: CallAsk
    turn: asyncio.Future[None]


class Gate:
    """Grants by the ledger, in batches. `clock` tells the budget's day, `wall` real seconds."""

    def __init__(self, ledger: Ledger, clock: Clock, wall: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._wall = wall
        self._waiting: list[_Waiter] = []
        self._asked: list[_Waiter] = []
        self._pump: asyncio.Task[None] | None = None
        self._stir = asyncio.Event()
        self._ends: Batcher[CallEnd | UUID] = Batcher(self._settle)

    async def enter(self, ask: CallAsk) -> None:
        """Wait for the turn. After LlmOverBudget, LlmImpossible, LlmSlowDown (long hold), RetryLater none is held."""
        waiter = _Waiter(ask, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._stir.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run(), name="llm gate")
            self._pump.add_done_callback(self._ended)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self.forget(ask.call_id)  # the grant and the cancellation met
            raise

    async def leave(self, end: CallEnd) -> None:
        """Settle a call that was sent; returns when it is stored. RetryLater where the ledger can't be reached."""
        await self._ends.put(end)
        self._stir.set()

    def leave_soon(self, end: CallEnd) -> None:
        """As `leave`, without waiting: for one who is being cancelled."""
        self._ends.put_soon(end)

    def forget(self, call_id: UUID) -> None:
        """Give back a grant that was not used."""
        self._ends.put_soon(call_id)

    async def close(self) -> None:
        """Wait until what has ended is stored."""
        await self._ends.drain()

    async def _settle(self, items: Sequence[CallEnd | UUID]) -> None:
        ends = [item for item in items if isinstance(item, CallEnd)]
        await self._ledger.settle(ends, [item for item in items if isinstance(item, UUID)])
        self._stir.set()

    async def _run(self) -> None:
        while self._waiting:
            self._stir.clear()
            self._waiting.sort(key=lambda waiter: LANE_RANK[waiter.ask.lane])
            self._asked, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            asks = [waiter.ask for waiter in self._asked]
            verdicts = await self._ledger.reserve(asks, self._clock.now())
            asked, self._asked = self._asked, []
            waits = self._tell(asked, verdicts)
            if waits:
                await self._sleep(min(waits))

    def _ended(self, pump: asyncio.Task[None]) -> None:
        if failed(pump):
            left, self._asked, self._waiting = self._asked + self._waiting, [], []
            _fail([waiter.turn for waiter in left], pump)

    def _tell(self, batch: Sequence[_Waiter], verdicts: Sequence[Verdict]) -> list[float]:
        """Wake those with a final word; the others stand first in the queue again. Returns their waits."""
        again: list[_Waiter] = []
        waits: list[float] = []
        for waiter, verdict in zip(batch, verdicts, strict=True):
            if isinstance(verdict, Grant):
                self._grant(waiter)
            elif waiter.turn.done():
                continue
            elif isinstance(verdict, Refuse):
                waiter.turn.set_exception(self._refusal(verdict, waiter.ask))
            elif verdict.reason == "hold" and verdict.seconds > HOLD_PATIENCE_SECONDS:
                waiter.turn.set_exception(_on_hold(verdict))
            else:
                again.append(waiter)
                waits.append(verdict.seconds)
        self._waiting = again + self._waiting
        return waits

    def _grant(self, waiter: _Waiter) -> None:
        if waiter.turn.done():  # cancelled while the ledger was asked
            self.forget(waiter.ask.call_id)
        else:
            waiter.turn.set_result(None)

    def _refusal(self, verdict: Refuse, ask: CallAsk) -> Exception:
        if verdict.reason == "over_budget":
            until = next_midnight(self._clock.now())
            return LlmOverBudget("the day's budget (ASSAY_LLM_BUDGET_USD_PER_DAY) has no room for this call", until)
        return LlmImpossible(
            f"the call may take {ask.tokens} tokens, more than ASSAY_LLM_TOKENS_PER_MINUTE allows in a minute"
        )

    async def _sleep(self, seconds: float) -> None:
        nap = asyncio.ensure_future(self._wall.sleep(seconds))
        stir = asyncio.ensure_future(self._stir.wait())
        try:
            await asyncio.wait({nap, stir}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            stir.cancel()


class Batcher(Generic[Item]):
    """Puts what comes while a statement runs into the next one."""

    def __init__(self, flush: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._flush = flush
        self._queue: list[tuple[Item, asyncio.Future[None]]] = []
        self._flushing: list[tuple[Item, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> None:
        """Returns when the item's statement is through, or raises what it raised."""
        await self.put_soon(item)

    def put_soon(self, item: Item) -> asyncio.Future[None]:
        """As `put`, for one who need not wait."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_retrieved)
        self._queue.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="llm settle")
            self._task.add_done_callback(self._ended)
        return done

    async def drain(self) -> None:
        """Wait until nothing is queued; what could not be stored was told to whoever waited for it."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._queue:
            self._flushing, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            await self._flush([item for item, _ in self._flushing])
            flushed, self._flushing = self._flushing, []
            for _, done in flushed:
                if not done.done():
                    done.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if failed(task):
            left, self._flushing, self._queue = self._flushing + self._queue, [], []
            _fail([done for _, done in left], task)


def next_midnight(now: datetime) -> datetime:
    """When the UTC day that `now` is in ends."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def _on_hold(wait: Wait) -> LlmSlowDown:
    return LlmSlowDown(f"the provider asked to wait; no call for another {wait.seconds:.0f} s", wait.seconds)


def failed(task: asyncio.Task[None]) -> bool:
    """Whether a task ended otherwise than by having nothing left to do."""
    return task.cancelled() or task.exception() is not None


def _fail(futures: Sequence[asyncio.Future[None]], task: asyncio.Task[None]) -> None:
    """Tell those who still wait why their task ended."""
    error = None if task.cancelled() else task.exception()
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.cancel()
        else:
            future.set_exception(error)


def _retrieved(future: asyncio.Future[None]) -> None:
    """Nobody may wait for an end that was put soon; its error is then no news to the loop either."""
    if not future.cancelled():
        future.exception()
