"""Standing at the end of a partition: when a process is idle, and when it closes sessions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import RetryLater
from core.runtime import stream
from tests.oracle import contract as oracle
from tests.support.waiting import until, until_true
from tests.unit.domain.test_folds import as_oracle
from tests.unit.runtime.stream_case import P0, P1, PLAN, Case


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
