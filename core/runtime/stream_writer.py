"""The one place where a stream writes: parts of partitions, in one transaction, patiently."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import structlog

from core.domain.effects import merged_effects
from core.domain.session_snapshots import packed
from core.errors import LostOwnership, RetryLater
from core.ports import Clock
from core.runtime.holdings import Holdings
from core.runtime.partitions import Part, StreamPlan, monotonic
from core.runtime.process import patiently
from core.runtime.stream_metrics import StreamMetrics
from core.stream_ports import Partition, RecordSource, StreamCommit, StreamStore

log = structlog.get_logger(__name__)
T = TypeVar("T")


class StreamWriter:
    """Writes what was cut off the holdings, and drops from them what is lost or could not be written."""

    def __init__(
        self,
        plan: StreamPlan,
        source: RecordSource,
        store: StreamStore,
        clock: Clock,
        metrics: StreamMetrics,
        held: Holdings,
        stopping: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._source = source
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._held = held
        self._stopping = stopping
        self.away = False
        self.records = 0
        self.fenced: dict[Partition, float] = {}
        """Partitions that another owner took while they were written, and when that was seen."""

    async def patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """`action`, repeated while PostgreSQL is away; RetryLater only when the process is ending."""

        async def attempt() -> T:
            try:
                result = await action()
            except RetryLater:
                self.away = True
                raise
            self.away = False
            return result

        return await patiently(attempt, self._clock, "PostgreSQL", self._stopping)

    async def write_patiently(self, parts: dict[Partition, Part]) -> None:
        """What was cut and not written is gone from memory: its partitions go too, or a later commit would skip it."""
        written = False
        try:
            await self.patiently(lambda: self.write(parts))
            written = True
        except RetryLater as error:
            log.warning("stream.left_unwritten", error=str(error))
        finally:
            if not written:
                for partition in parts:
                    self.drop(partition)

    async def write(self, parts: dict[Partition, Part]) -> None:
        """One transaction; without the partitions that another owner has taken, should there be any."""
        started = monotonic()
        snapshots = await _packed(parts.values())
        while parts:
            try:
                await self._store.commit(self._commit_of(parts.values(), snapshots))
            except LostOwnership as error:
                self._lose(error, parts)
            else:
                break
        for part in parts.values():
            self.records += part.effects.records
            self._source.commit_hint(part.progress.partition, part.progress.applied + 1)
            self._metrics.written(part, monotonic() - started)
        self._metrics.sessions(self._held.open_sessions())

    def _lose(self, error: LostOwnership, parts: dict[Partition, Part]) -> None:
        log.warning("stream.fenced", partitions=str(error))
        for partition in (Partition(*lost) for lost in error.partitions):
            parts.pop(partition, None)
            self.drop(partition)
            self.fenced[partition] = monotonic()

    def drop(self, partition: Partition) -> None:
        """Forget a partition: what is not written of it is read again, by whoever takes it."""
        self._held.drop(partition)
        self._metrics.forget(partition)

    def _commit_of(self, parts: Iterable[Part], snapshots: Mapping[Partition, bytes]) -> StreamCommit:
        held = list(parts)
        effects = merged_effects(part.effects for part in held)
        return StreamCommit(
            [part.progress for part in held],
            effects,
            [self._plan.event(dead) for dead in effects.dead_letters],
            self._plan.tasks(effects),
            {p.progress.partition: snapshots[p.progress.partition] for p in held if p.snapshot is not None},
        )


async def _packed(parts: Iterable[Part]) -> dict[Partition, bytes]:
    """The parts' snapshots made small, on a thread: 50 ms for 50,000 sessions, in which records are folded on."""
    return {
        part.progress.partition: await asyncio.to_thread(packed, part.snapshot)
        for part in parts
        if part.snapshot is not None
    }
