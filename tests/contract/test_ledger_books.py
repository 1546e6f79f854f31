"""Whatever happens in whatever order, the books of both ledgers are right, and the two say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.llm_ledger import CallAsk, CallEnd, Ledger, MemoryLedger
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.postgres import Pool
from core.domain.budget import Caps, Grant

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = 100.0
CAPS = Caps(600, {"panel": 250, "backfill": 100})
LANES = ("live", "panel", "backfill")

CALLS = st.lists(st.tuples(st.sampled_from(LANES), st.integers(0, 120), st.booleans()), min_size=1, max_size=5)
PLACE = st.integers(0, 1_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), CALLS, st.integers(0, 1)),
        st.tuples(st.just("settle"), st.lists(PLACE, max_size=4), st.one_of(st.none(), st.integers(0, 50))),
        st.tuples(st.just("forget"), st.lists(PLACE, max_size=2), st.none()),
        st.tuples(st.just("hold"), PLACE, st.floats(1.0, 90.0)),
        st.tuples(st.just("die"), st.floats(1.0, 160.0), st.none()),
    ),
    max_size=14,
)
"""What happens: calls asked for (on this day or the next), ended once or again, given back, held, or simply no more
heard of while time goes by, as when their process was killed."""


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a ledger does not wait")


@dataclass
class Run:
    """The steps on one ledger: its verdicts as words, and the calls it granted."""

    ledger: Ledger
    wall: Wall
    ids: dict[int, UUID]
    granted: list[UUID] = field(default_factory=list)
    worst: dict[UUID, int] = field(default_factory=dict)
    words: list[list[str]] = field(default_factory=list)

    async def step(self, number: int, step: tuple) -> None:
        kind, what, how = step
        if kind == "reserve":
            await self._reserve(number, what, NOON + timedelta(days=how))
        elif kind == "die":
            self.wall.time += timedelta(seconds=what)
        elif kind == "forget":
            await self.ledger.settle([], self._picked(what))
        elif kind == "hold":
            await self.ledger.settle([self._end(call_id, None, how) for call_id in self._picked([what])], [])
        else:
            await self.ledger.settle([self._end(call_id, how) for call_id in self._picked(what)], [])

    async def _reserve(self, number: int, calls: list, at: datetime) -> None:
        asks = [self._ask(number * 10 + place, *call) for place, call in enumerate(calls)]
        self.worst |= {ask.call_id: ask.cost for ask in asks}
        verdicts = await self.ledger.reserve(asks, at)
        self.granted += [ask.call_id for ask, verdict in zip(asks, verdicts, strict=True) if verdict == Grant()]
        self.words.append([str(verdict) for verdict in verdicts])

    def _picked(self, places: list[int]) -> list[UUID]:
        return list({self.granted[place % len(self.granted)]: None for place in places}) if self.granted else []

    def _ask(self, name: int, lane: str, cost: int, long: bool) -> CallAsk:
        call_id = self.ids.setdefault(name, uuid4())
        lease = 10 * LEASE if long else None
        return CallAsk(call_id, "here", lane, "judgements", "m", "p", "h", {}, (), 10, cost, lease=lease)

    def _end(self, call_id: UUID, cost: int | None, hold: float | None = None) -> CallEnd:
        real = None if cost is None else min(cost, self.worst[call_id])
        return CallEnd(call_id, "ok", NOON, 5, 10, real, hold=hold)


def memory_books(ledger: MemoryLedger) -> dict:
    return {
        (day, lane): (spend.spent, spend.reserved)
        for day, lanes in ledger.days.items()
        for lane, spend in lanes.items()
        if spend.spent or spend.reserved
    }


def counted(ledger: MemoryLedger) -> dict:
    """The books as the calls themselves tell them."""
    books: dict = {}
    for entry in ledger.calls.values():
        spent, reserved = books.get((entry.day, entry.ask.lane), (0, 0))
        running = entry.status == "running"
        change = (0, entry.cost) if running else (entry.cost, 0)
        books[entry.day, entry.ask.lane] = (spent + change[0], reserved + change[1])
    return {key: sums for key, sums in books.items() if sums != (0, 0)}


@given(steps=STEPS)
async def test_the_books_are_the_sum_of_the_calls_and_keep_to_the_caps(steps):
    wall = Wall()
    ledger = MemoryLedger(CAPS, LEASE, wall)
    run = Run(ledger, wall, {})
    for number, step in enumerate(steps):
        await run.step(number, step)
        books = memory_books(ledger)
        assert books == counted(ledger)
        for day in {day for day, _ in books}:
            assert sum(sum(sums) for (of, _), sums in books.items() if of == day) <= CAPS.day
        assert all(sum(sums) <= CAPS.of(lane) for (_, lane), sums in books.items())


@pytest.mark.postgres
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_postgres_says_and_books_what_the_memory_does(work_pool: Pool, steps):
    await work_pool.execute(
        "TRUNCATE assay_data.llm_spend, assay_data.llm_reservations, assay_data.llm_calls, assay_data.llm_holds, "
        "assay_data.llm_costs"
    )
    wall, ids = Wall(), {}
    memory = MemoryLedger(CAPS, LEASE, wall)
    runs = [Run(memory, wall, ids), Run(PostgresLedger(work_pool, CAPS, LEASE, wall), Wall(), ids)]
    runs[1].ledger._wall = runs[1].wall
    for number, step in enumerate(steps):
        for run in runs:
            await run.step(number, step)
    assert runs[1].words == runs[0].words
    rows = await work_pool.fetch("SELECT * FROM assay_data.llm_spend WHERE spent_usd <> 0 OR reserved_usd <> 0")
    pico = {(row["day"], row["lane"]): (row["spent_usd"] * 10**12, row["reserved_usd"] * 10**12) for row in rows}
    assert pico == memory_books(memory)
    costs = await work_pool.fetch("SELECT day, lane, sum(cost_usd) AS usd FROM assay_data.llm_costs GROUP BY day, lane")
    booked = {(row["day"], row["lane"]): row["usd"] * 10**12 for row in costs if row["usd"]}
    assert booked == {key: spent for key, (spent, _) in pico.items() if spent}
