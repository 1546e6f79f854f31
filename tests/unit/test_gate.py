"""The gate by a clock of the test's own: whose turn, whose pace, whose money, and that nobody is left waiting."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from core.adapters.llm_gate import Gate, LanePlan
from core.adapters.llm_ledger import CallAsk, CallEnd, MemoryLedger
from core.adapters.llm_shares import LEASE_SECONDS, MemoryShares
from core.domain import money
from core.domain.budget import Caps, Spend, Verdict
from core.domain.labels import Lane
from core.domain.pacing import Limits
from core.domain.shares import Demand, Share
from core.errors import LlmBreakerOpen, LlmImpossible, LlmOverBudget, LlmSlowDown, RetryLater, SettingsError
from core.telemetry import Metrics
from tests.support.virtual_clock import VirtualClock

LANES: dict[Lane, float] = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
FAST = Limits(requests_per_minute=60_000, tokens_per_minute=10**8, in_flight=50)
URL = "http://llm.test/v1"


class Faulty(MemoryLedger):
    """A ledger whose next statements fail as the test says, before or after they were made."""

    def __init__(self, caps: Caps, clock: VirtualClock) -> None:
        super().__init__(caps, 60.0, clock)
        self.reserve_faults: list[Exception] = []
        self.settle_faults: list[Exception] = []

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        verdicts = await super().reserve(asks, at)
        await asyncio.sleep(0)
        if self.reserve_faults:
            raise self.reserve_faults.pop(0)
        return verdicts

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        await asyncio.sleep(0)
        if self.settle_faults:
            raise self.settle_faults.pop(0)
        await super().settle(ends, unsent)


class Book(MemoryShares):
    """A book of which a test may replace what it does; `faults` renewals fail."""

    faults = 0

    async def renew(self, replica: UUID, demand: Demand, under_way: int) -> Share:
        await asyncio.sleep(0)
        if self.faults:
            self.faults -= 1
            raise RetryLater("gone")
        return await super().renew(replica, demand, under_way)


@dataclass
class Place:
    """A gate with everything around it."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    limits: Limits = FAST
    caps: Caps = field(default_factory=lambda: Caps(money.PICO))
    granted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Faulty(self.caps, self.clock.elsewhere())
        self.book = Book(self.limits.in_flight, LANES, self.clock.elsewhere())
        self.metrics = Metrics()
        self.gate = Gate(self.ledger, self.book, LanePlan(self.limits, LANES), self.clock, self.clock, self.metrics)

    def enter(self, name: str, lane: Lane = "live", prefix: str = "", **changes: object) -> Waiting:
        still = changes.pop("still", None)
        ask = _ask(lane, **changes)

        async def wait() -> CallAsk:
            await (self.gate.enter(ask, prefix, still) if still else self.gate.enter(ask, prefix))
            self.granted.append(name)
            return ask

        return Waiting(ask, asyncio.ensure_future(wait()))

    async def end(self, waiting: Waiting, *, bad: bool = False, hold: float | None = None) -> None:
        """The call's answer, stored."""
        storing = asyncio.ensure_future(self.gate.leave(_end(waiting.ask, hold=hold), bad=bad))
        await self.clock.pass_time(0.01)
        await storing


@dataclass
class Waiting:
    ask: CallAsk
    task: asyncio.Future[CallAsk]

    @property
    def went(self) -> bool:
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None

    @property
    def error(self) -> BaseException | None:
        return self.task.exception() if self.task.done() else None


def _ask(lane: Lane = "live", tokens: int = 100, cost: int = 1) -> CallAsk:
    return CallAsk(
        call_id=uuid4(),
        endpoint=URL,
        lane=lane,
        purpose="judgements",
        model="m",
        prompt_version="v",
        prompt_hash="h",
        subject={},
        tasks=(),
        tokens=tokens,
        cost=cost,
    )


def _end(ask: CallAsk, hold: float | None = None, status: str = "ok", started_at: datetime | None = None) -> CallEnd:
    at = started_at or datetime(2026, 1, 1)
    return CallEnd(ask.call_id, status, at, 1, tokens=ask.tokens, cost=ask.cost, hold=hold)


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Place]]:
    made: list[Place] = []

    def place(**changes: object) -> Place:
        made.append(Place(**changes))
        return made[-1]

    yield place
    for each in made:
        closing = asyncio.ensure_future(each.gate.close())
        await each.clock.pass_time(60.0)
        await closing


# --- Order -----------------------------------------------------------------------------------------------


async def test_lanes_go_by_their_rank_and_calls_of_one_prefix_together(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    for name, lane, prefix in (("a1", "backfill", "a"), ("x1", "live", "x"), ("y1", "live", "y"), ("x2", "live", "x")):
        place.enter(name, lane, prefix)
    for _ in range(4):
        [under_way] = [entry.ask for entry in place.ledger.calls.values() if entry.end is None]
        await place.end(Waiting(under_way, first.task))
        await place.clock.pass_time(0.1)
    assert place.granted == ["first", "x1", "x2", "y1", "a1"]


# --- Holds and the call that goes ahead ------------------------------------------------------------------


async def test_in_a_short_hold_all_wait_and_then_one_goes_ahead(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=2.0)
    later = [place.enter(str(number)) for number in range(3)]
    await place.clock.pass_time(1.9)
    assert place.granted == ["first"]
    await place.clock.pass_time(0.3)
    assert sum(each.went for each in later) == 1
    [probe] = [each for each in later if each.went]
    await place.end(probe)
    await place.clock.pass_time(0.1)
    assert all(each.went for each in later)


async def test_a_long_hold_is_told_to_all_that_wait(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=30.0)
    later = place.enter("later")
    await place.clock.pass_time(0.1)
    assert isinstance(later.error, LlmSlowDown)
    assert later.error.retry_after == pytest.approx(30.0, abs=0.5)


async def test_a_call_that_hangs_since_before_the_hold_does_not_keep_the_probe_back(make) -> None:
    place = make()
    hanging, first = place.enter("hanging"), place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=1.0)
    later = place.enter("later")
    await place.clock.pass_time(1.5)
    assert not hanging.task.cancelled()
    assert later.went


async def test_a_probe_that_is_cancelled_leaves_its_place_to_one_other(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=1.0)
    later = [place.enter(str(number)) for number in range(4)]
    await place.clock.pass_time(1.2)
    [probe] = [each for each in later if each.went]
    place.gate.leave_soon(_end(probe.ask, status="cancelled"))
    await place.clock.pass_time(0.2)
    assert sum(each.went for each in later) == 2


@pytest.mark.parametrize("bad", [True, False])
async def test_a_probe_that_fails_keeps_the_others_waiting_only_where_it_speaks_of_load(make, bad: bool) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=1.0)
    later = [place.enter(str(number)) for number in range(4)]
    await place.clock.pass_time(1.2)
    [probe] = [each for each in later if each.went]
    await place.end(probe, bad=bad)
    await place.clock.pass_time(0.2)
    assert sum(each.went for each in later) == (2 if bad else 4)


async def test_a_probe_that_is_given_back_lets_another_go(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=1.0)
    later = [place.enter(str(number)) for number in range(2)]
    await place.clock.pass_time(1.2)
    [probe] = [each for each in later if each.went]
    place.gate.forget(probe.ask.call_id)
    await place.clock.pass_time(0.2)
    assert all(each.went for each in later)


# --- What goes wrong -------------------------------------------------------------------------------------


async def test_a_ledger_that_is_away_is_told_to_all_and_a_later_call_goes(make) -> None:
    place = make()
    place.ledger.reserve_faults = [RetryLater("gone")]
    waiting = [place.enter(str(number)) for number in range(3)]
    await place.clock.pass_time(0.1)
    assert all(isinstance(each.error, RetryLater) for each in waiting)
    after = place.enter("after")
    await place.clock.pass_time(0.1)
    assert after.went
    assert place.gate._pacer.under_way == 1


async def test_money_that_was_reserved_by_a_statement_whose_answer_was_lost_is_given_back(make) -> None:
    place = make()
    place.ledger.reserve_faults = [RetryLater("cut after the commit")]
    waiting = place.enter("one", cost=5)
    await place.clock.pass_time(0.5)
    assert isinstance(waiting.error, RetryLater)
    assert place.ledger.days[place.clock.now().date()]["live"] == Spend(0, 0)


async def test_an_end_is_stored_by_a_ledger_that_comes_back_in_time(make) -> None:
    place = make()
    place.ledger.settle_faults = [RetryLater("gone")] * 3
    call = place.enter("one")
    await place.clock.pass_time(0.1)
    storing = asyncio.ensure_future(place.gate.leave(_end(call.ask)))
    await place.clock.pass_time(10.0)
    assert storing.done()
    assert storing.exception() is None
    assert place.ledger.calls[call.ask.call_id].status == "ok"


async def test_an_end_that_can_t_be_stored_is_told_before_its_reservation_is_over(make) -> None:
    place = make()
    place.ledger.settle_faults = [RetryLater("gone")] * 1_000
    call = place.enter("one")
    await place.clock.pass_time(0.1)
    storing = asyncio.ensure_future(place.gate.leave(_end(call.ask)))
    await place.clock.pass_time(30.0)
    assert storing.done()
    assert isinstance(storing.exception(), RetryLater)
    place.ledger.settle_faults = []


async def test_a_renewal_that_fails_by_a_defect_is_told_to_those_who_wait(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    first = place.enter("first")
    await place.clock.pass_time(0.1)

    async def refused(*_: object) -> None:
        raise SettingsError("the role may not do this")

    place.book.renew = refused
    waiting = place.enter("waiting")
    await place.clock.pass_time(5.0)
    assert first.went
    assert isinstance(waiting.error, SettingsError)


async def test_a_renewal_that_hangs_holds_calls_up_for_no_longer_than_a_lease(make, monkeypatch) -> None:
    monkeypatch.setattr("core.adapters.llm_sharing.LEASE_SECONDS", 0.2)
    place = make()

    async def hanging(*_: object) -> None:
        await asyncio.Event().wait()

    place.book.renew = hanging
    waiting = place.enter("waiting")
    await place.clock.pass_time(0.1)
    await asyncio.sleep(0.4)
    await place.clock.pass_time(0.1)
    assert isinstance(waiting.error, RetryLater)


async def test_a_waiter_that_is_cancelled_while_its_money_is_reserved_gives_it_back(make) -> None:
    place = make()
    waiting = place.enter("one", cost=5)
    for _ in range(3):
        await asyncio.sleep(0)
    waiting.task.cancel()
    await place.clock.pass_time(0.5)
    assert place.gate._pacer.under_way == 0
    assert place.ledger.days[place.clock.now().date()].get("live", Spend()) == Spend(0, 0)


async def test_whoever_waits_when_the_gate_closes_is_told(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    waiting = place.enter("waiting")
    await place.clock.pass_time(0.1)
    closing = asyncio.ensure_future(place.gate.close())
    await place.clock.pass_time(1.0)
    assert closing.done()
    assert first.went
    assert isinstance(waiting.error, RetryLater)
    late = place.enter("late")
    await place.clock.pass_time(0.1)
    assert isinstance(late.error, RetryLater)


async def test_a_clock_that_is_set_back_an_hour_stops_nothing(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=3.0)
    place.clock.jump(-3_600.0)
    later = place.enter("later")
    await place.clock.pass_time(2.8)
    assert not later.went
    await place.clock.pass_time(0.5)
    assert later.went


async def test_a_clock_that_is_set_ahead_an_hour_stops_nothing(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    place.clock.jump(3_600.0)
    later = [place.enter(str(number)) for number in range(3)]
    await place.clock.pass_time(1.5)
    assert first.went
    assert all(each.went for each in later)


# --- Shares ----------------------------------------------------------------------------------------------


async def test_a_replica_that_gets_no_place_at_all_says_so(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    await place.book.renew(UUID(int=1), Demand({"live": 9.0}), 1)
    waiting = place.enter("waiting")
    for _ in range(15):
        await place.book.renew(UUID(int=1), Demand({"live": 9.0}), 1)
        await place.clock.pass_time(1.0)
    assert isinstance(waiting.error, LlmSlowDown)
    assert "ASSAY_LLM_MAX_IN_FLIGHT" in str(waiting.error)


async def test_a_replica_that_comes_back_after_a_rest_waits_as_long_for_a_place_as_before(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first)
    await place.clock.pass_time(600.0)
    await place.book.renew(UUID(int=1), Demand({"live": 9.0}), 1)
    waiting = place.enter("waiting")
    await place.clock.pass_time(2.0)
    assert waiting.error is None
    await place.book.leave(UUID(int=1))
    await place.clock.pass_time(2.0)
    assert waiting.went


async def test_without_a_place_there_is_none_for_a_probe_either(make) -> None:
    place = make(limits=Limits(60_000, 10**8, 1))
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first, hold=1.0)
    place.book.held = {}
    await place.book.renew(UUID(int=1), Demand({"live": 9.0}), 1)
    await place.clock.pass_time(1.0)
    later = place.enter("later")
    await place.clock.pass_time(1.0)
    assert not later.went


async def test_coming_back_to_work_every_quarter_of_a_minute_passes_no_limit(make) -> None:
    place = make(limits=Limits(2, 10**8, 1))
    ends: list[float] = []
    began = place.clock.now()
    for _ in range(6):
        call = place.enter("call")
        while not call.task.done():
            await place.clock.pass_time(1.0)
        ends.append((place.clock.now() - began).total_seconds())
        await place.end(call)
        await place.clock.pass_time(17.0)
    assert all(later - first >= 59.0 for first, later in zip(ends, ends[2:], strict=False))


async def test_a_share_that_is_given_back_while_it_is_asked_for_is_not_used(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    await place.end(first)
    leave, gate = place.book.leave, asyncio.Event()

    async def slow_leave(replica: UUID) -> None:
        await gate.wait()
        await leave(replica)

    place.book.leave = slow_leave
    await place.clock.pass_time(30.0)
    second = place.enter("second")
    await place.clock.pass_time(0.2)
    gate.set()
    await place.clock.pass_time(0.2)
    assert second.went
    assert len(place.book.held) == 1


async def test_a_share_lasts_through_lost_renewals_and_no_longer(make) -> None:
    place = make()
    first = place.enter("first")
    await place.clock.pass_time(0.1)
    renew = place.book.renew

    async def away(*_: object) -> None:
        raise RetryLater("gone")

    place.book.renew = away
    await place.clock.pass_time(LEASE_SECONDS - 1.5)
    second = place.enter("second")
    await place.clock.pass_time(0.1)
    assert first.went
    assert second.went
    await place.clock.pass_time(1.5)
    third = place.enter("third")
    await place.clock.pass_time(0.1)
    assert isinstance(third.error, RetryLater)
    place.book.renew = renew
    fourth = place.enter("fourth")
    await place.clock.pass_time(0.1)
    assert fourth.went


# --- Money -----------------------------------------------------------------------------------------------


async def test_a_lane_without_money_is_refused_alone(make) -> None:
    place = make(caps=Caps(money.PICO, {"backfill": 0}))
    backfill, live = place.enter("b", "backfill"), place.enter("l")
    await place.clock.pass_time(0.1)
    assert isinstance(backfill.error, LlmOverBudget)
    assert backfill.error.kind == "lane_budget"
    assert live.went


async def test_a_call_that_is_too_dear_closes_the_lane_for_none_that_is_cheaper(make) -> None:
    place = make(caps=Caps(100), limits=Limits(60_000, 10**8, 1))
    dear, cheap, as_dear = place.enter("dear", cost=101), place.enter("cheap", cost=1), place.enter("as", cost=101)
    await place.clock.pass_time(0.2)
    assert isinstance(dear.error, LlmOverBudget)
    assert isinstance(as_dear.error, LlmOverBudget)
    assert cheap.went
    await place.end(cheap)
    later = place.enter("later", cost=1)
    await place.clock.pass_time(0.2)
    assert later.went


async def test_money_that_is_tied_up_for_long_is_told_to_those_who_wait(make) -> None:
    place = make(caps=Caps(100))
    first = place.enter("first", cost=100)
    await place.clock.pass_time(0.1)
    waiting = place.enter("waiting", cost=50)
    await place.clock.pass_time(5.0)
    assert first.went
    assert waiting.error is None
    await place.clock.pass_time(40.0)
    assert isinstance(waiting.error, LlmOverBudget)
    assert timedelta(0) < waiting.error.until - place.clock.now() <= timedelta(seconds=60)


async def test_a_call_larger_than_a_minute_is_refused_at_once(make) -> None:
    place = make(limits=Limits(60_000, 1_000, 5))
    large = place.enter("large", tokens=1_001)
    await place.clock.pass_time()
    assert isinstance(large.error, LlmImpossible)


# --- The breaker -----------------------------------------------------------------------------------------


async def test_those_who_wait_when_the_breaker_opens_are_not_sent(make) -> None:
    place, is_open = make(limits=Limits(60_000, 10**8, 1)), False

    def still() -> None:
        if is_open:
            raise LlmBreakerOpen("open", 5.0)

    first = place.enter("first", still=still)
    await place.clock.pass_time(0.1)
    waiting = [place.enter(str(number), still=still) for number in range(300)]
    other = place.enter("other model")
    is_open = True
    await place.end(first)
    await place.clock.pass_time(0.5)
    assert all(isinstance(each.error, LlmBreakerOpen) for each in waiting)
    assert other.went
    assert len(place.ledger.calls) == 2


# --- Whatever happens ------------------------------------------------------------------------------------


@dataclass
class Storm:
    """A gate in which anything may happen: faults of ledger and book, holds, bad answers, cancellations, clocks set."""

    place: Place
    rng: random.Random
    waiting: list[Waiting] = field(default_factory=list)
    under_way: list[Waiting] = field(default_factory=list)

    async def step(self) -> None:
        rng, place = self.rng, self.place
        match rng.randrange(12):
            case 0 | 1 | 2 | 3:
                lane: Lane = rng.choice(("live", "panel", "backfill"))
                call = place.enter(
                    "", lane, rng.choice("abc"), tokens=rng.choice((10, 1_000)), cost=rng.choice((1, 30))
                )
                self.waiting.append(call)
            case 4 | 5 | 6 | 7:
                self._end(rng.choice((None, None, None, None, 0.0, 0.3, 2.0, 7.0)))
            case 8:
                self._cancel()
            case 9:
                place.ledger.reserve_faults += [RetryLater("gone")] * rng.randrange(2)
                place.ledger.settle_faults += [RetryLater("gone")] * rng.randrange(3)
            case 10:
                place.book.faults = rng.choice((0, 0, 1, 8))
            case 11:
                place.clock.jump(rng.choice((0.0, 0.0, -5.0, 30.0)))
        await place.clock.pass_time(rng.choice((0.0, 0.001, 0.02, 0.5, 3.0)))
        self.under_way += [call for call in self.waiting if call.went]
        self.waiting = [call for call in self.waiting if not call.task.done()]

    def _end(self, hold: float | None) -> None:
        if self.under_way:
            call = self.under_way.pop(self.rng.randrange(len(self.under_way)))
            end = _end(call.ask, hold=hold)
            if self.rng.random() < 0.2:
                self.place.gate.forget(call.ask.call_id)
            elif self.rng.random() < 0.2:
                self.place.gate.leave_soon(end)
            else:
                storing = asyncio.ensure_future(self.place.gate.leave(end, bad=self.rng.random() < 0.3))
                storing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _cancel(self) -> None:
        if self.waiting:
            self.rng.choice(self.waiting).task.cancel()


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_happens_everyone_gets_a_turn_or_an_error_and_nothing_is_left_behind(make, seed: int) -> None:
    place = make(limits=Limits(6_000, 10**6, 4), caps=Caps(120))
    storm = Storm(place, random.Random(seed))
    for _ in range(300):
        await storm.step()
    place.ledger.reserve_faults, place.ledger.settle_faults, place.book.faults = [], [], 0
    for _ in range(400):
        storm._end(None)
        await place.clock.pass_time(0.2)
        storm.under_way += [call for call in storm.waiting if call.went]
        storm.waiting = [call for call in storm.waiting if not call.task.done()]
    assert not storm.waiting
    assert place.gate._pacer.under_way == 0
    # An end that the ledger was away for too long for is found by the first that reserves after its lease.
    await place.clock.pass_time(61.0)
    await place.ledger.reserve([], place.clock.now())
    reserved = [spend.reserved for lanes in place.ledger.days.values() for spend in lanes.values()]
    assert set(reserved) <= {0}
