"""The run loop of a stream process: fetched records are folded, and what they change is written in one transaction.

One place writes: `StreamWriter`. Everything a partition holds in memory can be dropped at any moment, because the next
owner (or this one again) starts from the store. Committed is never above what was folded, and what was folded of a
partition is either wholly in the transaction or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from core.domain.effects import RawRecord
from core.domain.positions import Stop
from core.errors import RetryLater, StopProcess
from core.ports import Clock
from core.runtime.holdings import Holdings
from core.runtime.partitions import Owned, StreamPlan, monotonic, owned_from
from core.runtime.process import Health, wait_for
from core.runtime.stream_metrics import StreamMetrics
from core.runtime.stream_writer import StreamWriter
from core.stream_ports import Assignment, Partition, RecordSource, StreamStore
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

HEARTBEAT_S = 30.0
"""A loop that has not turned for this long hangs: its slowest turn, a 60 MB snapshot, takes two."""

TURN_S = 0.25
"""The loop looks up at least this often, and as often as a record may wait: a quarter of the usual time."""

FENCED_LOOK_S = 10.0
"""A partition that another took while the group still gives it to us is taken back after this: whoever lost it has
heard of it by then, within a session time-out of KIP-848's usual 5 to 45 s or at its own next look."""

STOPPED_LOOK_S = 5.0
"""A stopped partition that a person has released is read again within this."""


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
        self._metrics = StreamMetrics(metrics, clock)
        self._owner = owner
        self._held = Holdings(plan, source)
        self._writer = StreamWriter(plan, source, store, clock, self._metrics, self._held, self._is_stopping)
        self._assigned: dict[Partition, Assignment] = {}
        self._taking: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._queued = asyncio.Event()
        self._write_lock = asyncio.Lock()
        self._stopping = False
        self._failure: BaseException | None = None
        self._beat = 0.0
        self._looked = 0.0

    @property
    def progress(self) -> int:
        return self._writer.records

    @property
    def name(self) -> str:
        return self._plan.name

    def _is_stopping(self) -> bool:
        return self._stopping

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            beats = tasks.create_task(self._beats())
            folds = tasks.create_task(self._folds())
            turns = tasks.create_task(self._turns())
            await self._source.run(self)
            self._stopping = True
            self._wake.set()
            await turns
            folds.cancel()
            beats.cancel()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._source.close()

    async def idle(self) -> bool:
        owned = list(self._held.all())
        under_way = len(owned) < len(self._assigned) or self._held.waits() or self._write_lock.locked()
        if not owned or under_way or not all(o.is_done() or (o.stop and not o.changed) for o in owned):
            return False
        for stopped in (o for o in owned if o.stop):
            raise StopProcess(f"{_place(stopped.partition)} is not read to its end, it is stopped: {_said(stopped)}")
        return True

    async def nudge(self) -> None:
        self._wake.set()

    def health(self) -> Health:
        now = monotonic()
        beating = now - self._beat < HEARTBEAT_S and now - self._source.beat() < HEARTBEAT_S
        missing = [name for name, away in (("PostgreSQL", self._writer.away), ("Kafka", self._source.away())) if away]
        stopped = sum(owned.stop is not None for owned in self._held.all())
        detail = f"{len(self._held)} partitions" + (f", {stopped} stopped" if stopped else "")
        detail += "".join(f", waiting for {name}" for name in missing)
        return Health(beating, len(self._held) > 0 and not missing, detail)

    # What the source says.

    def assigned(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            self._assigned[assignment.partition] = assignment
            task = asyncio.ensure_future(self._take(assignment))
            self._taking.add(task)
            task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fail(task.exception())

    async def _take(self, assignment: Assignment) -> None:
        partition = assignment.partition
        async with self._write_lock:  # a transaction under way may hold a part of it, from before
            self._writer.drop(partition)
        if self._assigned.get(partition) is not assignment:
            return  # gone again: taking it would fence whoever has it
        try:
            start = await self._writer.patiently(lambda: self._store.take(partition, self._owner))
        except RetryLater:
            return  # the process is ending
        if self._assigned.get(partition) is not assignment:
            return  # gone again meanwhile
        owned, begin = owned_from(self._plan, assignment, start)
        self._held.put(owned)
        place = {"topic": partition.topic, "partition": partition.partition}
        log.info("stream.assigned", applied=start.applied, **place)
        if isinstance(begin, Stop):
            log.error("stream.stopped", reason=begin.reason, detail=begin.detail, **place)
        else:
            if begin.missing or begin.forgotten:
                log.error("stream.records_missing", missing=begin.missing, forgotten=begin.forgotten, **place)
            self._source.begin(assignment, begin.offset)
        self._wake.set()

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool, seconds: float) -> None:
        for partition in partitions:
            self._assigned.pop(partition, None)
            self._writer.fenced.pop(partition, None)
        try:
            async with asyncio.timeout(seconds), self._write_lock:
                if not lost:
                    await self._writer.write(self._held.cut(self._last_of(partitions), keep=True))
        except (RetryLater, TimeoutError) as error:
            log.warning("stream.left_unwritten", error=str(error) or "no time left")
        finally:
            for partition in partitions:
                self._writer.drop(partition)
        log.info("stream.revoked", partitions=[p.partition for p in partitions], lost=lost)

    def _last_of(self, partitions: Sequence[Partition]) -> list[Owned]:
        """What is held of them, each with a last snapshot to come: the next owner need not read the log back."""
        mine = [owned for p in partitions if (owned := self._held.get(p)) is not None]
        for owned in mine:
            owned.changed = owned.changed or (self._plan.keeps_sessions and owned.folded == owned.applied >= 0)
        return mine

    def fetched(self, partition: Partition, records: Sequence[RawRecord], size: int, end_offset: int) -> None:
        self._held.queue(partition, records, size, end_offset)
        self._queued.set()

    def at_end(self, partition: Partition, next_offset: int) -> None:
        self._held.at_end(partition, next_offset)
        self._wake.set()

    def grown(self, partition: Partition, end_offset: int) -> None:
        owned = self._held.get(partition)
        if owned is not None:
            owned.end_offset = max(owned.end_offset, end_offset)

    def _fail(self, error: BaseException | None) -> None:
        self._failure = error
        self._wake.set()

    # Turning.

    async def _beats(self) -> None:
        """The event loop lives, whatever `_turns` waits for; lag grows also while nothing is written."""
        while True:
            self._beat = monotonic()
            self._metrics.lag(self._held.all())
            await asyncio.sleep(TURN_S)

    async def _folds(self) -> None:
        """Batch by batch, also while a transaction is written; its answers come in between."""
        while True:
            await self._queued.wait()
            self._queued.clear()
            while self._held.fold():
                if self._held.is_full():
                    self._wake.set()
                await asyncio.sleep(0)

    async def _turns(self) -> None:
        while not self._stopping:
            await wait_for(self._wake, min(TURN_S, self._plan.batch_seconds))
            self._wake.clear()
            if self._failure is not None:
                raise self._failure
            self._held.close_idle()
            if self._held.is_due():
                async with self._write_lock:
                    parts = self._held.cut(self._held.all(), keep=False)
                    self._queued.set()  # there is room for the next
                    await self._writer.write_patiently(parts)
                if self._held.is_full():
                    self._wake.set()
            self._look_at_fenced()
            await self._look_at_stopped()

    def _look_at_fenced(self) -> None:
        """Two owners in the group's eyes are one too many; none is too few, and nobody else would notice that."""
        due = [p for p, since in self._writer.fenced.items() if monotonic() - since > FENCED_LOOK_S]
        for partition in due:
            del self._writer.fenced[partition]
            if partition in self._assigned:
                self._source.look(partition)

    async def _look_at_stopped(self) -> None:
        stopped = {o.partition: o.end_offset for o in self._held.all() if o.stop and not o.changed}
        if not stopped or monotonic() - self._looked < STOPPED_LOOK_S:
            return
        self._looked = monotonic()
        try:
            released = await self._store.released(stopped)
        except RetryLater:
            return  # the next look finds it
        for partition in released:
            self._source.look(partition)


def _said(owned: Owned) -> str:
    return f"{owned.stop.reason}: {owned.stop.detail}" if owned.stop else ""


def _place(partition: Partition) -> str:
    return f"{partition.topic}[{partition.partition}]"
