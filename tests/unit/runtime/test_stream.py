"""The run loop of stream processes: fencing, repeats, crashes and idle closing lose nothing and double nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.domain.effects import RawRecord
from core.domain.folds import SearchLogFold
from core.errors import RetryLater, StopProcess
from core.runtime.holdings import FOLD_AHEAD
from core.runtime.stream import StreamProcess
from core.stream_ports import Partition
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.support.fake_streams import HandSource
from tests.support.waiting import SOON_S, until
from tests.unit.runtime.stream_case import P0, P1, PLAN, Case


async def test_a_log_read_in_one_life_gives_the_oracles_panes(case: Case) -> None:
    await case.read_out()
    assert case.is_exact()


async def test_a_revoked_partition_is_written_and_snapshotted_before_it_goes(case: Case) -> None:
    slow = replace(PLAN, batch_records=10_000, batch_seconds=1e9)
    async with case.running(slow) as (_, source):
        await source.assign(P0)
        await source.deliver(P0, 60)
        await until(lambda: source.waiting[P0] == 0)
        assert case.applied(P0) == -1
        await source.revoke(P0)
        assert case.applied(P0) == 59
        assert case.store.rows[P0].snapshot_offset == 59
    await case.read_out()
    assert case.is_exact()


async def test_a_lost_partition_is_dropped_unwritten(case: Case) -> None:
    slow = replace(PLAN, batch_records=10_000, batch_seconds=1e9)
    async with case.running(slow) as (process, source):
        await source.assign(P0)
        await source.deliver(P0, 60)
        await source.revoke(P0, lost=True)
        assert case.applied(P0) == -1
        assert not process.health().ready
    await case.read_out()
    assert case.is_exact()


async def test_losing_one_partition_writes_the_others(case: Case) -> None:
    slow = replace(PLAN, batch_records=200, batch_seconds=1e9)
    async with case.running(slow) as (_, source):
        await source.assign(P0, P1)
        await case.store.take(P0, "another")
        await source.deliver(P0, 100)
        await source.deliver(P1, 100)
        await until(lambda: case.applied(P1) == 99)
        assert case.applied(P0) == -1
    await case.read_out()
    assert case.is_exact()


async def test_a_commit_refused_for_now_is_repeated(case: Case) -> None:
    case.store.fail_before = [RetryLater("away"), RetryLater("away")]
    await case.read_out()
    assert case.store.fail_before == []
    assert case.is_exact()


async def test_a_commit_that_got_through_but_seemed_not_to_is_not_applied_twice(case: Case) -> None:
    case.store.fail_after = [RetryLater("cut"), RetryLater("cut"), RetryLater("cut")]
    await case.read_out()
    assert case.store.fail_after == []
    assert case.is_exact()


async def test_a_commit_that_got_through_is_not_repeated_when_a_partition_of_it_is_then_lost(case: Case) -> None:
    async with case.running(replace(PLAN, batch_records=120, batch_seconds=1e9)) as (_, source):
        await source.assign(P0, P1)
        case.store.fail_after = [RetryLater("cut")]

        async def steal() -> None:
            await case.store.take(P1, "another")

        case.clock.pauses.then = steal  # while the process waits to repeat
        await source.deliver(P0, 60)
        await source.deliver(P1, 60)
        await until(lambda: case.store.rows[P1].owner == "another")
    await case.read_out()
    assert case.is_exact()


async def test_what_could_not_be_written_at_a_stop_is_not_skipped(case: Case) -> None:
    """The database is away when the process is told to stop, and back for the last transaction of the revoke."""
    async with case.running() as (process, source):
        await source.assign(P0, P1)
        case.store.gate.clear()
        await source.deliver(P0, 60)
        await asyncio.sleep(0.3)
        case.store.fail_before = [RetryLater("away")]
        process.stop()
        case.store.gate.set()
    await case.read_out()
    assert case.is_exact()


async def test_an_unforeseen_error_of_the_store_ends_the_process_with_nothing_skipped(case: Case) -> None:
    case.store.fail_before = [StopProcess("refused")]

    async def read() -> None:
        async with case.running() as (_, source):
            await source.assign(P0, P1)
            await source.deliver(P0, 60)
            await until(lambda: not case.store.fail_before)

    with pytest.raises(ExceptionGroup) as raised:
        await read()
    assert raised.group_contains(StopProcess)
    await case.read_out()
    assert case.is_exact()


class Breaking(SearchLogFold):
    """Folds half of its second batch, then fails."""

    batches = 0

    def add(self, records: Sequence[RawRecord], applied: int) -> int:
        self.batches += 1
        if self.batches == 2:
            super().add(records[: len(records) // 2], applied)
            raise KeyError("a defect")
        return super().add(records, applied)


@pytest.mark.parametrize("batch_records", [20, 10_000], ids=["folded by the loop", "folded as fetched"])
async def test_a_defect_in_folding_ends_the_process_with_nothing_skipped_and_nothing_half_written(
    case: Case, batch_records: int
) -> None:
    def broken(partition: Partition, snapshot: bytes | None) -> Breaking:
        return Breaking(*partition, frozenset(oracle.ENGAGEMENT), replay=False, snapshot=snapshot)

    plan = replace(PLAN, fold=broken, batch_records=batch_records)
    source = HandSource(case.logs)
    process = StreamProcess(plan, source, case.store, case.clock, Metrics(), "me")
    running = asyncio.create_task(process.run())
    await source.assign(P0, P1)
    for _ in range(4):
        await source.deliver(P0, 30)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(running, SOON_S)
    assert raised.group_contains(KeyError)
    await case.read_out()
    assert case.is_exact()


async def test_a_process_cancelled_in_a_commit_skips_nothing(case: Case) -> None:
    source = HandSource(case.logs)
    process = StreamProcess(PLAN, source, case.store, case.clock, Metrics(), "me")
    running = asyncio.create_task(process.run())
    await source.assign(P0)
    case.store.gate.clear()
    await source.deliver(P0, 60)
    await asyncio.sleep(0.3)
    running.cancel()
    case.store.gate.set()
    await asyncio.wait([running])
    await case.read_out()
    assert case.is_exact()


async def test_what_waits_is_bounded_while_the_database_is_away(case: Case) -> None:
    small = replace(PLAN, batch_records=10)
    async with case.running(small) as (_, source):
        await source.assign(P0)
        case.store.gate.clear()
        for _ in range(15):
            await source.deliver(P0, 10)
            await asyncio.sleep(0.02)
        left = 150 - small.batch_records * (1 + FOLD_AHEAD) - 10
        assert source.waiting[P0] >= sum(len(record.value or b"") for record in case.logs[P0][150 - left : 150])
        case.store.gate.set()
        await until(lambda: case.applied(P0) == 149)
        assert source.waiting[P0] == 0


async def test_health_says_that_the_database_is_away(case: Case) -> None:
    async with case.running() as (process, source):
        await source.assign(P0)
        assert process.health().ready
        case.store.fail_before = [RetryLater("away")] * 3
        paused, on = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            paused.set()
            await on.wait()

        case.clock.pauses.then = pause
        await source.deliver(P0, 60)
        await paused.wait()
        assert not process.health().ready
        assert "PostgreSQL" in process.health().detail
        on.set()
        await until(lambda: process.health().ready)


async def test_what_ends_the_source_ends_the_process(case: Case) -> None:
    source = HandSource(case.logs)
    source.dies_of = StopProcess("Kafka refused")
    process = StreamProcess(PLAN, source, case.store, case.clock, Metrics(), "me")
    source.close()
    with pytest.raises(ExceptionGroup) as raised:
        await process.run()
    assert raised.group_contains(StopProcess)


async def test_kafka_is_told_how_far_it_is_only_after_the_transaction(case: Case) -> None:
    async with case.running() as (_, source):
        await source.assign(P0)
        case.store.gate.clear()
        await source.deliver(P0, 60)
        await asyncio.sleep(0.3)
        assert source.hints == {}
        case.store.gate.set()
        await until(lambda: source.hints == {P0: 60})


async def test_the_first_records_after_a_partition_was_taken_are_written_at_once_and_the_next_wait(case: Case) -> None:
    patient = replace(PLAN, batch_records=10_000, batch_seconds=0.5)
    async with case.running(patient) as (_, source):
        await source.assign(P0)
        await source.deliver(P0, 60)
        async with asyncio.timeout(0.4):
            await until(lambda: case.applied(P0) >= 0)
        await source.deliver(P0, 10)
        await asyncio.sleep(0.1)
        assert case.applied(P0) < 69
        await until(lambda: case.applied(P0) == 69)
