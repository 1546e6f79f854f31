"""One suite for both ledgers: in memory and in PostgreSQL, shared by two processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.adapters.llm_ledger import CallAsk, CallEnd, MemoryLedger
from core.adapters.llm_postgres import PostgresLedger
from core.domain.budget import Caps, Grant, Held, Over

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
LEASE = 150.0
CAPS = Caps(1_000)


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

    def __init__(self, caps: Caps, wall: Wall) -> None:
        self.ledger = MemoryLedger(caps, LEASE, wall)
        self.replicas = [self.ledger] * 8

    async def spend(self, day: datetime = DAY) -> tuple[int, int]:
        found = self.ledger.days[day.date()].values()
        return sum(spend.spent for spend in found), sum(spend.reserved for spend in found)

    async def call(self, call_id: UUID) -> tuple[str, int] | None:
        entry = self.ledger.calls.get(call_id)
        return None if entry is None else (entry.status, entry.cost)


class Postgres:
    """Looks into the tables."""

    def __init__(self, pool: asyncpg.Pool, caps: Caps, wall: Wall) -> None:
        self.pool = pool
        self.replicas = [PostgresLedger(pool, caps, LEASE, wall) for _ in range(8)]

    async def spend(self, day: datetime = DAY) -> tuple[int, int]:
        row = await self.pool.fetchrow(
            "SELECT sum(spent_usd) AS s, sum(reserved_usd) AS r FROM assay_data.llm_spend WHERE day = $1", day.date()
        )
        return int(row["s"] * 10**12), int(row["r"] * 10**12)

    async def call(self, call_id: UUID) -> tuple[str, int] | None:
        row = await self.pool.fetchrow("SELECT status, cost_usd FROM assay.llm_calls WHERE call_id = $1", call_id)
        return None if row is None else (row["status"], int(row["cost_usd"] * 10**12))


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def make(request, wall):
    if request.param == "postgres":
        pool = request.getfixturevalue("work_pool")
        return lambda caps=CAPS: Postgres(pool, caps, wall)
    return lambda caps=CAPS: Memory(caps, wall)


def _ask(lane="live", cost=100, endpoint="here", lease=None) -> CallAsk:
    return CallAsk(
        call_id=uuid4(),
        endpoint=endpoint,
        lane=lane,
        purpose="judgements",
        model="m",
        prompt_version="p@1",
        prompt_hash="h",
        subject={"query": 'socks\0 "x" \\'},
        tasks=(uuid4(), uuid4()),
        tokens=100,
        cost=cost,
        lease=lease,
        prices="2026-11-01",
    )


def _end(ask: CallAsk, status="ok", cost: int | None = 40, hold=None) -> CallEnd:
    return CallEnd(
        call_id=ask.call_id,
        status=status,
        started_at=DAY,
        latency_ms=5,
        tokens=50,
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
    await found.replicas[0].settle([_end(ask, "timeout", None)], [])
    assert (await found.spend(), await found.call(ask.call_id)) == ((100, 0), ("timeout", 100))


async def test_an_unsent_call_leaves_no_trace(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([], [ask.call_id])
    assert (await found.spend(), await found.call(ask.call_id)) == ((0, 0), None)


async def test_replicas_share_the_budget_of_a_day_and_the_next_day_is_new(make):
    found, ask = make(), _ask(cost=950)
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, cost=950)], [])
    [today] = await found.replicas[1].reserve([_ask(cost=51)], DAY)
    [tomorrow] = await found.replicas[1].reserve([_ask(cost=51)], DAY + timedelta(days=1))
    assert (today, tomorrow) == (Over("budget", MIDNIGHT), Grant())


async def test_a_lane_at_its_cap_waits_for_midnight_and_the_others_go_on(make):
    found, ask = make(Caps(1_000, {"backfill": 100})), _ask("backfill", cost=90)
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, cost=90)], [])
    verdicts = await found.replicas[1].reserve([_ask("backfill", 11), _ask("panel", 11), _ask("backfill", 10)], DAY)
    assert verdicts == [Over("lane_budget", MIDNIGHT), Grant(), Grant()]


async def test_what_only_the_calls_under_way_could_give_back_is_waited_for(make):
    found, under_way = make(Caps(1_000, {"panel": 150})), [_ask(cost=900), _ask("panel")]
    await found.replicas[0].reserve(under_way, DAY)
    verdicts = await found.replicas[1].reserve([_ask(cost=101), _ask("panel", cost=90)], DAY)
    await found.replicas[0].settle([_end(under_way[0], cost=1), _end(under_way[1], cost=1)], [])
    assert verdicts == [Over("waits_for_settlement")] * 2
    assert await found.replicas[1].reserve([_ask(cost=101), _ask("panel", cost=90)], DAY) == [Grant(), Grant()]


async def test_better_lanes_get_the_last_of_the_budget(make):
    found = make(Caps(250))
    verdicts = await found.replicas[0].reserve([_ask("backfill"), _ask("panel"), _ask()], DAY)
    assert verdicts == [Over("waits_for_settlement"), Grant(), Grant()]


async def test_a_small_call_does_not_overtake_a_large_one_of_its_lane(make):
    found = make(Caps(250))
    await found.replicas[0].reserve([_ask()], DAY)
    assert await found.replicas[0].reserve([_ask(cost=200), _ask(cost=10)], DAY) == [Over("waits_for_settlement")] * 2


async def test_a_call_is_paid_by_the_day_it_was_reserved_on(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].reserve([_ask()], DAY + timedelta(days=1))
    await found.replicas[0].settle([_end(ask)], [])
    assert await found.spend() == (40, 0)
    assert await found.spend(DAY + timedelta(days=1)) == (0, 100)


async def test_the_calls_of_a_dead_process_are_lost_and_stay_paid_at_their_worst(make, wall):
    found = make()
    dead, batch = _ask(), _ask(lease=90_000.0)
    await found.replicas[0].reserve([dead, batch], DAY)
    wall.time += timedelta(seconds=LEASE + 1)
    await found.replicas[1].reserve([_ask(cost=1)], DAY)
    assert (await found.spend(), await found.call(dead.call_id)) == ((100, 101), ("lost", 100))
    assert await found.call(batch.call_id) == ("running", 100)


async def test_a_lost_call_that_ends_after_all_is_corrected(make, wall):
    found, slow, unsent = make(), _ask(), _ask()
    await found.replicas[0].reserve([slow, unsent], DAY)
    wall.time += timedelta(seconds=LEASE + 1)
    await found.replicas[1].reserve([_ask(cost=1)], DAY)
    await found.replicas[0].settle([_end(slow)], [unsent.call_id])
    assert (await found.spend(), await found.call(slow.call_id)) == ((40, 1), ("ok", 40))
    assert await found.call(unsent.call_id) is None


async def test_a_hold_holds_its_endpoint_for_every_replica(make, wall):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask, "rate_limited", hold=30.0)], [])
    wall.time += timedelta(seconds=29.0)
    verdicts = await found.replicas[1].reserve([_ask(), _ask(endpoint="there")], DAY)
    assert verdicts == [Held(pytest.approx(1.0, abs=1e-5)), Grant()]
    wall.time += timedelta(seconds=1.1)
    assert await found.replicas[1].reserve([_ask()], DAY) == [Grant()]


async def test_the_longer_of_two_holds_is_kept(make, wall):
    found, asks = make(), [_ask(), _ask()]
    await found.replicas[0].reserve(asks, DAY)
    await found.replicas[0].settle([_end(asks[0], "rate_limited", hold=30.0)], [])
    await found.replicas[1].settle([_end(asks[1], "rate_limited", hold=2.0)], [])
    assert await found.replicas[1].reserve([_ask()], DAY) == [Held(pytest.approx(30.0, abs=1e-5))]


async def test_settling_twice_counts_once(make):
    found, ask = make(), _ask()
    await found.replicas[0].reserve([ask], DAY)
    await found.replicas[0].settle([_end(ask)], [])
    await found.replicas[1].settle([_end(ask)], [ask.call_id])
    assert await found.spend() == (40, 0)


async def test_eight_replicas_at_once_never_pass_a_cap(make):
    found = make(Caps(5_000, {"panel": 1_000}))
    asks = [[_ask("panel" if n % 2 else "live") for n in range(20)] for _ in range(16)]
    answers = await asyncio.gather(*(found.replicas[i % 8].reserve(batch, DAY) for i, batch in enumerate(asks)))
    granted = [
        ask for batch, got in zip(asks, answers, strict=True) for ask, v in zip(batch, got, strict=True) if v == Grant()
    ]
    assert sum(ask.lane == "panel" for ask in granted) == 10
    assert (len(granted), await found.spend()) == (50, (0, 5_000))


async def test_replicas_that_settle_and_reserve_at_once_keep_the_books(make):
    found = make(Caps(10**9))

    async def work(replica, day):
        for _ in range(6):
            asks = [_ask(lane) for lane in ("live", "panel", "backfill")]
            assert await replica.reserve(asks, day) == [Grant()] * 3
            await replica.settle([_end(ask) for ask in asks[:2]], [asks[2].call_id])

    await asyncio.gather(*(work(replica, DAY + timedelta(days=i % 2)) for i, replica in enumerate(found.replicas)))
    assert (await found.spend(), await found.spend(DAY + timedelta(days=1))) == ((4 * 6 * 80, 0), (4 * 6 * 80, 0))


@pytest.mark.postgres
async def test_an_ended_call_is_kept_with_tasks_prices_and_rules(work_pool):
    ledger, ask = PostgresLedger(work_pool, CAPS, LEASE), _ask()
    await ledger.reserve([ask], DAY)
    await ledger.settle([_end(ask)], [])
    row = await work_pool.fetchrow(
        "SELECT * FROM assay_data.llm_calls JOIN assay_data.llm_prompts USING (prompt_hash) WHERE call_id = $1",
        ask.call_id,
    )
    kept = (row["tasks"], row["price_version"], row["endpoint"], row["system"], row["reply"])
    assert kept == (list(ask.tasks), "2026-11-01", "here", "rules", "a\ufffdb?")
    assert row["subject"] == {"query": 'socks\ufffd "x" \\'}


@pytest.mark.postgres
async def test_a_day_whose_rows_are_gone_is_made_anew_and_grants_nothing_unseen(work_pool):
    ledger = PostgresLedger(work_pool, CAPS, LEASE)
    await ledger.reserve([_ask()], DAY)
    await work_pool.execute("DELETE FROM assay_data.llm_spend")
    assert await ledger.reserve([_ask()], DAY) == [Over("waits_for_settlement")]
    assert await ledger.reserve([_ask()], DAY) == [Grant()]


@pytest.mark.postgres
async def test_the_costs_by_segment_are_the_books_of_the_day(work_pool, wall):
    """Answered, failed, lost, lost and ended after all, never sent: the two sums stay equal."""
    ledger = PostgresLedger(work_pool, CAPS, LEASE, wall)
    asks = [_ask(lane) for lane in ("live", "live", "panel", "panel", "backfill")]
    await ledger.reserve(asks, DAY)
    await ledger.settle([_end(asks[0]), _end(asks[1], "timeout", None)], [asks[4].call_id])
    wall.time += timedelta(seconds=LEASE + 1)
    await ledger.reserve([], DAY)
    await ledger.settle([_end(asks[2])], [])
    rows = await work_pool.fetch("SELECT lane, status, calls, cost_usd FROM assay.llm_cost_daily WHERE calls > 0")
    booked = {(row["lane"], row["status"]): (row["calls"], int(row["cost_usd"] * 10**12)) for row in rows}
    assert booked == {
        ("live", "ok"): (1, 40),
        ("live", "timeout"): (1, 100),
        ("panel", "ok"): (1, 40),
        ("panel", "lost"): (1, 100),
    }
    differs = """SELECT count(*)
        FROM (SELECT day, lane, sum(cost_usd) AS usd FROM assay.llm_cost_daily GROUP BY 1, 2) AS c
        FULL JOIN assay.llm_spend_daily AS s USING (day, lane) WHERE coalesce(c.usd, 0) <> s.spent_usd"""
    assert await work_pool.fetchval(differs) == 0
