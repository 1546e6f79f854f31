"""What a stretch of a stream changes outside: the pure result of folding records, written in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from core.domain.listings import ListingRecord
from core.domain.panes import Panes, merged

STORED_PAYLOAD_BYTES = 65_536
"""Of an unusable record this much is kept (CONTRACT 2): enough to see what it is."""


class RawRecord(msgspec.Struct, frozen=True, gc=False):
    """A Kafka record as read. `timestamp` in milliseconds since 1970, -1 when it has none.

    There is one of each record: a struct takes a fifth of the time that a named tuple takes to make."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None


class DeadLetter(NamedTuple):
    """A record that can't be used, once per (topic, partition, offset)."""

    run: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    payload: bytes | None
    """The first 64 KiB of the value."""
    size: int
    """Bytes of the whole value."""


class ResultListKey(NamedTuple):
    """Whose result list."""

    run: str
    application: str
    market: str
    query: str
    engine: str


class ResultList(msgspec.Struct, frozen=True, gc=False):
    """What the shoppers were shown, `seen_at` in milliseconds since 1970."""

    seen_at: int
    language: str
    hits: list[str]


@dataclass(slots=True)
class Effects:
    """Deltas of one or more partitions; `merge` adds them up."""

    panes: Panes = field(default_factory=Panes)
    result_lists: dict[ResultListKey, ResultList] = field(default_factory=dict)
    listings: dict[str, tuple[str, ListingRecord]] = field(default_factory=dict)
    """By listing id: the run, and the newest that was told of it."""
    dead_letters: list[DeadLetter] = field(default_factory=list)
    records: int = 0
    automated: int = 0
    """Sessions that turned out to be programs' and added nothing."""

    def saw_results(self, key: ResultListKey, results: ResultList) -> None:
        """Keep the newest list; of two of one time the later in the log."""
        held = self.result_lists.get(key)
        if held is None or results.seen_at >= held.seen_at:
            self.result_lists[key] = results

    def saw_listing(self, run: str, listing: ListingRecord) -> None:
        """Keep what was told last."""
        held = self.listings.get(listing.listing_id)
        if held is None or listing.timestamp >= held[1].timestamp:
            self.listings[listing.listing_id] = (run, listing)


def merged_effects(parts: Iterable[Effects]) -> Effects:
    """The sum of what several partitions give."""
    held = list(parts)
    total = Effects(panes=merged(part.panes for part in held))
    for part in held:
        if total.result_lists:
            for key, results in part.result_lists.items():
                total.saw_results(key, results)
        else:
            total.result_lists.update(part.result_lists)
        for run, listing in part.listings.values():
            total.saw_listing(run, listing)
        total.dead_letters += part.dead_letters
        total.records += part.records
        total.automated += part.automated
    return total
