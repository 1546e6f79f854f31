"""A replay: part of the live topics, or of files, copied onto the replay topics under a run's name, each record once.

A slice of records is sent, then the book says so. What a copier that was cut off had sent and not booked is found
again on the replay topics by the header each copy carries, and left out by the next one (ADR 0011).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core.domain.effects import RawRecord
from core.domain.events import LISTINGS, LISTINGS_REPLAY, SEARCH_LOG, SEARCH_LOG_REPLAY
from core.domain.folds import RUN_END_HEADER, has_header, run_of
from core.domain.replays import (
    Asked,
    Marks,
    Place,
    Run,
    Source,
    Stretch,
    first_kept_hour,
    read_from,
    source_of,
)
from core.domain.timestamps import to_datetime
from core.errors import StopProcess
from core.ports import Clock
from core.replay_ports import CopySink, FileSource, RunBook, TopicSource

TOPICS = ((SEARCH_LOG, SEARCH_LOG_REPLAY), (LISTINGS, LISTINGS_REPLAY))

SETTLE_S = 3.0
"""Seconds before the next copier looks at what stands: what a killed process had given to the network is in the log
within milliseconds on a broker that answers. What comes later still is found before the run's end."""

LONG_AWAY_S = 30 * 60.0
"""Seconds a run may be cut off: after 35 minutes without a record its open sessions are closed (CONTRACT 3)."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a copy is made with. `rate`: records a second."""

    topics: TopicSource
    files: FileSource
    sink: CopySink
    book: RunBook
    clock: Clock
    prefix: str
    rate: int

    def targets(self) -> list[str]:
        """The replay topics."""
        return [self.prefix + target for _, target in TOPICS]


@dataclass(slots=True)
class Found:
    """What of a run stands on the replay topics past its marks: copies, and its end records' offsets."""

    copies: set[Source] = field(default_factory=set)
    ends: Marks = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What a new run copies, and what a person has to know of it."""

    stretches: list[Stretch] = field(default_factory=list)
    kept_from: int | None = None
    notes: list[str] = field(default_factory=list)


async def begun(tools: Tools, asked: Asked) -> tuple[Run, list[str]]:
    """A new run. Topics first: a broker that is away must not leave a name used up."""
    await tools.sink.ensure_topics(tools.targets())
    for target in tools.targets():
        await tools.sink.ensure_partitions(target, 1)  # returns when the broker has heard of the topic
    plan = _of_files(tools, asked) if asked.files() else await _of_topics(tools, asked)
    marks = {(t, p): at for t in tools.targets() for p, at in (await asyncio.to_thread(tools.topics.ends, t)).items()}
    return await tools.book.begin(asked, plan.stretches, marks, plan.kept_from, tools.clock.now()), plan.notes


def _of_files(tools: Tools, asked: Asked) -> Plan:
    given = [(topic, target) for topic, target in TOPICS if topic in asked.files()]
    return Plan([Stretch(f"file {topic}", tools.prefix + target, 0, 0, None) for topic, target in given])


async def _of_topics(tools: Tools, asked: Asked) -> Plan:
    """Each partition goes to the one of its number: only so do sessions meet the watermark that they met live."""
    plan = Plan()
    for source, target in ((tools.prefix + source, tools.prefix + target) for source, target in TOPICS):
        extents = await asyncio.to_thread(tools.topics.extents, source, read_from(asked.from_ms or 0))
        if not extents:
            plan.notes.append(f"the topic {source} is not there: none of its records are copied")
            continue
        await tools.sink.ensure_partitions(target, max(extents) + 1)
        topic_id = await asyncio.to_thread(tools.topics.topic_id, source)
        plan.stretches += [Stretch(source, target, p, x.start, x.end, topic_id) for p, x in extents.items()]
        for short in [p for p, x in extents.items() if x.may_be_short()]:
            await _look_at_short(tools, plan, source, short, extents[short].low, extents[short].end)
    if not plan.stretches:
        raise StopProcess("; ".join(plan.notes))
    return plan


async def _look_at_short(tools: Tools, plan: Plan, source: str, partition: int, low: int, end: int) -> None:
    """Say that retention has passed the range's beginning, and from which hour on all is there."""
    batches = tools.topics.read(source, {partition: (low, end)})
    first = None
    while first is None and (batch := await asyncio.to_thread(next, batches, None)) is not None:
        first = next((read.record.timestamp for read in batch.records), None)
    if first is None:
        plan.notes.append(f"{source}[{partition}] is empty: its {low} records are not there any more")
        return
    plan.notes.append(
        f"{source}[{partition}] begins at {to_datetime(first).isoformat()}: up to {low} records of the range before it "
        "are not there any more"
    )
    if source == tools.prefix + SEARCH_LOG:
        plan.kept_from = max(plan.kept_from or 0, first_kept_hour(first))


async def taken_over(tools: Tools, known: Run) -> tuple[Run, Found, list[str]]:
    """A run that was cut off, and what of it stands that the book does not know of."""
    run = await tools.book.take_over(known.asked.run, tools.clock.now())
    for source, topic_id in {(s.source, s.topic_id) for s in run.stretches if s.topic_id}:
        if await asyncio.to_thread(tools.topics.topic_id, source) != topic_id:
            raise StopProcess(
                f"the topic {source} was made again since {run.asked.run} began: drop it, and take a new name"
            )
    away = (tools.clock.now() - known.updated_at).total_seconds() if known.updated_at is not None else 0.0
    notes = [_LONG_AWAY] if away > LONG_AWAY_S else []
    await tools.clock.sleep(SETTLE_S)
    found = Found()
    booked = {(s.source, s.partition): s.next for s in run.stretches}
    async for place, record in _standing(tools, run, run.marks):
        copied = source_of(record.headers)
        if has_header(record.headers, RUN_END_HEADER):
            found.ends.setdefault(place, record.offset)
        elif copied is not None and copied.offset >= booked.get((copied.name, copied.partition), 0):
            found.copies.add(copied)
    return run, found, notes


_LONG_AWAY = (
    "the run was cut off for more than half an hour: if `assay run replay` had read it to there, the sessions open at "
    "that point were closed; where that matters, drop it and take a new name"
)


async def no_doubles(tools: Tools, run: Run) -> None:
    """StopProcess when a copy stands twice: a copier that was taken over has sent something since.

    Copies in a partition stand in the order of their source, so one that is not behind its forerunner is a double."""
    last: dict[tuple[Place, str, int], int] = {}
    doubles = 0
    async for place, record in _standing(tools, run, run.doubt_marks or {}):
        source = source_of(record.headers)
        if source is not None:
            key = place, source.name, source.partition
            doubles += source.offset <= last.get(key, -1)
            last[key] = max(source.offset, last.get(key, -1))
    if doubles:
        raise StopProcess(
            f"{doubles} records of the run {run.asked.run} stand twice, as two copiers sent at once: drop it, and take "
            "a new name"
        )


async def _standing(tools: Tools, run: Run, marks: Marks) -> AsyncIterator[tuple[Place, RawRecord]]:
    """The records of a run that stand on the replay topics from `marks` on."""
    for target in tools.targets():
        ends = await asyncio.to_thread(tools.topics.ends, target)
        batches = tools.topics.read(target, {p: (marks.get((target, p), 0), end) for p, end in ends.items()})
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            for partition, _, record in batch.records:
                if run_of(record.headers) == run.asked.run:
                    yield (target, partition), record
