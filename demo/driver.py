"""Drives the service through the days: feed, wait until all is read and judged, let the night be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta

from core.ports import OutgoingRecord, RecordSink
from core.runtime.process import Process
from demo.clock import SimulatedClock
from demo.feeds import CHUNK, Day

LOOK_S = 0.05
"""How often the driver asks whether a stage is through: a day takes about a second."""

NIGHT = timedelta(hours=3)
"""After midnight by this much: the nightly look begins at two."""

STREAMS = ("search-log", "listings")
WORK = ("relevance", "image-score", "image-label")


class Driver:
    """One pass through the days."""

    def __init__(self, processes: Sequence[Process], sink: RecordSink, clock: SimulatedClock, prefix: str) -> None:
        self._by_name = {process.name: process for process in processes}
        self._sink = sink
        self._clock = clock
        self._prefix = prefix
        self.sent = 0

    async def drive(self, days: Iterable[Day], on_day: Callable[[int, int], Awaitable[None]]) -> None:
        """Each day in turn; `on_day` is told the day's number and the records sent so far."""
        for number, day in enumerate(days):
            await self._feed(day.records)
            self._clock.set(day.end + NIGHT if day.end.year > 1 else self._clock.now())
            await self._judge()
            await self._night()
            await on_day(number, self.sent)
        await self._settled("outbox")

    async def _feed(self, records: Sequence[OutgoingRecord]) -> None:
        for start in range(0, len(records), CHUNK):
            chunk = records[start : start + CHUNK]
            expected = self._read() + len(chunk)
            await self._sink.send([self._prefixed(record) for record in chunk])
            self.sent += len(chunk)
            while self._read() < expected:  # noqa: ASYNC110 - what is waited for is in the broker
                await asyncio.sleep(LOOK_S)
            await self._settled(*STREAMS)

    def _prefixed(self, record: OutgoingRecord) -> OutgoingRecord:
        return OutgoingRecord(self._prefix + record.topic, record.key, record.value, timestamp_ms=record.timestamp_ms)

    def _read(self) -> int:
        return sum(self._by_name[name].progress for name in STREAMS)

    async def _judge(self) -> None:
        await self._by_name["selection"].nudge()
        await self.work_done()

    async def _night(self) -> None:
        """Freeze, judge what was frozen, close; then see what buyers, student and flags say."""
        await self._by_name["drift"].nudge()
        await self.work_done()
        await self._by_name["drift"].nudge()
        await self._by_name["image-watch"].nudge()

    async def promoted(self) -> None:
        """Let a judge or student that was just promoted be seen at once."""
        await self._by_name["live-judge"].nudge()

    async def work_done(self) -> None:
        """Until no task can run."""
        for name in WORK:
            await self._by_name[name].nudge()
        # Batches first, whose answers wake tasks, and last, since what a task asks for may go into another one.
        await self._settled("batches", *WORK, "batches")

    async def _settled(self, *names: str) -> None:
        while not all([await self._by_name[name].idle() for name in names]):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_S)
