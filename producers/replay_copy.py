"""The copying of a replay: batches in, slices out at a rate, each booked when it stands; then the run's end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from core.domain.events import SEARCH_LOG_REPLAY
from core.domain.folds import RUN_END_HEADER, RUN_HEADER
from core.domain.replays import (
    Asked,
    Batch,
    Read,
    Run,
    Source,
    Step,
    Stretch,
    covered,
    first_kept_hour,
    left_after,
    left_before,
    source_header,
    time_of,
)
from core.domain.timestamps import to_datetime
from core.errors import StopProcess, UsageError
from core.ports import Clock, OutgoingRecord
from producers.replay import Found, Tools, begun, no_doubles, taken_over

SLICE = 5_000
"""Records that are sent and booked together: 20 ms of Postgres, and what the next copier has to look for at most."""

SLICES_A_SECOND = 2
"""At a low rate a slice is half a second's records, so that the rate holds from second to second."""

READ_PER_COPY = 10
"""Records read and left out that cost as much as one copied: they are neither sent, stored nor folded."""

READ_AT_LEAST = 50_000
"""Records a second that are read at any rate: 20 MB/s, which no broker feels, and a slow copy still finds its part."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`copied`: records of the run; `already`: it was finished before, nothing was sent. `notes` are for a person."""

    copied: int
    already: bool = False
    notes: list[str] = field(default_factory=list)


async def replay(tools: Tools, asked: Asked) -> Outcome:
    """Copy what is asked for, or go on where that was cut off, then end the run. One copier a run at a time: the caller
    sees to it. UsageError where the name stands for another run, StopProcess where it can't go on."""
    known = await tools.book.find(asked.run)
    if known is None:
        run, notes = await begun(tools, asked)
        copier = Copier(tools, run, Found(), notes)
    else:
        _check(known, asked)
        if known.finished_at is not None:
            return Outcome(known.copied, already=True)
        copier = Copier(tools, *await taken_over(tools, known))
    await copier.copy_all()
    return await copier.end()


def _check(known: Run, asked: Asked) -> None:
    if known.dropped_at is not None:
        raise UsageError(f"the run {asked.run} was dropped; take another name")
    if not known.resumable and known.finished_at is None:
        raise StopProcess(f"the run {asked.run} was begun by an earlier version and can't go on: take another name")
    if known.asked != asked:
        raise UsageError(f"the run {asked.run} is {told(known.asked)}; take another name")


def told(asked: Asked) -> str:
    """What was asked for, in words."""
    files = [f"{topic} from {file}" for topic, file in asked.files().items()] or ["the live topics"]
    times = [
        f"{word} {to_datetime(ms).isoformat()}" for word, ms in (("from", asked.from_ms), ("to", asked.to_ms)) if ms
    ]
    return " ".join([" and ".join(files), *times])


class Copier:
    """Copies a run's stretches. Invariant: what is booked stands on the replay topics, and what of the run stands there
    without being booked stands behind the booked marks."""

    def __init__(self, tools: Tools, run: Run, found: Found, notes: list[str]) -> None:
        self._tools = tools
        self._run = run
        self._found = found
        self._notes = notes
        self._pace = Pace(tools.clock, tools.rate)
        self._size = max(1, min(SLICE, tools.rate // SLICES_A_SECOND))
        self._stand = dict(run.marks)
        self._copied, self._missing, self._kept_from = run.copied, run.missing, run.kept_from
        self._left_before, self._left_after = run.left_before, run.left_after

    async def copy_all(self) -> None:
        """Every stretch; a topic's partitions side by side, so that none waits for the others' end."""
        for source in dict.fromkeys(stretch.source for stretch in self._run.stretches):
            of_source = [stretch for stretch in self._run.stretches if stretch.source == source]
            batches = self._batches(of_source)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                parts = list(pieces(batch, self._size))
                for piece in parts:
                    await self._copy(of_source[0], piece, last=piece is parts[-1])

    def _batches(self, stretches: Sequence[Stretch]) -> Iterator[Batch]:
        first = stretches[0]
        if first.end is None:
            return self._tools.files.read(first, self._size)
        return self._tools.topics.read(first.source, {s.partition: (s.next, s.end or 0) for s in stretches})

    async def _copy(self, stretch: Stretch, piece: Batch, *, last: bool) -> None:
        """Send what of a piece does not stand yet, then book it; one of which nothing is taken waits for the next."""
        chosen = [read for read in piece.records if self._takes(stretch, read)]
        fresh = [read for read in chosen if _place(stretch, read) not in self._found.copies]
        await self._pace.spend(len(fresh), len(piece.records))
        if fresh:
            copies = [copy_of(stretch, read, self._run.asked.run, self._partition(stretch, read)) for read in fresh]
            for topic, partition, offset in await self._tools.sink.deliver(copies):
                self._stand[topic, partition] = max(self._stand.get((topic, partition), 0), offset + 1)
        self._copied += len(chosen)
        if chosen or last:
            self._lost(stretch, piece)
            await self._book(stretch, piece, len(chosen))

    def _takes(self, stretch: Stretch, read: Read) -> bool:
        """Whether a record belongs; what is left out of the hours that the range cuts is remembered."""
        asked = self._run.asked
        if asked.is_whole():
            return True
        time = time_of(read.record)
        if stretch.target == self._tools.prefix + SEARCH_LOG_REPLAY:
            self._left_before |= left_before(asked, time)
            self._left_after |= left_after(asked, time)
        return asked.takes(time)

    def _partition(self, stretch: Stretch, read: Read) -> int | None:
        """A topic's records keep their partition. A file's go by their key; those without one to the same each time."""
        if stretch.end is not None:
            return read.partition
        count = sum(topic == stretch.target for topic, _ in self._run.marks)
        return None if read.key else read.record.offset % max(1, count)

    def _lost(self, stretch: Stretch, piece: Batch) -> None:
        self._missing += piece.missing
        if piece.kept_ms is not None and stretch.target == self._tools.prefix + SEARCH_LOG_REPLAY:
            self._kept_from = max(self._kept_from or 0, first_kept_hour(piece.kept_ms))

    async def _book(self, stretch: Stretch, piece: Batch, copied: int) -> None:
        # The marks never pass a copy that was found and is still to come: a partition's copies stand in the order of
        # their source, so what is sent to it stands behind those, and comes after them.
        step = Step(
            stretch.source,
            piece.reached,
            dict(self._stand),
            copied,
            piece.missing,
            self._left_before,
            self._left_after,
            self._kept_from,
            piece.digest,
        )
        await self._tools.book.advance(self._run.asked.run, self._run.epoch, step, self._tools.clock.now())

    async def end(self) -> Outcome:
        """The run's end records, one a partition of the replay topics; then the run is finished."""
        run, tools = self._run, self._tools
        if run.doubt_marks is not None:
            await no_doubles(tools, run)
        places = [(t, p) for t in tools.targets() for p in await asyncio.to_thread(tools.topics.ends, t)]
        stand = await tools.sink.deliver([end_of(*at, run.asked.run) for at in places if at not in self._found.ends])
        ends = self._found.ends | {(topic, partition): offset for topic, partition, offset in stand}
        edges = (self._left_before, self._left_after)
        hours = covered(run.asked, *edges, self._kept_from)
        await tools.book.finish(run.asked.run, run.epoch, ends, hours, tools.clock.now())
        if self._missing:
            self._notes.append(f"{self._missing} records were not there any more when they were to be copied")
        return Outcome(self._copied, notes=self._notes)


class Pace:
    """Keeps to a rate: a slice waits until the one before it has had its time."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock = clock
        self._rate = rate
        self._free_at = clock.now()
        self._cost = 0.0

    async def spend(self, copied: int, read: int) -> None:
        """Wait for the last slice's time to pass, never longer than that: a clock may be set."""
        wait = min((self._free_at - self._clock.now()).total_seconds(), self._cost)
        if wait > 0:
            await self._clock.sleep(wait)
        self._cost = max(copied / self._rate, read / max(READ_PER_COPY * self._rate, READ_AT_LEAST))
        self._free_at = self._clock.now() + timedelta(seconds=self._cost)


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """A batch in pieces of `size` records; the last has what the batch reached. With a gap, or of a file: whole."""
    records = batch.records
    if not batch.missing and not batch.digest:
        while len(records) > size:
            head, records = records[:size], records[size:]
            yield Batch(head, {read.partition: read.record.offset + 1 for read in head})
    yield batch._replace(records=records)


def _place(stretch: Stretch, read: Read) -> Source:
    return Source(stretch.source, read.partition, read.record.offset)


def copy_of(stretch: Stretch, read: Read, run: str, partition: int | None) -> OutgoingRecord:
    """The record as it is, with the run's header and where it stood, at its old Kafka time; a file's at the present."""
    headers = [(RUN_HEADER, run.encode()), source_header(_place(stretch, read))]
    time = read.record.timestamp if read.record.timestamp >= 0 else None
    return OutgoingRecord(stretch.target, read.key, read.record.value, headers, partition, time)


def end_of(topic: str, partition: int, run: str) -> OutgoingRecord:
    """The record that closes the run's sessions in a partition."""
    return OutgoingRecord(topic, None, None, [(RUN_HEADER, run.encode()), (RUN_END_HEADER, b"")], partition)
