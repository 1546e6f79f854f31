"""A replay: part of the live topics copied onto the replay topics under a run's name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Protocol

from core.domain.effects import RawRecord
from core.domain.events import LISTINGS, LISTINGS_REPLAY, SEARCH_LOG, SEARCH_LOG_REPLAY
from core.domain.fields import Unusable, checked_timestamp
from core.domain.folds import RUN_END_HEADER, RUN_HEADER
from core.domain.timestamps import AHEAD_MS
from core.ports import OutgoingRecord, RecordSink

TOPICS = ((SEARCH_LOG, SEARCH_LOG_REPLAY), (LISTINGS, LISTINGS_REPLAY))


class KeyedRecord(Protocol):
    """A record with its key."""

    @property
    def key(self) -> bytes | None:
        """The key it had on the live topic; its copy keeps it."""
        ...

    @property
    def record(self) -> RawRecord:
        """The record."""
        ...


class Reader(Protocol):
    """Live topics, read once outside any group."""

    def partitions(self, topic: str) -> list[int]:
        """Partitions of a topic; none when it is not there."""
        ...

    def since(self, topic: str, partition: int, from_ms: int) -> Iterator[Iterable[KeyedRecord]]:
        """Batches from a Kafka time to the present end."""
        ...


async def replay(reader: Reader, sink: RecordSink, prefix: str, run: str, from_ms: int, to_ms: int) -> int:
    """Copy what is timed from `from_ms` up to, not including, `to_ms`, then end the run; returns records copied."""
    await sink.ensure_topics([prefix + target for _, target in TOPICS])
    copied = 0
    for source, target in TOPICS:
        for partition in await asyncio.to_thread(reader.partitions, prefix + source):
            # A record is at most five minutes ahead of its Kafka timestamp, so nothing older can belong.
            batches = reader.since(prefix + source, partition, from_ms - AHEAD_MS)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                chosen = [r for r in batch if from_ms <= time_of(r.record) < to_ms]
                await sink.send([copy_of(r, prefix + target, run) for r in chosen])
                copied += len(chosen)
    for _, target in TOPICS:
        ends = [end_of(prefix + target, p, run) for p in await asyncio.to_thread(reader.partitions, prefix + target)]
        await sink.send(ends)
    return copied


def time_of(record: RawRecord) -> int:
    """The record's own timestamp, or Kafka's where it has none that can be read; milliseconds since 1970."""
    try:
        parsed = json.loads(record.value or b"")
    except (ValueError, RecursionError):
        return record.timestamp
    own = checked_timestamp(parsed.get("timestamp"), -1) if isinstance(parsed, dict) else None
    return record.timestamp if own is None or isinstance(own, Unusable) else own


def copy_of(record: KeyedRecord, topic: str, run: str) -> OutgoingRecord:
    """The record as it is, with the run's header, at its old Kafka time."""
    return OutgoingRecord(
        topic, record.key, record.record.value, [(RUN_HEADER, run.encode())], timestamp_ms=record.record.timestamp
    )


def end_of(topic: str, partition: int, run: str) -> OutgoingRecord:
    """The record that closes the run's sessions in a partition."""
    return OutgoingRecord(topic, None, None, [(RUN_HEADER, run.encode()), (RUN_END_HEADER, b"")], partition)
