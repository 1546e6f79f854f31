"""Days of the search log out of Kafka, folded on the way: port `ExposureLog`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from threading import Event

from core.adapters.kafka_reader import TopicReader
from core.buyer_ports import LogDays
from core.domain.fields import Unusable
from core.domain.images.buyers.exposures import Bounds, DaySums
from core.domain.images.buyers.log_events import listing_of
from core.domain.images.buyers.visits import Visits
from core.domain.replays import Batch
from core.domain.search_log import decode_search_log
from core.domain.sessions import SPAN_MS
from core.domain.timestamps import AHEAD_MS, to_milliseconds
from core.ports import Clock

LATE_MS = 24 * 3_600_000
"""A record that Kafka got so much later than the last sessions of its day is left out when days of the past are read:
the night's look reads a day for the last time a day after its end."""


class KafkaExposures:
    """Port `ExposureLog`, outside every group: nobody's offsets move. A record that can't be used is a dead letter of
    the process `search-log` and none of ours."""

    def __init__(self, reader: TopicReader, topic: str, engagement: frozenset[str], clock: Clock) -> None:
        self._reader = reader
        self._topic = topic
        self._engagement = engagement
        self._clock = clock

    async def read(self, days: Sequence[date], bounds: Bounds) -> LogDays:
        """In a thread of its own, which ends within a batch when the caller does."""
        stop = Event()
        try:
            return await asyncio.to_thread(self._read, days, bounds, stop)
        finally:
            stop.set()

    def _read(self, days: Sequence[date], bounds: Bounds, stop: Event) -> LogDays:
        """From before the first day, since a session of the day may have begun then, to the end of the log, or to where
        what belongs to the last day has come, when that is over."""
        sums = {day: DaySums() for day in days}
        start, end = _midnight(min(days)), _midnight(max(days) + timedelta(days=1)) + SPAN_MS
        # Asked for a time to come, a record whose clock was wrong would be the end.
        last = end + LATE_MS if end + LATE_MS < self._clock.now().timestamp() * 1000 else None
        extents = self._reader.extents(self._topic, start - SPAN_MS - AHEAD_MS, last)
        visits = {partition: Visits(sums, self._engagement, bounds) for partition in extents}
        missing = 0
        for batch in self._reader.read(self._topic, {p: (each.start, each.end) for p, each in extents.items()}):
            if stop.is_set():
                break
            missing += batch.missing
            _take(batch, visits, end)
        for each in visits.values():
            each.close()
        if not extents:
            return LogDays(sums, f"there is no topic {self._topic}")
        short = missing or any(each.may_be_short() for each in extents.values())
        return LogDays(sums, "the log may begin later than the first day" if short else "")


def _take(batch: Batch, visits: dict[int, Visits], end: int) -> None:
    for read in batch.records:
        value = read.record.value
        record = decode_search_log(value, read.record.timestamp)
        if isinstance(record, Unusable) or value is None or record.timestamp >= end:
            continue
        visits[read.partition].add(record, None if record.action is None else listing_of(value))


def _midnight(day: date) -> int:
    return to_milliseconds(datetime.combine(day, time(), UTC))
