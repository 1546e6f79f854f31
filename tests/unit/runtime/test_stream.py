"""The run loop of stream processes: fencing, repeats, crashes and idle closing lose nothing and double nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import structlog

from core.errors import RetryLater, StopProcess
from core.runtime import stream
from core.runtime.stream import StreamProcess
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.generate import make_log
from tests.support.fake_streams import HandSource
from tests.support.waiting import until, until_true
from tests.unit.domain.test_folds import as_oracle
from tests.unit.runtime.stream_case import P0, P1, PLAN, Case


@pytest.fixture
def case() -> Case:
    return Case(make_log(11, 400))


@pytest.fixture(autouse=True)
def quiet() -> None:
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )


async def test_a_log_read_in_one_life_gives_the_oracles_panes(case: Case) -> None:
    await case.read_out()
    assert case.is_exact()


async def test_a_revoked_partition_is_written_and_snapshotted_before_it_goes(case: Case) -> None:
    slow = replace(PLAN, batch_records=10_000, batch_seconds=1e9)
    async with case.running(slow) as (_, source):
        await source.assign(P0)
        await source.deliver(P0, 60)
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


async def test_it_is_not_idle_while_a_transaction_is_under_way(case: Case) -> None:
    async with case.running() as (process, source):
        await source.assign(P0)
        case.store.gate.clear()
        await source.deliver(P0)
        await asyncio.sleep(0.3)
        assert not await process.idle()
        case.store.gate.set()
        await until(lambda: case.applied(P0) == case.last(P0))
        await until_true(process.idle)


async def test_it_is_not_idle_without_partitions_or_before_the_end(case: Case) -> None:
    async with case.running() as (process, source):
        assert not await process.idle()
        await source.assign(P0)
        await source.deliver(P0, 10)
        await until(lambda: case.applied(P0) == 9)
        assert not await process.idle()


async def test_standing_at_the_end_closes_the_sessions_of_every_partition_once(case: Case) -> None:
    idle = replace(PLAN, idle_close_s=0.4)
    async with case.running(idle) as (_, source):
        await source.assign(P0, P1)
        await source.deliver(P0)
        await source.deliver(P1)
        await until(
            lambda: all(
                row.progress is not None and row.progress.open_sessions == 0 for row in case.store.rows.values()
            )
        )
        case.store.fail_before = [RetryLater("away")] * 99  # a crash: nothing of a clean end is written
    case.store.fail_before = []
    assert case.is_exact(idle=True)
    async with case.running(idle) as (_, source):
        await source.assign(P0, P1)
        await source.deliver(P0)
        await source.deliver(P1)
        await asyncio.sleep(1.0)
    assert case.is_exact(idle=True)


async def test_records_that_wait_in_the_process_are_no_end(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read to the end, the database away for long: what is queued is folded before sessions close."""
    monkeypatch.setattr(stream, "TURN_S", 0.01)
    idle = replace(PLAN, idle_close_s=0.4, batch_records=20)
    async with case.running(idle) as (_, source):
        await source.assign(P0)
        case.store.gate.clear()
        for _ in range(30):
            await source.deliver(P0, 10)
        await asyncio.sleep(0.6)
        case.store.gate.set()
        await until(lambda: case.applied(P0) == case.last(P0))
        await until(lambda: (row := case.store.rows[P0].progress) is not None and row.open_sessions == 0)
    expected = oracle.panes([r for r in case.records if r.partition == 0], idle=True)
    assert as_oracle(case.store.panes) == expected.panes


async def test_what_waits_is_bounded_while_the_database_is_away(case: Case) -> None:
    async with case.running() as (_, source):
        await source.assign(P0)
        case.store.gate.clear()
        for _ in range(15):
            await source.deliver(P0, 10)
            await asyncio.sleep(0.02)
        assert source.waiting[P0] >= 150 - 2 * (PLAN.batch_records + 10)
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
