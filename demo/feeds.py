"""What the demo feeds: the simulated marketplace, or the user's own files, one day at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.domain.events import LISTINGS, SEARCH_LOG
from core.domain.fields import Unusable, checked_timestamp
from core.domain.keys import InputTopic, key_of
from core.domain.timestamps import to_datetime
from core.ports import OutgoingRecord
from demo.marketplace.world import Marketplace

CHUNK = 4_000
"""Records sent before they are waited for: the mock cluster keeps about 10,000 a partition."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day's records, and the moment after which its night may be looked at."""

    end: datetime
    records: Sequence[OutgoingRecord]


def simulated_days(marketplace: Marketplace) -> Iterator[Day]:
    """The catalogue as it is at first, then day after day, at simulated Kafka times."""
    for index in range(marketplace.days):
        first = list(marketplace.initial_listings()) if index == 0 else []
        records = [
            OutgoingRecord(r.topic, r.key, r.value, timestamp_ms=r.timestamp_ms)
            for r in (*first, *marketplace.day(index))
        ]
        yield Day(to_datetime(marketplace.day_start_ms(index + 1)), records)


def file_days(search_log: Iterable[bytes], listings: Iterable[bytes]) -> Iterator[Day]:
    """All listings, then the search log cut where its time passes midnight (UTC). Lines are sent as they are."""
    yield from _chunks(listings, LISTINGS, datetime.min.replace(tzinfo=UTC))
    held: list[OutgoingRecord] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for line in search_log:
        time = _time_of(line) or latest
        if held and (time.date() > latest.date() or len(held) >= CHUNK):
            yield Day(_midnight_after(latest) if time.date() > latest.date() else latest, held)
            held = []
        latest = max(latest, time)
        held.append(_record(SEARCH_LOG, line))
    if held:
        yield Day(_midnight_after(latest), held)


def _chunks(lines: Iterable[bytes], topic: InputTopic, end: datetime) -> Iterator[Day]:
    held: list[OutgoingRecord] = []
    for line in lines:
        held.append(_record(topic, line))
        if len(held) == CHUNK:
            yield Day(end, held)
            held = []
    if held:
        yield Day(end, held)


def _record(topic: InputTopic, line: bytes) -> OutgoingRecord:
    return OutgoingRecord(topic, key_of(topic, line), line)


def _time_of(line: bytes) -> datetime | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = checked_timestamp(record.get("timestamp"), -1) if isinstance(record, dict) else None
    return None if found is None or isinstance(found, Unusable) else to_datetime(found)


def _midnight_after(time: datetime) -> datetime:
    if time == datetime.min.replace(tzinfo=UTC):
        return time
    return time.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
