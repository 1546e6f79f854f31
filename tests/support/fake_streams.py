"""The stream side in memory: a store that fences as PostgreSQL does, and a source that a test drives by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain.effects import DeadLetter, Effects, RawRecord, ResultList, ResultListKey
from core.domain.listings import ListingRecord
from core.domain.panes import Panes
from core.domain.positions import Ends, Stop
from core.errors import LostOwnership
from core.ports import NewTask, OutgoingEvent
from core.stream_ports import Assignment, Partition, PartitionStart, Progress, StreamCommit, StreamListener
from tests.support.waiting import SOON_S


@dataclass
class PartitionRow:
    """A partition as the store has it."""

    epoch: int = 0
    turn: int = 0
    applied: int = -1
    owner: str = ""
    progress: Progress | None = None
    snapshot: bytes | None = None
    snapshot_offset: int = -1
    topic_id: str | None = None
    stop: Stop | None = None
    pass_until: int = -1
    missing: int = 0


@dataclass
class InMemoryStreamStore:
    """Port `StreamStore`. `fail_before` and `fail_after` are raised by the next commits, before or after they are
    written; while `gate` is not set,
    commits wait; while `take_gate` is not, takes do."""

    rows: dict[Partition, PartitionRow] = field(default_factory=dict)
    panes: Panes = field(default_factory=Panes)
    result_lists: dict[ResultListKey, ResultList] = field(default_factory=dict)
    listings: dict[str, tuple[str, ListingRecord]] = field(default_factory=dict)
    dead_letters: dict[tuple[str, int, int], DeadLetter] = field(default_factory=dict)
    events: list[OutgoingEvent] = field(default_factory=list)
    tasks: dict[str, NewTask] = field(default_factory=dict)
    fail_before: list[Exception] = field(default_factory=list)
    fail_after: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    take_gate: asyncio.Event = field(default_factory=asyncio.Event)
    commits: list[StreamCommit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()
        self.take_gate.set()

    async def take(self, partition: Partition, owner: str) -> PartitionStart:
        await self.take_gate.wait()
        row = self.rows.setdefault(partition, PartitionRow())
        row.epoch += 1
        row.owner = owner
        return PartitionStart(
            row.epoch,
            row.turn,
            row.applied,
            row.snapshot,
            row.snapshot_offset,
            row.topic_id,
            row.stop,
            row.pass_until,
        )

    async def released(self, stopped: Mapping[Partition, int]) -> list[Partition]:
        return [p for p in stopped if self.rows.get(p, PartitionRow()).stop is None]

    async def commit(self, commit: StreamCommit) -> None:
        await self.gate.wait()
        if self.fail_before:
            raise self.fail_before.pop(0)
        if self._is_new(commit.progress):
            self._write(commit)
        if self.fail_after:
            raise self.fail_after.pop(0)

    def _is_new(self, progress: Sequence[Progress]) -> bool:
        rows = {p.partition: self.rows.get(p.partition, PartitionRow()) for p in progress}
        lost = frozenset(p.partition for p in progress if not _is_next(p, rows[p.partition]))
        if lost:
            raise LostOwnership(lost)
        return all(rows[p.partition].turn < p.turn for p in progress)

    def _write(self, commit: StreamCommit) -> None:
        self.commits.append(commit)
        for progress in commit.progress:
            row = self.rows[progress.partition]
            row.turn, row.applied, row.progress = progress.turn, progress.applied, progress
            row.topic_id, row.stop = progress.topic_id or row.topic_id, progress.stop or row.stop
            row.missing += progress.missing
            if progress.partition in commit.snapshots:
                row.snapshot, row.snapshot_offset = commit.snapshots[progress.partition], progress.applied
        self._write_effects(commit.effects)
        self.events += commit.events
        for task in commit.tasks:
            self.tasks.setdefault(task.task_key, task)

    def _write_effects(self, effects: Effects) -> None:
        for key, counters in effects.panes.items():
            self.panes.count(key, counters)
        for where, results in effects.result_lists.items():
            held = self.result_lists.get(where)
            if held is None or results.seen_at >= held.seen_at:
                self.result_lists[where] = results
        for listing_id, told in effects.listings.items():
            known = self.listings.get(listing_id)
            if known is None or told[1].timestamp >= known[1].timestamp:
                self.listings[listing_id] = told
        for dead in effects.dead_letters:
            self.dead_letters.setdefault((dead.topic, dead.partition, dead.offset), dead)


def _is_next(progress: Progress, row: PartitionRow) -> bool:
    return row.epoch == progress.epoch and row.turn in (progress.turn - 1, progress.turn)


class HandSource:
    """Port `RecordSource`: the test assigns, delivers and revokes; `close` revokes what is left, as Kafka's does."""

    def __init__(self, logs: Mapping[Partition, Sequence[RawRecord]]) -> None:
        self.logs = logs
        self.topic_id: str | None = None
        self.assignments: dict[Partition, Assignment] = {}
        self.positions: dict[Partition, int] = {}
        self.held: list[Partition] = []
        self.waiting: dict[Partition, int] = {}
        self.hints: dict[Partition, int] = {}
        self.revoke_s = SOON_S
        self.dies_of: Exception | None = None
        self._listener: StreamListener | None = None
        self._ready = asyncio.Event()
        self._closed = asyncio.Event()

    def attach(self, listener: StreamListener) -> None:
        """Speak to a listener that does not run."""
        self._listener = listener
        self._ready.set()

    async def run(self, listener: StreamListener) -> None:
        self.attach(listener)
        try:
            await self._closed.wait()
        finally:
            await self.revoke(*self.positions)
        if self.dies_of is not None:
            raise self.dies_of

    async def listener(self) -> StreamListener:
        await self._ready.wait()
        assert self._listener is not None
        return self._listener

    async def assign(self, *partitions: Partition) -> None:
        """Give partitions to the listener, and wait until it reads them."""
        await self.offer(*partitions)
        while not all(partition in self.positions for partition in partitions):  # noqa: ASYNC110 - a port has no event
            await asyncio.sleep(0)

    async def offer(self, *partitions: Partition) -> None:
        """Give partitions to the listener, whatever it makes of them."""
        listener = await self.listener()
        made = [Assignment(p, self.ends(p)) for p in partitions]
        for assignment in made:
            self.positions.pop(assignment.partition, None)
            self.assignments[assignment.partition] = assignment
        listener.assigned(made)

    def ends(self, partition: Partition) -> Ends:
        """The log as it is."""
        log = self.logs[partition]
        return Ends(log[0].offset if log else 0, log[-1].offset + 1 if log else 0, self.topic_id)

    def begin(self, assignment: Assignment, offset: int) -> None:
        if self.assignments.get(assignment.partition) is assignment:
            self.positions[assignment.partition] = offset
            self.waiting[assignment.partition] = 0

    def hold(self, partition: Partition) -> None:
        self.held.append(partition)
        self.positions.pop(partition, None)

    def look(self, partition: Partition) -> None:
        if self._listener is not None and partition in self.assignments:
            self.positions.pop(partition, None)
            assignment = self.assignments[partition] = Assignment(partition, self.ends(partition))
            self._listener.assigned([assignment])

    async def deliver(self, partition: Partition, count: int = 1_000_000) -> None:
        """Hand over the next records; at the log's end say so."""
        listener = await self.listener()
        left = [r for r in self.logs[partition] if r.offset >= self.positions[partition]]
        records = left[:count]
        end = self.logs[partition][-1].offset + 1 if self.logs[partition] else 0
        if records:
            self.positions[partition] = records[-1].offset + 1
            size = sum(len(record.value or b"") for record in records)
            self.waiting[partition] += size
            _as_callback(listener.fetched, partition, records, size, end)
        if len(left) <= count:
            _as_callback(listener.at_end, partition, end)
        await asyncio.sleep(0)

    async def revoke(self, *partitions: Partition, lost: bool = False) -> None:
        listener = await self.listener()
        for partition in partitions:
            self.positions.pop(partition, None)
            self.assignments.pop(partition, None)
        if partitions:
            await listener.revoked(partitions, lost=lost, seconds=self.revoke_s)

    def taken(self, partition: Partition, size: int) -> None:
        if partition in self.waiting:
            self.waiting[partition] -= size

    def commit_hint(self, partition: Partition, next_offset: int) -> None:
        self.hints[partition] = next_offset

    def close(self) -> None:
        self._closed.set()

    def beat(self) -> float:
        return asyncio.get_running_loop().time()

    def away(self) -> bool:
        return False


def _as_callback(call: Callable[..., None], *arguments: object) -> None:
    """As a poll thread calls: an error goes to the event loop's handler and nowhere else."""
    asyncio.get_running_loop().call_soon(call, *arguments)
