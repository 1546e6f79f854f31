"""A replay, pure: what is asked for, what a copy is made of, how far it is, and which hours its panes may replace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.domain.effects import RawRecord
from core.domain.fields import Unusable, checked_timestamp
from core.domain.timestamps import AHEAD_MS, HOUR_MS

SOURCE_HEADER = "assay-source"
"""Header of a copy: where the record stood, so that what a cut-off copier had sent is found again."""

Place = tuple[str, int]
"""A topic (full name) and a partition."""

Marks = dict[Place, int]
"""An offset a partition."""


class Source(NamedTuple):
    """Where a copied record stood: a live topic's full name or a file's, partition, offset or line."""

    name: str
    partition: int
    offset: int


class Delivered(NamedTuple):
    """Where a copy stands."""

    topic: str
    partition: int
    offset: int


class Extent(NamedTuple):
    """A partition's part from a Kafka time on: its first offset there is, the first of that time, where it ends."""

    low: int
    start: int
    end: int

    def may_be_short(self) -> bool:
        """Whether records of that time may have gone: the first of that time is the first there is at all."""
        return 0 < self.low == self.start


class Read(NamedTuple):
    """A record that was read to be copied."""

    partition: int
    key: bytes | None
    record: RawRecord


class Batch(NamedTuple):
    """A stretch of a source. `reached`: the next offset a partition. `missing`: records that retention took before
    they were read, `kept_ms`: Kafka's time of the first behind them. `digest`: SHA-256 of a file's lines so far."""

    records: list[Read]
    reached: dict[int, int]
    missing: int = 0
    kept_ms: int | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `assay replay` was told to copy: a range of the live topics, or files, with or without a range."""

    run: str
    from_ms: int | None
    to_ms: int | None
    search_log: str | None = None
    listings: str | None = None

    def files(self) -> dict[str, str]:
        """Files by the live topic that they stand for."""
        given = (("search-log", self.search_log), ("listings", self.listings))
        return {topic: file for topic, file in given if file is not None}

    def takes(self, time_ms: int) -> bool:
        """Whether a record of this time belongs."""
        return (self.from_ms is None or self.from_ms <= time_ms) and (self.to_ms is None or time_ms < self.to_ms)

    def is_whole(self) -> bool:
        """Whether every record belongs, whenever it was."""
        return self.from_ms is None and self.to_ms is None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A partition's part of a run. `end` is None for a file: where it ends is known when it is read."""

    source: str
    target: str
    partition: int
    next: int
    end: int | None
    topic_id: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the book has it."""

    asked: Asked
    epoch: int
    copied: int
    stretches: tuple[Stretch, ...] = ()
    marks: Marks = field(default_factory=dict)
    doubt_marks: Marks | None = None
    missing: int = 0
    left_before: bool = False
    left_after: bool = False
    kept_from: int | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    dropped_at: datetime | None = None
    resumable: bool = True
    """False of one that an earlier version of this service began."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a chunk adds to a run's progress."""

    source: str
    reached: Mapping[int, int]
    marks: Marks
    copied: int
    missing: int
    left_before: bool
    left_after: bool
    kept_from: int | None
    digest: str


class Hours(NamedTuple):
    """Hours from `start` up to, not including, `end`; milliseconds since 1970, both full hours."""

    start: int
    end: int


def lock_of(run: str) -> str:
    """The name of the lead that a run's copier holds."""
    return f"replay/{run}"


def time_of(record: RawRecord) -> int:
    """The record's own timestamp, or Kafka's where it has none that can be read; milliseconds since 1970."""
    try:
        parsed = json.loads(record.value or b"")
    except (ValueError, RecursionError):
        return record.timestamp
    own = checked_timestamp(parsed.get("timestamp"), -1) if isinstance(parsed, dict) else None
    return record.timestamp if own is None or isinstance(own, Unusable) else own


def source_header(source: Source) -> tuple[str, bytes]:
    """The header that says where a copy comes from."""
    return SOURCE_HEADER, f"{source.name}/{source.partition}/{source.offset}".encode()


def source_of(headers: list[tuple[str, bytes | None]] | None) -> Source | None:
    """Where a copy comes from; None of a record that is no copy of ours."""
    given = dict(headers or ()).get(SOURCE_HEADER)
    parts = (given or b"").decode("utf-8", "replace").rsplit("/", 2)
    if len(parts) != 3 or not parts[1].isdecimal() or not parts[2].isdecimal():
        return None
    return Source(parts[0], int(parts[1]), int(parts[2]))


def floor_hour(time_ms: int) -> int:
    """The full hour at or before."""
    return time_ms // HOUR_MS * HOUR_MS


def ceil_hour(time_ms: int) -> int:
    """The full hour at or after."""
    return -(-time_ms // HOUR_MS) * HOUR_MS


def read_from(from_ms: int) -> int:
    """The Kafka time before which nothing can belong to the first hour: a record is at most five minutes ahead of it.

    The whole of that hour is looked at, also what is before `from_ms`: whether something of it is left out decides
    whether the hour may be replaced."""
    return floor_hour(from_ms) - AHEAD_MS


def left_before(asked: Asked, time_ms: int) -> bool:
    """Whether a record of this time is left out of the first hour of the range."""
    return asked.from_ms is not None and floor_hour(asked.from_ms) <= time_ms < asked.from_ms


def left_after(asked: Asked, time_ms: int) -> bool:
    """Whether a record of this time is left out of the last hour of the range."""
    return asked.to_ms is not None and asked.to_ms <= time_ms < ceil_hour(asked.to_ms)


def first_kept_hour(kafka_time_ms: int) -> int:
    """The first hour of which retention took nothing, when the first record it left has this Kafka time: what it took
    was no later, and is at most five minutes ahead of its own Kafka time."""
    return ceil_hour(kafka_time_ms + AHEAD_MS)


def covered(asked: Asked, before: bool, after: bool, kept_from: int | None) -> Hours | None:
    """The hours that a run holds all of; None when it was asked for no range.

    An hour that the range cuts is one of them where the log has nothing of it outside of the range: `before` and
    `after` say that something was left out. Of hours before `kept_from` retention had taken records."""
    if asked.from_ms is None or asked.to_ms is None:
        return None
    start = ceil_hour(asked.from_ms) if before else floor_hour(asked.from_ms)
    end = floor_hour(asked.to_ms) if after else ceil_hour(asked.to_ms)
    start = max(start, kept_from or start)
    return Hours(start, max(start, end))
