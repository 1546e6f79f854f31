"""Any order of deliveries, transactions, snapshots, revocations, crashes and zombies gives the oracle's panes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from unittest import mock

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.domain.effects import RawRecord
from core.errors import RetryLater
from core.runtime import partitions
from core.runtime.stream import StreamProcess
from core.stream_ports import Partition
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.oracle.generate import make_log
from tests.support.fake_streams import HandSource, InMemoryStreamStore
from tests.support.fakes import FakeClock
from tests.unit.domain.test_folds import as_oracle, by_partition
from tests.unit.runtime.stream_case import PLAN, TOPIC

T = TypeVar("T")
PARTITIONS = [Partition(TOPIC, number) for number in range(2)]
OWNERS = st.integers(0, 2)
NUMBERS = st.sampled_from(PARTITIONS)
EXACT = replace(PLAN, batch_records=10_000)


class Stepped(StreamProcess):
    """Folds what it gets at once, and writes when it is told to."""

    def fetched(self, partition: Partition, records: Sequence[RawRecord], size: int, end_offset: int) -> None:
        super().fetched(partition, records, size, end_offset)
        while self._held.fold():
            pass

    async def write_now(self) -> None:
        async with self._write_lock:
            await self._writer.write_patiently(self._held.cut(self._held.all(), keep=False))


@dataclass
class Member:
    """A process and its source, driven turn by turn without its own loop."""

    process: Stepped
    source: HandSource
    held: set[Partition] = field(default_factory=set)


class StreamMachine(RuleBasedStateMachine):
    """Three members share a store. Kafka gives a partition to one at a time, but who lost it may not know yet."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
        )
        self.loop = asyncio.new_event_loop()
        self.group: dict[Partition, int] = {}
        self.records: list[LogRecord] = []
        self.applied = dict.fromkeys(PARTITIONS, -1)
        self.expected_at: dict[Partition, int] = {}

    def do(self, action: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(action)

    def teardown(self) -> None:
        self.loop.close()

    @initialize(seed=st.integers(0, 10**6), size=st.integers(40, 120))
    def begin(self, seed: int, size: int) -> None:
        self.records = make_log(seed, size)
        logs = {Partition(TOPIC, number): log for number, log in by_partition(self.records).items()}
        self.logs = {p: logs.get(p, []) for p in PARTITIONS}
        self.store = self.do(self._store())
        self.members = [self.do(self._member()) for _ in range(3)]
        for partition in PARTITIONS:
            self.assign(0, partition)

    async def _store(self) -> InMemoryStreamStore:
        return InMemoryStreamStore()

    async def _member(self) -> Member:
        source = HandSource(self.logs)
        process = Stepped(EXACT, source, self.store, FakeClock(), Metrics(), "m")
        source.attach(process)
        return Member(process, source)

    def owner(self, partition: Partition) -> Member:
        return self.members[self.group[partition]]

    @rule(partition=NUMBERS, count=st.integers(5, 60))
    def deliver(self, partition: Partition, count: int) -> None:
        self.do(self.owner(partition).source.deliver(partition, count))

    @rule(owner=OWNERS, partition=NUMBERS, count=st.integers(5, 60))
    def deliver_to_a_zombie(self, owner: int, partition: Partition, count: int) -> None:
        if partition in self.members[owner].held:
            self.do(self.members[owner].source.deliver(partition, count))

    @rule(partition=NUMBERS, snapshots=st.booleans(), trouble=st.sampled_from([None, None, "before", "after"]))
    def commit(self, partition: Partition, snapshots: bool, trouble: str | None) -> None:
        """A transaction: at once, refused for a moment, or written with its answer lost."""
        if trouble is not None:
            (self.store.fail_before if trouble == "before" else self.store.fail_after).append(RetryLater("away"))
        with mock.patch.object(partitions, "SNAPSHOT_EVERY_S", 0.0 if snapshots else 1e9):
            self.do(self.owner(partition).process.write_now())
        self.store.fail_before.clear()
        self.store.fail_after.clear()

    @rule(owner=OWNERS)
    def commit_of_a_zombie(self, owner: int) -> None:
        self.do(self.members[owner].process.write_now())

    @rule(owner=OWNERS, partition=NUMBERS, told=st.sampled_from(["before", "lost", "never", "database away"]))
    def move(self, owner: int, partition: Partition, told: str) -> None:
        """Kafka gives a partition to a member. Whoever had it is told in time, too late, or never: a zombie then."""
        if told != "never":
            self.store.fail_before[:] = [RetryLater("away")] if told == "database away" else []
            self.revoke(self.owner(partition), partition, lost=told == "lost")
            self.store.fail_before.clear()
        self.revoke(self.members[owner], partition, lost=True)
        self.assign(owner, partition)

    def revoke(self, member: Member, partition: Partition, *, lost: bool) -> None:
        if partition in member.held:
            self.do(member.source.revoke(partition, lost=lost))
            member.held.discard(partition)

    def assign(self, owner: int, partition: Partition) -> None:
        self.group[partition] = owner
        self.members[owner].held.add(partition)
        self.do(self.members[owner].source.assign(partition))

    @rule(owner=OWNERS)
    def stop_while_the_database_is_away(self, owner: int) -> None:
        """It is back for the last transactions, those of the revocations."""
        member = self.members[owner]
        member.process.stop()
        self.store.fail_before[:] = [RetryLater("away")]
        self.do(member.process.write_now())
        self.store.fail_before.clear()
        self.do(member.source.revoke(*member.held))
        self.crash(owner)

    @rule(owner=OWNERS)
    def crash(self, owner: int) -> None:
        """A new process in its place gets its partitions."""
        self.members[owner] = self.do(self._member())
        for partition in PARTITIONS:
            if self.group[partition] == owner:
                self.assign(owner, partition)

    @invariant()
    def nothing_applied_is_ever_taken_back(self) -> None:
        for partition in PARTITIONS if self.records else ():
            row = self.store.rows[partition]
            assert row.applied >= self.applied[partition]
            assert row.snapshot_offset <= row.applied
            self.applied[partition] = row.applied

    @invariant()
    def panes_are_those_of_what_is_applied(self) -> None:
        if not self.records:
            return
        if self.expected_at != self.applied:
            self.expected_at = dict(self.applied)
            self.expected = oracle.panes(
                [r for r in self.records if r.offset <= self.applied[Partition(TOPIC, r.partition)]]
            )
        assert as_oracle(self.store.panes) == self.expected.panes
        assert {(d[1], d[2]) for d in self.store.dead_letters} == set(self.expected.dead)
        assert len(self.store.events) == len(self.expected.dead)


TestStreamMachine = StreamMachine.TestCase
TestStreamMachine.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
