"""The run loop of a stream process: fetched records are folded, and what they change is written in one transaction.

One place writes: `_write`. Everything a partition holds in memory can be dropped at any moment, because the next
owner (or this one again) starts from the store. Committed is never above what was folded, and what was folded of a
partition is either wholly in the transaction or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog

from core.domain.effects import RawRecord, merged_effects
from core.domain.timestamps import to_datetime
from core.errors import LostOwnership, RetryLater
from core.ports import Clock
from core.runtime.partitions import Owned, Part, StreamPlan, is_old, monotonic
from core.runtime.process import Health, patiently, wait_for
from core.stream_ports import Partition, Progress, RecordSource, StreamCommit, StreamStore
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

HEARTBEAT_S = 30.0
"""A loop that has not turned for this long hangs: its slowest turn, a 60 MB snapshot, takes two."""

FOLD_AHEAD = 4
"""While a transaction is written, so many batches more may be folded for the next one: a stream that lags behind then
writes fewer and larger transactions, and waits less for the database."""

TURN_S = 0.25
"""The loop looks up at least this often: a quarter of the time a record may wait."""


class StreamProcess:
    """A `Process` and the `StreamListener` of its source."""

    def __init__(
        self,
        plan: StreamPlan,
        source: RecordSource,
        store: StreamStore,
        clock: Clock,
        metrics: Metrics,
        owner: str,
    ) -> None:
        self._plan = plan
        self._source = source
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._owner = owner
        self._owned: dict[Partition, Owned] = {}
        self._unwritten = 0
        self._oldest = 0.0
        self._wake = asyncio.Event()
        self._write_lock = asyncio.Lock()
        self._stopping = False
        self._away = False
        self._failure: Exception | None = None
        self._beat = 0.0
        self.progress = 0

    @property
    def name(self) -> str:
        return self._plan.name

    async def run(self) -> None:
        self._beat = monotonic()
        async with asyncio.TaskGroup() as tasks:
            turns = tasks.create_task(self._turns())
            await self._source.run(self)
            self._stopping = True
            self._wake.set()
            await turns

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._source.close()

    async def idle(self) -> bool:
        owned = self._owned.values()
        writes = self._unwritten > 0 or self._write_lock.locked()
        return bool(owned) and not writes and all(o.at_end and not o.queued and not o.changed for o in owned)

    async def nudge(self) -> None:
        self._wake.set()

    def health(self) -> Health:
        now = monotonic()
        beating = now - self._beat < HEARTBEAT_S and now - self._source.beat() < HEARTBEAT_S
        missing = [name for name, away in (("PostgreSQL", self._away), ("Kafka", self._source.away())) if away]
        detail = f"{len(self._owned)} partitions" + "".join(f", waiting for {name}" for name in missing)
        return Health(beating, bool(self._owned) and not missing, detail)

    # What the source says.

    async def assigned(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return {partition: await self._take(partition) for partition in partitions}

    async def _take(self, partition: Partition) -> int:
        start = await patiently(
            lambda: self._store.take(partition, self._owner), self._clock, "PostgreSQL", lambda: self._stopping
        )
        fold = self._plan.fold(partition, start.snapshot)
        begin = start.snapshot_offset + 1 if self._plan.keeps_sessions else start.applied + 1
        self._owned[partition] = Owned(
            partition, start.epoch, start.turn, start.applied, fold, begin - 1, start.applied + 1, monotonic()
        )
        log.info("stream.assigned", topic=partition.topic, partition=partition.partition, applied=start.applied)
        return begin if begin > 0 else -1

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> None:
        async with self._write_lock:
            mine = [self._owned[p] for p in partitions if p in self._owned]
            for owned in mine:
                # A last snapshot, so that the next owner need not read the log back.
                owned.changed = owned.changed or (self._plan.keeps_sessions and owned.folded == owned.applied >= 0)
            try:
                if not lost:
                    await self._write(self._cut(mine, keep=True))
            except RetryLater as error:
                log.warning("stream.left_unwritten", error=str(error))
            for partition in partitions:
                self._drop(partition)
        log.info("stream.revoked", partitions=[p.partition for p in partitions], lost=lost)

    def _drop(self, partition: Partition) -> None:
        self._owned.pop(partition, None)
        self._metrics.forget("assay_stream_lag_seconds", topic=partition.topic, partition=partition.partition)

    def fetched(self, partition: Partition, records: Sequence[RawRecord], end_offset: int) -> None:
        owned = self._owned.get(partition)
        if owned is None:
            return
        owned.at_end = False
        owned.last_record = monotonic()
        owned.end_offset = max(end_offset, records[-1].offset + 1)
        owned.queued.append(records)
        try:
            self._fold()
        except Exception as error:  # noqa: BLE001 - in a callback the event loop would only log it: `_turns` raises it
            self._failure = error
            self._wake.set()

    def at_end(self, partition: Partition, next_offset: int) -> None:
        owned = self._owned.get(partition)
        if owned is not None:
            owned.at_end = True
            owned.end_offset = next_offset
            self._wake.set()

    # Folding: bounded by what may wait for a transaction.

    def _fold(self) -> None:
        try:
            for owned in self._owned.values():
                while owned.queued and self._unwritten < self._plan.batch_records * FOLD_AHEAD:
                    self._fold_batch(owned, owned.queued.popleft())
        except BaseException:
            self._owned.clear()  # half a batch is folded: nothing of it may be written
            raise
        if self._unwritten >= self._plan.batch_records:
            self._wake.set()

    def _fold_batch(self, owned: Owned, records: Sequence[RawRecord]) -> None:
        if self._unwritten == 0:
            self._oldest = monotonic()
        owned.fold.add(records, owned.applied)
        owned.folded, owned.newest_ms = records[-1].offset, records[-1].timestamp
        owned.changed = owned.changed or owned.folded > owned.applied
        if owned.changed:
            self._unwritten += len(records)
        self._source.taken(owned.partition, len(records))

    # Writing.

    async def _turns(self) -> None:
        while not self._stopping:
            await wait_for(self._wake, TURN_S)
            self._wake.clear()
            self._beat = monotonic()
            if self._failure is not None:
                raise self._failure
            self._close_idle()
            if self._is_due():
                async with self._write_lock:
                    await self._write_patiently(self._cut(self._owned.values(), keep=False))
                self._fold()

    def _is_due(self) -> bool:
        waited = monotonic() - self._oldest
        full = self._unwritten >= self._plan.batch_records
        return full or (waited >= self._plan.batch_seconds and any(o.changed for o in self._owned.values()))

    def _close_idle(self) -> None:
        for owned in self._owned.values():
            stands = owned.at_end and not owned.queued
            stood = monotonic() - owned.last_record
            if stands and stood >= self._plan.idle_close_s and owned.fold.open_sessions():
                owned.fold.close_open()
                owned.changed = owned.idle_closed = True
                self._oldest = 0.0

    def _cut(self, owned: Iterable[Owned], *, keep: bool) -> dict[Partition, Part]:
        """Take what was folded since the last cut. `keep`: with every partition's snapshot, not just the oldest and
        those that have to be."""
        changed = [o for o in owned if o.changed]
        self._unwritten = 0
        due = min(changed, key=lambda o: o.snapshot_at, default=None)
        return {o.partition: self._part(o, keep=keep or o.idle_closed or (o is due and is_old(o))) for o in changed}

    def _part(self, owned: Owned, *, keep: bool) -> Part:
        owned.turn += 1
        owned.applied = max(owned.applied, owned.folded)
        owned.changed = owned.idle_closed = False
        watermark = owned.fold.watermark()
        progress = Progress(
            owned.partition,
            owned.epoch,
            owned.turn,
            owned.applied,
            owned.end_offset,
            owned.fold.open_sessions(),
            to_datetime(watermark) if watermark else None,
        )
        # Behind what is applied the state is older than the offset it would be kept under.
        kept = keep and owned.folded >= owned.applied
        if kept:
            owned.snapshot_at = monotonic()
        return Part(progress, owned.fold.take(), owned.fold.snapshot() if kept else None, owned.newest_ms)

    async def _write_patiently(self, parts: dict[Partition, Part]) -> None:
        """What was cut and not written is gone from memory: its partitions go too, or a later commit would skip it."""
        written = False
        try:
            await patiently(lambda: self._attempt(parts), self._clock, "PostgreSQL", lambda: self._stopping)
            written = True
        except RetryLater as error:
            log.warning("stream.left_unwritten", error=str(error))
        finally:
            if not written:
                for partition in parts:
                    self._drop(partition)

    async def _attempt(self, parts: dict[Partition, Part]) -> None:
        try:
            await self._write(parts)
        except RetryLater:
            self._away = True
            raise
        self._away = False

    async def _write(self, parts: dict[Partition, Part]) -> None:
        """One transaction; without the partitions that another owner has taken, should there be any."""
        started = monotonic()
        while parts:
            try:
                await self._store.commit(self._commit_of(parts.values()))
            except LostOwnership as error:
                log.warning("stream.fenced", partitions=str(error))
                for partition in error.partitions:
                    parts.pop(Partition(*partition), None)
                    self._drop(Partition(*partition))
            else:
                break
        for part in parts.values():
            self.progress += part.effects.records
            self._source.commit_hint(part.progress.partition, part.progress.applied + 1)
            self._measure(part, monotonic() - started)

    def _measure(self, part: Part, seconds: float) -> None:
        progress, effects, metrics = part.progress, part.effects, self._metrics
        topic, partition = progress.partition
        metrics.observe("assay_stream_batch_seconds", seconds, topic=topic)
        metrics.set("assay_sessions_open", sum(o.fold.open_sessions() for o in self._owned.values()))
        for dead in effects.dead_letters:
            metrics.count("assay_dead_letters_total", topic=topic, reason=dead.reason)
        used = effects.records - len(effects.dead_letters)
        metrics.count("assay_stream_records_total", used, topic=topic, outcome="used")
        metrics.count("assay_stream_records_total", len(effects.dead_letters), topic=topic, outcome="dead_letter")
        metrics.count("assay_panes_written_total", len(effects.panes))
        metrics.count("assay_sessions_automated_total", effects.automated)
        metrics.set("assay_stream_lag_records", part.lag, topic=topic, partition=partition)
        metrics.set("assay_stream_lag_seconds", part.lag_s(self._clock.now()), topic=topic, partition=partition)

    def _commit_of(self, parts: Iterable[Part]) -> StreamCommit:
        held = list(parts)
        effects = merged_effects(part.effects for part in held)
        return StreamCommit(
            [part.progress for part in held],
            effects,
            [self._plan.event(dead) for dead in effects.dead_letters],
            self._plan.tasks(effects),
            {part.progress.partition: part.snapshot for part in held if part.snapshot is not None},
        )
