"""How far behind a stream process says it is, partition by partition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.runtime.stream import StreamProcess
from core.stream_ports import Partition
from core.telemetry import Metrics
from tests.support.fake_streams import HandSource
from tests.support.waiting import SOON_S, until
from tests.unit.runtime.stream_case import P0, P1, PLAN, Case

BEHIND = timedelta(minutes=7)


@dataclass
class Reading:
    """A process that reads, and its metrics."""

    source: HandSource
    metrics: Metrics

    def lag_s(self, partition: Partition) -> float | None:
        labels = {"topic": partition.topic, "partition": str(partition.partition)}
        return self.metrics.registry.get_sample_value("assay_stream_lag_seconds", labels)


@pytest.fixture
async def reading(case: Case) -> AsyncIterator[Reading]:
    """It is `BEHIND` later than record 59 of partition 0."""
    sent = datetime.fromtimestamp(case.logs[P0][59].timestamp / 1000, UTC)
    case.clock.time = sent + BEHIND
    reading = Reading(HandSource(case.logs), Metrics())
    process = StreamProcess(PLAN, reading.source, case.store, case.clock, reading.metrics, "me")
    running = asyncio.create_task(process.run())
    yield reading
    process.stop()
    async with asyncio.timeout(SOON_S):
        await running


async def test_behind_the_logs_end_it_is_the_age_of_the_last_applied_record(case: Case, reading: Reading) -> None:
    await reading.source.assign(P0)
    await reading.source.deliver(P0, 60)
    await until(lambda: case.applied(P0) == 59)
    await until(lambda: reading.lag_s(P0) is not None)
    assert reading.lag_s(P0) == BEHIND.total_seconds()


async def test_at_the_logs_end_it_is_nothing_however_old_the_record(case: Case, reading: Reading) -> None:
    case.clock.time += timedelta(days=7)
    await reading.source.assign(P0)
    await reading.source.deliver(P0)
    await until(lambda: case.applied(P0) == case.last(P0))
    await until(lambda: reading.lag_s(P0) is not None)
    assert reading.lag_s(P0) == 0


async def test_what_is_another_owners_now_is_told_no_more(case: Case, reading: Reading) -> None:
    await reading.source.assign(P0, P1)
    await reading.source.deliver(P0, 60)
    await reading.source.deliver(P1, 60)
    await until(lambda: reading.lag_s(P0) is not None and reading.lag_s(P1) is not None)
    await reading.source.revoke(P0)
    assert reading.lag_s(P0) is None
    assert reading.lag_s(P1) is not None


async def test_what_another_owner_has_taken_is_told_no_more(case: Case, reading: Reading) -> None:
    await reading.source.assign(P0)
    await reading.source.deliver(P0, 60)
    await until(lambda: reading.lag_s(P0) is not None)
    await case.store.take(P0, "another")
    await reading.source.deliver(P0, 60)
    await until(lambda: reading.lag_s(P0) is None)
    assert case.applied(P0) == 59
