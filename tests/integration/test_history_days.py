"""Days get their partitions while others write, at once and once; what has none lies in the rest and counts as well."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from core.adapters import days as days_module
from core.adapters.days import HistoryDays
from core.adapters.postgres import transaction
from core.adapters.retention import PostgresRetention
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import DeadLetter, Effects
from core.domain.panes import Counters, PaneKey, Panes
from core.domain.timestamps import to_milliseconds
from core.errors import RetryLater
from core.stream_ports import Partition, Progress, StreamCommit
from tests.support.fakes import FakeClock
from tests.support.history import DAY, KEEPS, LONG_AFTER, NOW, TODAY, midnight, partitions, places, put

SOON_S = 20.0  # far above what is asked for, far below what a lock that is waited for would take: for ever
SPAN = (midnight(TODAY), midnight(TODAY + DAY))
P0 = Partition("search-log", 0)


def days_of(pool: asyncpg.Pool) -> HistoryDays:
    return HistoryDays(pool, KEEPS)


async def ensure(pool: asyncpg.Pool, *days: date) -> None:
    async with asyncio.timeout(SOON_S):
        await days_of(pool).ensure("panes", days, NOW)


async def test_a_day_that_is_asked_for_has_its_rows_in_a_partition_of_its_own(pool: asyncpg.Pool) -> None:
    await ensure(pool, TODAY)
    await put(pool, TODAY, 3)
    assert await places(pool) == {"panes_20260317": 3}


async def test_a_day_has_the_indexes_and_the_key_of_its_history(pool: asyncpg.Pool) -> None:
    await ensure(pool, TODAY)
    await put(pool, TODAY)
    with pytest.raises(asyncpg.UniqueViolationError):
        await put(pool, TODAY)
    attached = await pool.fetchval(
        "SELECT count(*) FROM pg_index WHERE indrelid = 'assay_data.panes_20260317'::regclass AND indisvalid"
    )
    assert attached == await pool.fetchval(
        "SELECT count(*) FROM pg_index WHERE indrelid = 'assay_data.panes'::regclass AND indisvalid"
    )


@pytest.mark.parametrize("day", [date(2000, 1, 1), TODAY - 31 * DAY, TODAY + 4 * DAY, date(9999, 12, 31)])
async def test_a_day_outside_of_the_window_lies_in_the_rest(pool: asyncpg.Pool, day: date) -> None:
    await ensure(pool, day)
    await put(pool, day)
    assert await places(pool) == {"panes_rest": 1}
    assert await pool.fetchval("SELECT count(*) FROM assay.query_panes") == 1


async def test_two_replicas_that_make_the_same_days_at_once_both_succeed(pool: asyncpg.Pool) -> None:
    days = [TODAY - n * DAY for n in range(25)]
    await asyncio.gather(*(ensure(pool, *days) for _ in range(3)))
    assert len(await partitions(pool)) == 25


async def test_open_transactions_on_other_days_neither_hold_up_a_new_day_nor_are_held_up(pool: asyncpg.Pool) -> None:
    await ensure(pool, TODAY)
    async with pool.acquire() as writer, writer.transaction(), pool.acquire() as reader, reader.transaction():
        await put(writer, TODAY)
        await reader.fetch("SELECT * FROM assay_data.panes WHERE hour >= $1 AND hour < $2", midnight(TODAY), NOW)
        await ensure(pool, TODAY - DAY)
        await writer.execute("UPDATE assay_data.panes SET searches = 2 WHERE hour >= $1 AND hour < $2", *SPAN)
        await put(pool, TODAY - DAY)
    assert await places(pool) == {"panes_20260317": 1, "panes_20260316": 1}


async def test_a_transaction_that_a_new_day_came_into_is_to_be_repeated(pool: asyncpg.Pool) -> None:
    async def write() -> None:
        async with transaction(pool) as writer:
            await put(writer, TODAY)
            await ensure(pool, TODAY - DAY)
            await put(writer, TODAY - DAY)  # has known the days since its first statement

    await ensure(pool, TODAY)
    with pytest.raises(RetryLater, match="partition"):
        await write()
    assert await places(pool) == {}


async def test_a_row_that_no_column_takes_is_not_to_be_repeated(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with transaction(pool) as writer:
            await writer.execute("INSERT INTO assay_data.history_days VALUES ('other', $1, true, $2)", TODAY, NOW)


async def test_while_the_rest_is_in_use_a_writer_goes_on_without_the_day_and_retention_makes_it_later(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as other, other.transaction():
        await put(other, date(2001, 1, 1))
        await ensure(pool, TODAY)
        await put(pool, TODAY)
    assert await partitions(pool) == set()
    assert await PostgresRetention(pool).make("panes", [TODAY], NOW) == 1
    assert await places(pool) == {"panes_rest": 1, "panes_20260317": 1}


async def test_rows_of_a_day_that_comes_into_the_window_move_to_its_partition(pool: asyncpg.Pool) -> None:
    coming = TODAY + 10 * DAY
    await put(pool, coming, 50)
    await put(pool, coming + DAY)
    await days_of(pool).ensure("panes", [coming], NOW + 10 * DAY)
    assert await places(pool) == {"panes_20260327": 50, "panes_rest": 1}


async def test_a_writer_does_not_move_a_crowd(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days_module, "MOVED_BY_A_WRITER", 2)
    await put(pool, TODAY, 3)
    await ensure(pool, TODAY)
    assert await places(pool) == {"panes_rest": 3}


async def test_a_process_asks_once_a_day_for_each_day(pool: asyncpg.Pool) -> None:
    days = days_of(pool)
    await days.ensure("panes", [TODAY], NOW)
    asked = "SELECT asked_at FROM assay_data.history_days WHERE day = $1"
    await days.ensure("panes", [TODAY], NOW + timedelta(hours=1))
    assert await pool.fetchval(asked, TODAY) == NOW
    await days.ensure("panes", [TODAY], NOW + DAY)
    assert await pool.fetchval(asked, TODAY) == NOW + DAY


async def test_days_without_end_are_not_remembered_without_end(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days_module, "KNOWN_AT_MOST", 5)
    days = days_of(pool)
    for n in range(20):
        await days.ensure("panes", [date(2000, 1, 1) + n * DAY], NOW)
    assert sum(map(len, days._told.values())) <= 6


# --- The stream's store on days ------------------------------------------------------------------------------


def commit(turn: int, panes: Panes | None = None, letters: tuple[DeadLetter, ...] = ()) -> StreamCommit:
    effects = Effects(panes=panes or Panes(), dead_letters=list(letters))
    return StreamCommit([Progress(P0, 1, turn, turn, turn + 1, 0, None)], effects)


def pane(day: date, searches: int) -> Panes:
    return Panes({PaneKey("live", "shop", "de", "sofa", to_milliseconds(midnight(day))): Counters(searches=searches)})


def letter(offset: int) -> DeadLetter:
    return DeadLetter("live", "search-log", 0, offset, "not_json", "no", b"x", 1)


async def test_a_commit_makes_the_days_it_needs_and_adds_to_panes_there(pool: asyncpg.Pool) -> None:
    store = PostgresStreamStore(pool, FakeClock(NOW), days_of(pool))
    await store.take(P0, "me")
    for turn in (1, 2):
        await store.commit(commit(turn, pane(TODAY - DAY, 2), (letter(turn),)))
    assert await places(pool) == {"panes_20260316": 1}
    assert await places(pool, "dead_letters") == {"dead_letters_20260317": 2}
    assert await pool.fetchval("SELECT searches FROM assay.query_panes") == 4


async def test_panes_that_began_in_the_rest_go_on_in_their_day(pool: asyncpg.Pool) -> None:
    await PostgresStreamStore(pool, FakeClock(NOW)).take(P0, "me")
    await PostgresStreamStore(pool, FakeClock(NOW)).commit(commit(1, pane(TODAY, 2)))
    assert await places(pool) == {"panes_rest": 1}
    await PostgresStreamStore(pool, FakeClock(NOW), days_of(pool)).commit(commit(2, pane(TODAY, 3)))
    assert await places(pool) == {"panes_20260317": 1}
    assert await pool.fetchval("SELECT searches FROM assay.query_panes") == 5


async def test_a_dead_letter_is_stored_once_a_place_whatever_the_day(pool: asyncpg.Pool) -> None:
    clock = FakeClock(NOW)
    store = PostgresStreamStore(pool, clock, days_of(pool))
    await store.take(P0, "me")
    await store.commit(commit(1, letters=(letter(5), letter(7), letter(7))))
    clock.advance(DAY.total_seconds())
    await store.commit(commit(2, letters=(letter(5), letter(6), letter(7))))
    rows = await pool.fetch('SELECT "offset", received_at FROM assay.dead_letters ORDER BY 1')
    assert [tuple(row) for row in rows] == [(5, NOW), (6, NOW + DAY), (7, NOW)]


async def test_a_pane_of_a_dropped_day_that_comes_late_is_stored_and_kept_for_its_days_of_grace(
    pool: asyncpg.Pool,
) -> None:
    await ensure(pool, TODAY)
    retention = PostgresRetention(pool)
    await retention.drop("panes", TODAY, LONG_AFTER, LONG_AFTER)
    await retention.let_go("panes", LONG_AFTER)
    store = PostgresStreamStore(pool, FakeClock(LONG_AFTER), days_of(pool))
    await store.take(P0, "me")
    await store.commit(commit(1, pane(TODAY, 2)))
    assert await retention.clean("panes", TODAY, LONG_AFTER - 7 * DAY, 100) == 0
    assert await places(pool) == {"panes_rest": 1}
