"""Partitions that wait for a person: floods of unusable records, topics made again, records that are gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.domain.effects import RawRecord
from core.domain.positions import Stop
from core.errors import StopProcess
from core.runtime import stream
from tests.support.fake_streams import PartitionRow
from tests.support.waiting import until
from tests.unit.runtime.stream_case import P0, P1, PLAN, Case

STRICT = replace(PLAN, dead_share=0.2, dead_window=50)
PATIENT = replace(STRICT, batch_records=10_000)


def bad(offset: int) -> RawRecord:
    return RawRecord(offset, 1, b"{", None)


@pytest.fixture
def flooded(case: Case) -> Case:
    """Partition 0 goes on with 200 records that are no JSON."""
    after = case.last(P0) + 1
    case.logs[P0] = [*case.logs[P0], *[bad(after + number) for number in range(200)]]
    return case


async def test_a_flood_of_unusable_records_stops_its_partition_and_no_other(flooded: Case) -> None:
    case = flooded
    async with case.running(STRICT) as (process, source):
        await source.assign(P0, P1)
        while P0 in source.positions:
            await source.deliver(P0, 20)
        await source.deliver(P1)
        await until(lambda: case.store.rows[P0].stop is not None and case.applied(P1) == case.last(P1))
        assert source.held == [P0]
        assert case.applied(P0) < case.last(P0) - 100
        assert "1 stopped" in process.health().detail


async def test_what_was_read_before_the_flood_is_written_with_the_stop(flooded: Case) -> None:
    case = flooded
    async with case.running(PATIENT) as (_, source):
        await source.assign(P0)
        while P0 in source.positions:
            await source.deliver(P0, 20)
        await until(lambda: case.store.rows[P0].stop is not None)
    [commit] = [c for c in case.store.commits if any(p.stop for p in c.progress)]
    assert commit.snapshots[P0]
    assert len(case.store.dead_letters) == sum(commit.effects.records for commit in case.store.commits) - sum(
        1
        for r in case.records
        if r.partition == 0 and (0, r.offset) not in {(d[1], d[2]) for d in case.store.dead_letters}
    )


async def test_a_stopped_partition_is_not_read_by_its_next_owner(case: Case) -> None:
    row = await stopped_row(case)
    async with case.running() as (process, source):
        await source.offer(P0)
        await until(lambda: row.epoch == 2 and "1 stopped" in process.health().detail)
        assert P0 not in source.positions


async def stopped_row(case: Case) -> PartitionRow:
    await case.store.take(P0, "before")
    row = case.store.rows[P0]
    row.stop = Stop("flood", "2001 of the last 10000")
    return row


async def test_once_released_it_is_read_on_to_the_oracles_panes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STOPPED_LOOK_S", 0.05)
    await stopped_row(case)
    row = case.store.rows[P0]
    async with case.running() as (_, source):
        await source.offer(P0)
        await until(lambda: row.epoch == 2)
        await asyncio.sleep(0.2)
        assert P0 not in source.positions
        row.stop = None
        await until(lambda: P0 in source.positions)
    await case.read_out()
    assert case.is_exact()


async def test_what_a_person_lets_pass_is_no_flood(flooded: Case) -> None:
    case = flooded
    await case.store.take(P0, "before")
    case.store.rows[P0].pass_until = case.last(P0)
    async with case.running(STRICT) as (_, source):
        await source.assign(P0)
        await source.deliver(P0)
        await until(lambda: case.applied(P0) == case.last(P0))
    assert case.store.rows[P0].stop is None


async def test_until_idle_ends_with_the_stop_and_what_it_is(case: Case) -> None:
    await stopped_row(case)
    async with case.running() as (process, source):
        await source.offer(P0)
        await until(lambda: "1 stopped" in process.health().detail)
        with pytest.raises(StopProcess, match=r"search-log\[0\] .* flood: 2001 of the last 10000"):
            await process.idle()


async def test_a_topic_made_again_is_stopped_and_said_and_nothing_of_it_is_read(case: Case) -> None:
    async with case.running() as (_, source):
        source.topic_id = "first"
        await source.assign(P0)
        await source.deliver(P0, 60)
        await until(lambda: case.applied(P0) == 59)
    async with case.running() as (_, source):
        source.topic_id = "second"
        await source.offer(P0)
        await until(lambda: case.store.rows[P0].stop is not None)
        assert P0 not in source.positions
    stop = case.store.rows[P0].stop
    assert stop is not None
    assert (stop.reason, case.applied(P0)) == ("topic_made_again", 59)


async def test_records_that_are_gone_are_counted_once_and_what_is_there_is_read(case: Case) -> None:
    async with case.running() as (_, source):
        await source.assign(P0)
        await source.deliver(P0, 60)
        await until(lambda: case.applied(P0) == 59)
    whole = case.logs[P0]
    case.logs[P0] = whole[100:]
    for _ in range(2):
        async with case.running() as (_, source):
            await source.assign(P0)
            await source.deliver(P0)
            await until(lambda: case.applied(P0) == case.last(P0))
    assert case.store.rows[P0].missing == 40


async def test_a_look_anew_in_the_middle_loses_and_doubles_nothing(case: Case) -> None:
    async with case.running(replace(PLAN, batch_records=10_000, batch_seconds=0.05)) as (_, source):
        await source.assign(P0, P1)
        for _ in range(8):
            await source.deliver(P0, 20)
            source.look(P0)
            await until(lambda: P0 in source.positions)
    await case.read_out()
    assert case.is_exact()


async def test_a_revoke_ends_within_its_time_though_the_database_does_not_answer(case: Case) -> None:
    async with case.running() as (process, source):
        await source.assign(P0)
        case.store.gate.clear()
        await source.deliver(P0, 60)
        source.revoke_s = 0.1
        async with asyncio.timeout(2):
            await source.revoke(P0)
        assert process.health().detail == "0 partitions"
        case.store.gate.set()
    await case.read_out()
    assert case.is_exact()


async def test_what_was_taken_too_late_is_not_read(case: Case) -> None:
    """The database answers the take when the partition is another's already."""
    async with case.running() as (_, source):
        case.store.take_gate.clear()
        await source.offer(P0)
        await asyncio.sleep(0.02)
        await source.revoke(P0, lost=True)
        case.store.take_gate.set()
        await until(lambda: P0 in case.store.rows)
        await asyncio.sleep(0.05)
        assert P0 not in source.positions


async def test_a_partition_that_a_late_take_of_another_fenced_is_taken_back(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FENCED_LOOK_S", 0.1)
    async with case.running() as (_, source):
        await source.assign(P0)
        await case.store.take(P0, "one that does not read it")
        await source.deliver(P0, 60)
        await until(lambda: case.store.rows[P0].epoch == 3 and P0 in source.positions)
        await source.deliver(P0)
        await until(lambda: case.applied(P0) == case.last(P0))
    await case.read_out()
    assert case.is_exact()
