"""One suite for both ledgers: in memory and in PostgreSQL, shared by two processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from core.adapters.llm_ledger import CallAsk, CallEnd, MemoryLedger
from core.adapters.llm_postgres import PostgresLedger
from core.domain.lane import Grant, Limits, Refuse, Wait

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(requests_per_minute=60_000, tokens_per_minute=10**8, max_in_flight=3, budget=1_000, lease=150.0)


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Memory:
    """Looks into a ledger in memory."""

    def __init__(self, limits: Limits, wall: Wall) -> None:
        self.replicas = [MemoryLedger(limits, wall)] * 2

    async def spend(self, day: datetime = DAY) -> tuple[int, int]:
        found = self.replicas[0].days[day.date()]
        return found.spent, found.reserved

    async def call(self, call_id) -> tuple[str, int] | None:
        entry = self.replicas[0].calls.get(call_id)
        return None if entry is None else (entry.status, entry.cost)


class Postgres:
    """Looks into the tables."""

    def __init__(self, pool: asyncpg.Pool, limits: Limits, wall: Wall) -> None:
        self.pool = pool
        self.replicas = [PostgresLedger(pool, limits, wall), PostgresLedger(pool, limits, wall)]

    async def spend(self, day: datetime = DAY) -> tuple[int, int]:
        row = await self.pool.fetchrow("SELECT * FROM assay_data.llm_spend WHERE day = $1", day.date())
        return int(row["spent_usd"] * 10**12), int(row["reserved_usd"] * 10**12)

    async def call(self, call_id) -> tuple[str, int] | None:
        row = await self.pool.fetchrow("SELECT status, cost_usd FROM assay.llm_calls WHERE call_id = $1", call_id)
        return None if row is None else (row["status"], int(row["cost_usd"] * 10**12))


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def make(request, wall):
    def memory(limits: Limits = LIMITS) -> Memory:
        return Memory(limits, wall)

    def postgres(limits: Limits = LIMITS) -> Postgres:
        return Postgres(request.getfixturevalue("pool"), limits, wall)

    if request.param == "postgres":
        request.getfixturevalue("pool")
        return postgres
    return memory


def _ask(lane="live", tokens=100, cost=100) -> CallAsk:
    return CallAsk(
        call_id=uuid4(),
        lane=lane,
        purpose="judgements",
        model="m",
        prompt_version="p@1",
        prompt_hash="h",
        subject={"query": "socks\0"},
        tokens=tokens,
        cost=cost,
    )


def _end(ask: CallAsk, status="ok", tokens=50, cost=40, hold=None) -> CallEnd:
    return CallEnd(
        call_id=ask.call_id,
        status=status,
        started_at=DAY,
        latency_ms=5,
        tokens=tokens,
        cost=cost,
        hold=hold,
        system="rules",
        reply="a\0b\ud800",
    )


async def test_a_granted_call_is_reserved_at_its_worst_and_settled_at_its_real_cost(make):
    found, ask = make(), _ask()
    assert await found.replicas[0].reserve([ask], DAY) == [Grant()]
    assert (await found.spend(), await found.call(ask.call_id)) == ((0, 100), ("running", 100))
    await found.replicas[0].settle([_end(ask)], [])
    assert (await found.spend(), await found.call(ask.call_id)) == ((40, 0), ("ok", 40))


async def test_a_call_of_unknown_cost_stays_counted_at_its_worst(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, "timeout", None, None)], [])
    assert (await found.spend(), await found.call(ask.call_id)) == ((100, 0), ("timeout", 100))


async def test_an_unsent_call_leaves_no_trace(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([], [ask.call_id])
    assert (await found.spend(), await found.call(ask.call_id)) == ((0, 0), None)


async def test_replicas_share_the_calls_in_flight(make):
    found = make()
    first = [_ask(), _ask()]
    await found.replicas[0].reserve(first, DAY)
    verdicts = await found.replicas[1].reserve([_ask(), _ask()], DAY)
    await found.replicas[0].settle([_end(first[0])], [])
    [after] = await found.replicas[1].reserve([_ask()], DAY)
    assert (verdicts[0], verdicts[1].reason, after) == (Grant(), "in_flight", Grant())


async def test_replicas_share_the_budget_of_a_day_and_the_next_day_is_new(make):
    found, ask = make(), _ask(cost=950)
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, cost=950)], [])
    [today] = await found.replicas[1].reserve([_ask(cost=51)], DAY)
    [tomorrow] = await found.replicas[1].reserve([_ask(cost=51)], DAY + timedelta(days=1))
    assert (today, tomorrow) == (Refuse("over_budget"), Grant())


async def test_a_call_is_paid_by_the_day_it_was_reserved_on(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].reserve([_ask()], DAY + timedelta(days=1))
    await found.replicas[0].settle([_end(ask)], [])
    assert await found.spend() == (40, 0)
    assert await found.spend(DAY + timedelta(days=1)) == (0, 100)


async def test_the_calls_of_a_dead_process_free_their_slots_and_stay_paid_at_their_worst(make, wall):
    found = make()
    dead = [_ask(), _ask(), _ask()]
    await found.replicas[0].reserve(dead, DAY)
    wall.time += timedelta(seconds=LIMITS.lease + 1)
    [verdict] = await found.replicas[1].reserve([_ask(cost=1)], DAY)
    assert verdict == Grant()
    assert (await found.spend(), await found.call(dead[0].call_id)) == ((300, 1), ("lost", 100))


async def test_a_lost_call_that_ends_after_all_is_corrected_and_frees_no_second_slot(make, wall):
    found = make()
    slow = _ask()
    await found.replicas[0].reserve([slow], DAY)
    wall.time += timedelta(seconds=LIMITS.lease + 1)
    await found.replicas[1].reserve([_ask(cost=1), _ask(cost=1), _ask(cost=1)], DAY)
    await found.replicas[0].settle([_end(slow)], [])
    [verdict] = await found.replicas[0].reserve([_ask()], DAY)
    assert (await found.spend(), await found.call(slow.call_id)) == ((40, 3), ("ok", 40))
    assert isinstance(verdict, Wait)


async def test_a_hold_holds_every_replica_and_then_lets_one_call_see(make, wall):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, "rate_limited", hold=30.0)], [])
    wall.time += timedelta(seconds=29.9)
    [held] = await found.replicas[1].reserve([_ask()], DAY)
    wall.time += timedelta(seconds=0.2)
    [probe] = await found.replicas[1].reserve([_ask()], DAY)
    [other] = await found.replicas[0].reserve([_ask()], DAY)
    assert (held.reason, probe, other.reason) == ("hold", Grant(), "probe")


async def test_the_rate_of_a_minute_is_shared(make, wall):
    found = make(Limits(requests_per_minute=60, tokens_per_minute=10**8, max_in_flight=100, budget=10**6, lease=150.0))
    granted = 0
    for step in range(240):
        verdicts = await found.replicas[step % 2].reserve([_ask(cost=1)], DAY)
        granted += verdicts.count(Grant())
        wall.time += timedelta(seconds=0.25)
    assert 55 <= granted <= 60


async def test_live_goes_before_backfill(make):
    found = make()
    verdicts = await found.replicas[0].reserve([_ask("backfill"), _ask("panel"), _ask(), _ask()], DAY)
    assert [type(verdict) for verdict in verdicts] == [Wait, Grant, Grant, Grant]


async def test_settling_twice_counts_once(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask)], [])
    await found.replicas[0].settle([_end(ask)], [])
    assert await found.spend() == (40, 0)


async def test_many_at_once_never_pass_calls_in_flight_or_budget(make):
    found = make(Limits(requests_per_minute=10**6, tokens_per_minute=10**9, max_in_flight=7, budget=1_000, lease=150.0))
    asks = [[_ask(cost=100) for _ in range(4)] for _ in range(10)]
    answers = await asyncio.gather(*(found.replicas[i % 2].reserve(batch, DAY) for i, batch in enumerate(asks)))
    assert sum(verdicts.count(Grant()) for verdicts in answers) == 7
    assert await found.spend() == (0, 700)
