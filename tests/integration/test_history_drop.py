"""Days go: at once, whoever works on other days; never one that is being written to; and never twice or by half."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import date

import asyncpg
import pytest

from consumers.retention import RetentionLook
from core.adapters import retention as adapter
from core.adapters.days import HistoryDays
from core.adapters.retention import PostgresRetention
from core.domain.retention import DAYS_AHEAD, HISTORIES, Keep, KeptDay
from core.errors import RetryLater
from core.telemetry import Metrics
from tests.support.fakes import FakeClock
from tests.support.history import DAY, KEEPS, LONG_AFTER, NOW, TODAY, midnight, partitions, places, put

SOON_S = 30.0  # a day's drop takes milliseconds, waiting for a lock of an open transaction takes for ever
MANY = 200_000
OLD = TODAY - 20 * DAY
ASKED_BEFORE = LONG_AFTER - 7 * DAY


@pytest.fixture
def retention(pool: asyncpg.Pool) -> PostgresRetention:
    return PostgresRetention(pool)


@pytest.fixture
async def days(pool: asyncpg.Pool) -> None:
    """Today and an old day, each with rows in a partition of its own."""
    await HistoryDays(pool, KEEPS).ensure("panes", [OLD, TODAY], NOW)
    await put(pool, OLD, 5)
    await put(pool, TODAY, 5)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that are not free are not asked for again and again."""
    monkeypatch.setattr(adapter, "TRIES", 2)


async def drop(retention: PostgresRetention, day: date = OLD) -> int | None:
    async with asyncio.timeout(SOON_S):
        return await retention.drop("panes", day, ASKED_BEFORE, LONG_AFTER)


async def let_go(retention: PostgresRetention) -> int:
    async with asyncio.timeout(SOON_S):
        return await retention.let_go("panes", LONG_AFTER)


@contextlib.asynccontextmanager
async def at_work_on_today(pool: asyncpg.Pool) -> AsyncIterator[None]:
    """A reader and a writer of today, each in a transaction that stays open."""
    async with pool.acquire() as writer, writer.transaction(), pool.acquire() as reader, reader.transaction():
        await writer.execute("UPDATE assay_data.panes SET searches = 2 WHERE hour >= $1", midnight(TODAY))
        await reader.fetch("SELECT * FROM assay_data.panes WHERE hour >= $1", midnight(TODAY))
        yield


# --- Who is held up ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
async def test_a_large_day_goes_while_others_work_on_other_days_and_nobody_waits(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None, record_property: Callable[[str, object], None]
) -> None:
    await put(pool, OLD + DAY)
    await HistoryDays(pool, KEEPS).ensure("panes", [OLD - DAY], NOW)
    await put(pool, OLD - DAY, MANY)
    async with at_work_on_today(pool):
        began = time.perf_counter()
        assert await drop(retention, OLD - DAY) is not None
        record_property("milliseconds", round((time.perf_counter() - began) * 1000, 1))
        assert await let_go(retention) == 0  # waits for nobody, so that nobody waits for it
        async with asyncio.timeout(SOON_S):
            await pool.execute("UPDATE assay_data.panes SET searches = 3 WHERE hour < $1", midnight(OLD + DAY))
    assert await places(pool) == {"panes_20260225": 5, "panes_20260317": 5, "panes_rest": 1}
    assert await let_go(retention) == 1
    assert await partitions(pool) == {"panes_20260225", "panes_20260317"}


async def test_writers_go_on_all_the_while_days_go(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    going = [OLD - n * DAY for n in range(1, 9)]
    await HistoryDays(pool, KEEPS).ensure("panes", going, NOW)
    stop = asyncio.Event()

    async def write() -> int:
        """Transactions with a lock limit: whoever had to wait for long would fail."""
        written = 0
        while not stop.is_set():
            async with pool.acquire() as held, held.transaction():
                await held.execute("SET LOCAL lock_timeout = '2s'")
                await held.execute("UPDATE assay_data.panes SET searches = 2 WHERE hour >= $1", midnight(TODAY))
            written += 1
            await asyncio.sleep(0.005)
        return written

    writer = asyncio.create_task(write())
    assert [await drop(retention, day) is not None for day in going] == [True] * 8
    assert await let_go(retention) == 8
    stop.set()
    assert await writer > 0


@pytest.mark.usefixtures("impatient")
async def test_a_day_that_is_being_read_goes_the_next_time(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    async with pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT * FROM assay_data.panes")
        assert await drop(retention) is None
    assert await drop(retention) is not None


# --- What stays ----------------------------------------------------------------------------------------------


async def test_a_day_that_was_written_to_in_the_days_of_grace_stays(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await HistoryDays(pool, KEEPS).ensure("panes", [OLD], LONG_AFTER - 6 * DAY)
    assert await drop(retention) is None
    assert (await places(pool))["panes_20260225"] == 5


async def test_a_day_that_is_asked_for_between_its_two_steps_lives_on(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await drop(retention)
    await HistoryDays(pool, KEEPS).ensure("panes", [OLD], LONG_AFTER)
    await put(pool, OLD, 2)
    assert await let_go(retention) == 0
    assert (await places(pool))["panes_20260225"] == 2


async def test_rows_that_nobody_spoke_of_are_not_lost_between_the_two_steps(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await drop(retention)
    await put(pool, OLD, 2)
    assert await let_go(retention) == 0
    kept = await retention.days("panes", TODAY)
    assert kept[0] == KeptDay(OLD, True, LONG_AFTER)
    assert (await places(pool))["panes_20260225"] == 2


# --- Ended in the middle -------------------------------------------------------------------------------------


async def test_the_next_leader_finishes_what_the_last_began(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await drop(retention)
    assert (await retention.days("panes", TODAY))[0].emptied
    look = RetentionLook(PostgresRetention(pool), FakeClock(LONG_AFTER), KEEPS, {}, Metrics())
    await look.take()
    assert "panes_20260225" not in await partitions(pool)


async def test_a_leader_that_dies_in_the_middle_of_a_removal_leaves_the_day_to_be_removed(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drop(retention)
    with monkeypatch.context() as broken:
        broken.setattr(adapter, "_GONE", "SELECT pg_terminate_backend(pg_backend_pid()), $1::text, $2::date")
        with pytest.raises(RetryLater):
            await let_go(retention)
    assert "panes_20260225" in await partitions(pool)
    assert await let_go(retention) == 1
    assert "panes_20260225" not in await partitions(pool)


# --- By hand --------------------------------------------------------------------------------------------------


async def look_long_after(pool: asyncpg.Pool) -> None:
    await RetentionLook(PostgresRetention(pool), FakeClock(LONG_AFTER), KEEPS, {}, Metrics()).take()


async def test_a_day_that_somebody_detached_is_left_to_him(pool: asyncpg.Pool, days: None) -> None:
    await pool.execute("ALTER TABLE assay_data.panes DETACH PARTITION assay_data.panes_20260225")
    await look_long_after(pool)
    assert await pool.fetchval("SELECT count(*) FROM assay_data.panes_20260225") == 5


async def test_the_name_of_a_detached_day_is_not_taken(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await pool.execute("ALTER TABLE assay_data.panes DETACH PARTITION assay_data.panes_20260317")
    await retention.find("panes", TODAY, NOW)
    assert await retention.make("panes", [TODAY], NOW) == 0
    await put(pool, TODAY, 2)
    assert await places(pool) == {"panes_20260225": 5, "panes_rest": 2}


async def test_a_day_that_somebody_dropped_is_gone(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await pool.execute("DROP TABLE assay_data.panes_20260225")
    await look_long_after(pool)
    assert OLD not in [row.day for row in await retention.days("panes", TODAY)]


async def test_a_day_that_somebody_attached_is_known(pool: asyncpg.Pool, retention: PostgresRetention) -> None:
    await put(pool, OLD + DAY)
    await pool.execute("CREATE TABLE assay_data.panes_20260225 PARTITION OF assay_data.panes "
        f"FOR VALUES FROM ('{OLD} 00:00+00') TO ('{OLD + DAY} 00:00+00')")  # fmt: skip
    await HistoryDays(pool, {**KEEPS, "panes": Keep(1, 7)}).ensure("panes", [OLD], NOW)
    await retention.find("panes", TODAY, NOW)
    assert KeptDay(OLD, True, NOW) in await retention.days("panes", TODAY)


# --- The rest ------------------------------------------------------------------------------------------------


async def test_rows_in_the_rest_are_found_and_have_their_days_of_grace(
    pool: asyncpg.Pool, retention: PostgresRetention
) -> None:
    far = TODAY + 300 * DAY
    for day in (date(2001, 5, 6), TODAY - DAY, far):
        await put(pool, day)
    await retention.find("panes", TODAY, NOW)
    await retention.find("panes", TODAY, NOW + DAY)
    expected = [KeptDay(day, False, NOW) for day in (date(2001, 5, 6), TODAY - DAY)]
    assert await retention.days("panes", TODAY) == expected


async def test_a_day_in_the_rest_is_cleaned_in_batches_and_then_forgotten(
    pool: asyncpg.Pool, retention: PostgresRetention
) -> None:
    day = date(2001, 5, 6)
    await put(pool, day, 5)
    await put(pool, day + DAY)
    await retention.find("panes", TODAY, NOW)
    deleted = [await retention.clean("panes", day, ASKED_BEFORE, 3) for _ in range(3)]
    assert deleted == [3, 2, 0]
    assert [row.day for row in await retention.days("panes", TODAY)] == [day + DAY]
    assert await places(pool) == {"panes_rest": 1}


async def test_a_day_in_the_rest_that_was_just_written_to_is_not_cleaned(
    pool: asyncpg.Pool, retention: PostgresRetention
) -> None:
    day = date(2001, 5, 6)
    await put(pool, day, 5)
    await HistoryDays(pool, KEEPS).ensure("panes", [day], NOW)
    assert await retention.clean("panes", day, NOW - 7 * DAY, 3) == 0
    assert await places(pool) == {"panes_rest": 5}


async def test_sizes_are_told_of_days_with_and_without_a_partition(
    pool: asyncpg.Pool, retention: PostgresRetention, days: None
) -> None:
    await put(pool, date(2001, 5, 6), 4)
    await pool.execute("ANALYZE assay_data.panes")
    with_one, without = await retention.sizes("panes", [OLD, date(2001, 5, 6)])
    assert (with_one.rows, without.rows, without.size_bytes) == (5, 4, None)
    assert with_one.size_bytes is not None
    assert with_one.size_bytes > 0


# --- One look at everything ----------------------------------------------------------------------------------


async def test_a_look_makes_the_days_ahead_of_every_history_once(pool: asyncpg.Pool) -> None:
    look = RetentionLook(PostgresRetention(pool), FakeClock(NOW), KEEPS, {}, Metrics())
    assert await look.take() == len(HISTORIES) * (DAYS_AHEAD + 1)
    assert await look.take() == 0
    assert {len(await partitions(pool, history)) for history in HISTORIES} == {DAYS_AHEAD + 1}


async def test_two_leaders_at_once_do_each_thing_once(pool: asyncpg.Pool, days: None) -> None:
    looks = [RetentionLook(PostgresRetention(pool), FakeClock(LONG_AFTER), KEEPS, {}, Metrics()) for _ in range(2)]
    done = sum(await asyncio.gather(*(look.take() for look in looks)))
    assert done == len(HISTORIES) * (DAYS_AHEAD + 1) + 2 + 2  # both days: emptied, and removed
    assert await places(pool) == {}
