"""A broker and a book of replays in memory, which can die at every step."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.domain.effects import RawRecord
from core.domain.replays import Asked, Batch, Delivered, Extent, Hours, Marks, Read, Run, Step, Stretch
from core.errors import StopProcess
from core.ports import OutgoingRecord


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


@dataclass
class Fate:
    """Counts steps; at `dies_at` the process dies."""

    dies_at: int = -1
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed


@dataclass
class FakeTopic:
    """Partitions, each a list of keyed records; `low` is where retention has got to."""

    partitions: list[list[Read]]
    low: dict[int, int] = field(default_factory=dict)
    topic_id: str = "id"


class FakeBroker:
    """Ports `TopicSource` and `CopySink`. What is delivered gets there record by record, in order a partition only."""

    def __init__(self, topics: Mapping[str, FakeTopic], fate: Fate | None = None, chunk: int = 3) -> None:
        self.topics = dict(topics)
        self.fate = fate or Fate()
        self.chunk = chunk
        self.partitions = 2
        self.deliveries: list[int] = []

    def topic_id(self, topic: str) -> str:
        return self.topics[topic].topic_id

    def extents(self, topic: str, from_ms: int) -> Mapping[int, Extent]:
        found = self.topics.get(topic)
        return {} if found is None else {p: self._extent(found, p, from_ms) for p in range(len(found.partitions))}

    def _extent(self, topic: FakeTopic, partition: int, from_ms: int) -> Extent:
        records, low = topic.partitions[partition], topic.low.get(partition, 0)
        later = (r.record.offset for r in records[low:] if r.record.timestamp >= from_ms)
        return Extent(low, next(later, len(records)), len(records))

    def ends(self, topic: str) -> Mapping[int, int]:
        found = self.topics.get(topic)
        return {} if found is None else {p: len(records) for p, records in enumerate(found.partitions)}

    def read(self, topic: str, stretches: Mapping[int, tuple[int, int]]) -> Iterator[Batch]:
        at = {p: start for p, (start, end) in stretches.items() if start < end}
        while at:
            self.fate.step()
            yield self._batch(topic, at, stretches)
            at = {p: start for p, start in at.items() if start < stretches[p][1]}

    def _batch(self, topic: str, at: dict[int, int], stretches: Mapping[int, tuple[int, int]]) -> Batch:
        found, records, missing, kept = self.topics[topic], list[Read](), 0, None
        for p, start in list(at.items()):
            low = min(max(start, found.low.get(p, 0)), stretches[p][1])
            taken = found.partitions[p][low : min(low + self.chunk, stretches[p][1])]
            missing += low - start
            kept = taken[0].record.timestamp if low > start and taken else kept
            at[p] = low + len(taken)
            records += taken
        return Batch(records, dict(at), missing, kept)

    async def deliver(self, records: Sequence[OutgoingRecord]) -> Sequence[Delivered]:
        self.fate.step()
        self.deliveries.append(len(records))
        stand = []
        for record in sorted(records, key=lambda r: self._partition(r) * 7 % 5):
            stand.append(self.append(record))
            self.fate.step()
        return stand

    def append(self, record: OutgoingRecord) -> Delivered:
        """A record arrives."""
        partition = self._partition(record)
        log = self.topics[record.topic].partitions[partition]
        raw = RawRecord(len(log), record.timestamp_ms or 0, record.value, list(record.headers))
        log.append(Read(partition, record.key, raw))
        return Delivered(record.topic, partition, raw.offset)

    def _partition(self, record: OutgoingRecord) -> int:
        if record.partition is not None:
            return record.partition
        return zlib.crc32(record.key or b"") % len(self.topics[record.topic].partitions)

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        for topic in topics:
            self.topics.setdefault(topic, FakeTopic([[] for _ in range(self.partitions)]))

    async def ensure_partitions(self, topic: str, count: int) -> None:
        log = self.topics[topic].partitions
        log += [[] for _ in range(count - len(log))]


class FakeBook:
    """Port `RunBook`."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.runs: dict[str, Run] = {}
        self.ends: dict[str, Marks] = {}
        self.hours: dict[str, Hours | None] = {}
        self.fate = fate or Fate()

    async def find(self, run: str) -> Run | None:
        return self.runs.get(run)

    async def begin(
        self, asked: Asked, stretches: Sequence[Stretch], marks: Marks, kept_from: int | None, at: datetime
    ) -> Run:
        self.fate.step()
        self.runs[asked.run] = Run(asked, 1, 0, tuple(stretches), dict(marks), kept_from=kept_from, updated_at=at)
        self.fate.step()
        return self.runs[asked.run]

    async def take_over(self, run: str, at: datetime) -> Run:
        self.fate.step()
        known = self.runs[run]
        doubt = known.marks if known.doubt_marks is None else known.doubt_marks
        self.runs[run] = replace(known, epoch=known.epoch + 1, doubt_marks=doubt)
        self.fate.step()
        return self.runs[run]

    async def advance(self, run: str, epoch: int, step: Step, at: datetime) -> None:
        self.fate.step()
        known = self._mine(run, epoch)
        self.runs[run] = replace(
            known,
            stretches=tuple(_reached(stretch, step) for stretch in known.stretches),
            marks=dict(step.marks),
            copied=known.copied + step.copied,
            missing=known.missing + step.missing,
            left_before=step.left_before,
            left_after=step.left_after,
            kept_from=step.kept_from,
            updated_at=at,
        )
        self.fate.step()

    async def finish(self, run: str, epoch: int, ends: Marks, hours: Hours | None, at: datetime) -> None:
        self.fate.step()
        self.runs[run] = replace(self._mine(run, epoch), finished_at=at)
        self.ends[run], self.hours[run] = dict(ends), hours
        self.fate.step()

    def _mine(self, run: str, epoch: int) -> Run:
        if self.runs[run].epoch != epoch:
            raise StopProcess(f"another copier has taken the run {run} over")
        return self.runs[run]


def _reached(stretch: Stretch, step: Step) -> Stretch:
    if stretch.source != step.source or stretch.partition not in step.reached:
        return stretch
    return replace(stretch, next=step.reached[stretch.partition], digest=step.digest)
