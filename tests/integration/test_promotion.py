"""Runs in place of the live panes, on PostgreSQL: which hours, which runs, and what the dry run says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.promotions import Promotion, Promotions
from core.adapters.replay_states import ReplayStates
from core.adapters.replays import ReplayRuns
from core.domain.replays import Asked, Hours, Marks, Stretch, lock_of
from core.domain.timestamps import HOUR_MS, to_milliseconds
from core.errors import StopProcess, UsageError
from tests.support.fakes import NOON

LIVE = "search-log"
FROM = to_milliseconds(NOON)
ENDS: Marks = {("search-log-replay", 0): 9, ("search-log-replay", 1): 4}
Panes = Mapping[tuple[str, int], int]
"""Searches by query and hour after noon."""


async def put(pool: Pool, run: str, panes: Panes) -> None:
    await pool.executemany(
        "INSERT INTO assay_data.panes VALUES ($1, 'shop', 'uk', $2, $3, $4, $4, 0, 0, 0, 0)",
        [(run, query, NOON + timedelta(hours=hour), searches) for (query, hour), searches in panes.items()],
    )


async def shown(pool: Pool, run: str = "live") -> dict[tuple[str, int], int]:
    rows = await pool.fetch("SELECT query, hour, searches FROM assay.query_panes WHERE run = $1", run)
    return {(row["query"], int((row["hour"] - NOON).total_seconds()) // 3_600): row["searches"] for row in rows}


async def copied(pool: Pool, run: str = "r", hours: tuple[int, int] | None = (0, 2), missing: int = 0) -> None:
    """A run that was copied, over these hours after noon."""
    book, asked = ReplayRuns(pool), Asked(run, FROM, FROM + 2 * HOUR_MS)
    await book.begin(asked, [Stretch(LIVE, "search-log-replay", 0, 0, 9)], {}, None, NOON)
    covers = None if hours is None else Hours(FROM + hours[0] * HOUR_MS, FROM + hours[1] * HOUR_MS)
    await book.finish(run, 1, ENDS, covers, NOON)
    await pool.execute("UPDATE assay_data.replays SET missing = $1", missing)


async def read_to(pool: Pool, topic: str, applied: Mapping[int, int], open_sessions: int = 0) -> None:
    await pool.executemany(
        "INSERT INTO assay_data.stream_partitions (topic, partition, applied, open_sessions, watermark, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (topic, partition) DO UPDATE SET applied = excluded.applied",
        [(topic, partition, at, open_sessions, NOON) for partition, at in applied.items()],
    )


async def promote(pool: Pool, run: str = "r", within: Hours | None = None, *, dry: bool = False) -> Promotion:
    return await Promotions(pool, LIVE).promote(run, within, NOON, dry=dry)


@pytest.fixture
async def read(pool: Pool) -> Pool:
    """A run that was copied and read."""
    await copied(pool)
    await read_to(pool, "search-log-replay", {0: 9, 1: 4})
    return pool


async def test_the_hours_covered_become_the_runs_and_others_stay(read: Pool) -> None:
    await put(read, "live", {("mug", -1): 1, ("mug", 0): 2, ("pot", 1): 3, ("mug", 2): 4})
    await put(read, "r", {("mug", 0): 20, ("jug", 0): 30, ("mug", 2): 40})
    done = await promote(read)
    assert await shown(read) == {("mug", -1): 1, ("mug", 0): 20, ("jug", 0): 30, ("mug", 2): 4}
    assert (done.removed, done.added, done.changed, done.unchanged, done.hours) == (1, 1, 1, 0, 2)
    assert (done.searches_before, done.searches_after) == (5, 50)


async def test_an_hour_in_which_the_run_has_nothing_is_emptied(read: Pool) -> None:
    await put(read, "live", {("mug", 0): 1, ("wrong", 1): 9})
    await put(read, "r", {("mug", 0): 1})
    await promote(read)
    assert await shown(read) == {("mug", 0): 1}


async def test_within_narrows_the_hours(read: Pool) -> None:
    await put(read, "live", {("mug", 0): 1, ("mug", 1): 2})
    await put(read, "r", {("mug", 0): 10, ("mug", 1): 20})
    await promote(read, within=Hours(FROM + HOUR_MS, FROM + 9 * HOUR_MS))
    assert await shown(read) == {("mug", 0): 1, ("mug", 1): 20}


async def test_a_run_of_files_takes_the_hours_it_has_panes_in(pool: Pool) -> None:
    await copied(pool, hours=None)
    await read_to(pool, "search-log-replay", {0: 9, 1: 4})
    await put(pool, "live", {("mug", 0): 1, ("mug", 1): 2})
    await put(pool, "r", {("jug", 1): 20})
    await promote(pool)
    assert await shown(pool) == {("mug", 0): 1, ("jug", 1): 20}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_what_the_dry_run_says_is_what_promote_does(read: Pool, data: st.DataObject) -> None:
    keys = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-1, 2))
    panes = st.dictionaries(keys, st.integers(1, 3), max_size=8)
    live, own = data.draw(panes), {**data.draw(panes), ("a", 0): 2}
    await read.execute("DELETE FROM assay_data.panes")
    await read.execute("UPDATE assay_data.replays SET promoted_at = NULL")
    await put(read, "live", live)
    await put(read, "r", own)
    dry = await promote(read, dry=True)
    assert await shown(read) == live
    assert await promote(read) == dry
    expected = {k: n for k, n in live.items() if k[1] not in (0, 1)} | {k: n for k, n in own.items() if k[1] in (0, 1)}
    assert await shown(read) == expected
    old, new = ({k: n for k, n in of.items() if k[1] in (0, 1)} for of in (live, own))
    assert (dry.removed, dry.added) == (len(old.keys() - new.keys()), len(new.keys() - old.keys()))
    assert dry.changed == sum(old[k] != new[k] for k in old.keys() & new.keys())
    assert {q.query for q in dry.queries} == {k[0] for k in old.keys() | new.keys() if old.get(k) != new.get(k)}


async def test_the_second_time_nothing_changes(read: Pool) -> None:
    await put(read, "r", {("mug", 0): 20})
    await promote(read)
    await read.execute("UPDATE assay_data.panes SET searches = 21 WHERE run = 'live'")
    assert (await promote(read)).already
    assert await shown(read) == {("mug", 0): 21}


@pytest.mark.parametrize(("applied", "told"), [({0: 9}, "[1] at 0 of 5"), ({0: 8, 1: 4}, "[0] at 9 of 10")])
async def test_a_run_that_is_not_read_to_its_end_is_refused(pool: Pool, applied: dict[int, int], told: str) -> None:
    await copied(pool)
    await read_to(pool, "search-log-replay", applied)
    await put(pool, "r", {("mug", 0): 20})
    with pytest.raises(StopProcess) as refused:
        await promote(pool)
    assert told in str(refused.value)
    assert await shown(pool) == {}


async def test_a_stopped_partition_is_named_as_the_reason(pool: Pool) -> None:
    await copied(pool)
    await read_to(pool, "search-log-replay", {0: 3, 1: 4})
    await pool.execute("UPDATE assay_data.stream_partitions SET stopped = 'flood' WHERE partition = 0")
    with pytest.raises(StopProcess, match="stopped: flood"):
        await promote(pool)


async def test_a_run_that_is_not_copied_to_its_end_is_refused(pool: Pool) -> None:
    stretch = Stretch(LIVE, "search-log-replay", 0, 0, 9)
    await ReplayRuns(pool).begin(Asked("r", FROM, FROM + HOUR_MS), [stretch], {}, None, NOON)
    await put(pool, "r", {("mug", 0): 20})
    with pytest.raises(StopProcess, match="goes on"):
        await promote(pool)


async def test_a_run_without_panes_in_its_hours_does_not_empty_them(read: Pool) -> None:
    await put(read, "live", {("mug", 0): 1})
    with pytest.raises(StopProcess, match="no panes"):
        await promote(read)
    assert await shown(read) == {("mug", 0): 1}


async def test_a_run_that_another_producer_sent_is_promoted_with_a_word_of_doubt(pool: Pool) -> None:
    await put(pool, "theirs", {("mug", 0): 20})
    done = await promote(pool, "theirs")
    assert "not known" in done.notes[0]
    assert await shown(pool) == {("mug", 0): 20}
    assert (await promote(pool, "theirs")).already


async def test_what_is_wrong_with_it_is_said(read: Pool) -> None:
    await read.execute("UPDATE assay_data.replays SET missing = 3")
    await read_to(read, LIVE, {0: 5}, open_sessions=2)
    await put(read, "r", {("mug", 0): 20})
    missing, still_open = (await promote(read)).notes
    assert "3 of its records" in missing
    assert "2 live sessions" in still_open


async def test_what_a_live_session_adds_after_it_stays(read: Pool) -> None:
    await put(read, "live", {("mug", 0): 1})
    await put(read, "r", {("mug", 0): 20})
    await promote(read)
    await read.execute("UPDATE assay_data.panes SET searches = searches + 1 WHERE run = 'live'")
    assert await shown(read) == {("mug", 0): 21}


# --- All runs ----------------------------------------------------------------------------------------------


async def state(pool: Pool) -> str:
    [found] = await ReplayStates(pool).all()
    return found.state


async def test_a_run_is_shown_as_it_goes_along(pool: Pool) -> None:
    seen = []
    stretch = Stretch(LIVE, "search-log-replay", 0, 0, 9)
    await ReplayRuns(pool).begin(Asked("r", FROM, FROM + HOUR_MS), [stretch], {}, None, NOON)
    async with PostgresLeadership(pool).lead(lock_of("r")):
        seen.append(await state(pool))
    seen.append(await state(pool))
    await ReplayRuns(pool).finish("r", 1, ENDS, Hours(FROM, FROM + HOUR_MS), NOON)
    seen.append(await state(pool))
    await read_to(pool, "search-log-replay", {0: 9, 1: 4})
    await put(pool, "r", {("mug", 0): 20})
    seen.append(await state(pool))
    await promote(pool)
    seen.append(await state(pool))
    await ReplayStates(pool).drop("r", NOON)
    seen.append(await state(pool))
    assert seen == ["copying", "cut off", "copied", "read", "promoted", "dropped"]


async def test_dropping_deletes_what_is_the_runs_and_keeps_its_name(read: Pool) -> None:
    await put(read, "live", {("mug", 0): 1})
    await put(read, "r", {("mug", 0): 20, ("mug", 1): 2})
    dropped = await ReplayStates(read).drop("r", NOON)
    assert dropped is not None
    assert (dropped.panes, dropped.result_lists, dropped.unread) == (2, 0, None)
    assert (await shown(read, "r"), await shown(read)) == ({}, {("mug", 0): 1})
    with pytest.raises(UsageError, match="dropped"):
        await promote(read)


async def test_dropping_a_run_that_is_not_read_says_what_may_come(pool: Pool) -> None:
    await copied(pool)
    await read_to(pool, "search-log-replay", {0: 9})
    dropped = await ReplayStates(pool).drop("r", NOON)
    assert dropped is not None
    assert dropped.unread is not None
    assert dropped.unread.records == 5


async def test_a_run_that_never_was_is_not_dropped(pool: Pool) -> None:
    assert await ReplayStates(pool).drop("r", NOON) is None


async def test_a_run_of_an_earlier_version_is_promoted_in_the_hours_it_has_panes_in(pool: Pool) -> None:
    at: datetime = NOON
    await pool.execute(
        "INSERT INTO assay_data.replays (run, from_at, to_at, begun_at, finished_at) VALUES ('r', $1, $1, $1, $1)", at
    )
    await put(pool, "live", {("mug", 0): 1, ("mug", 1): 2})
    await put(pool, "r", {("mug", 0): 20})
    done = await promote(pool)
    assert "earlier version" in done.notes[0]
    assert await shown(pool) == {("mug", 0): 20, ("mug", 1): 2}
