"""A log, its store and the processes that read it, for the tests of the run loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.domain.effects import DeadLetter
from core.domain.folds import SearchLogFold
from core.ports import OutgoingEvent
from core.runtime.partitions import StreamPlan
from core.runtime.stream import StreamProcess
from core.stages.events import dead_letter_event
from core.stream_ports import Partition
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.support.fake_streams import HandSource, InMemoryStreamStore
from tests.support.fakes import NOON
from tests.support.waiting import SOON_S, PausingClock, until
from tests.unit.domain.test_folds import as_oracle, by_partition

TOPIC = "search-log"
P0, P1 = Partition(TOPIC, 0), Partition(TOPIC, 1)


def fold(partition: Partition, snapshot: bytes | None) -> SearchLogFold:
    return SearchLogFold(*partition, frozenset(oracle.ENGAGEMENT), replay=False, snapshot=snapshot)


def event(dead: DeadLetter) -> OutgoingEvent:
    return dead_letter_event(dead, NOON)


PLAN = StreamPlan(
    name="search-log",
    fold=fold,
    keeps_sessions=True,
    tasks=lambda _effects: (),
    event=event,
    batch_records=50,
    batch_seconds=0.01,
    idle_close_s=1e9,
)


class Case:
    """A log, its store, and processes that read it."""

    def __init__(self, records: list[LogRecord]) -> None:
        self.records = records
        self.logs = {Partition(TOPIC, number): log for number, log in by_partition(records).items()}
        self.store = InMemoryStreamStore()
        self.clock = PausingClock()

    @asynccontextmanager
    async def running(self, plan: StreamPlan = PLAN) -> AsyncIterator[tuple[StreamProcess, HandSource]]:
        """A process; left to itself it drains at the end."""
        source = HandSource(self.logs)
        process = StreamProcess(plan, source, self.store, self.clock, Metrics(), "me")
        running = asyncio.create_task(process.run())
        try:
            yield process, source
            process.stop()
            async with asyncio.timeout(SOON_S):
                await running
        finally:
            self.store.gate.set()
            running.cancel()
            await asyncio.wait([running])

    def applied(self, partition: Partition) -> int:
        return self.store.rows[partition].applied

    def last(self, partition: Partition) -> int:
        return self.logs[partition][-1].offset

    async def read_out(self, plan: StreamPlan = PLAN) -> None:
        """What a new owner makes of the rest."""
        async with self.running(plan) as (_, source):
            await source.assign(*self.logs)
            for partition in self.logs:
                await source.deliver(partition)
            await until(lambda: all(self.applied(p) == self.last(p) for p in self.logs))

    def is_exact(self, *, idle: bool = False) -> bool:
        expected = oracle.panes(self.records, idle=idle)
        dead = {(d.partition, d.offset): (d.run, d.reason) for d in self.store.dead_letters.values()}
        assert dead == {place: (run, why.reason) for place, (run, why) in expected.dead.items()}
        assert len(self.store.events) == len(dead)
        assert as_oracle(self.store.panes) == expected.panes
        return bool(expected.panes)
