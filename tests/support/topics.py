"""Topics that are deleted, made again, cut and grown under a real `search-log`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from consumers import search_log
from core.adapters.clock import SystemClock
from core.adapters.kafka_options import member_options
from core.adapters.kafka_source import KafkaSource
from core.adapters.postgres import Pool
from core.adapters.stream_stops import StreamStops
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.contract import COUNTERS, Counters, LogRecord, PaneKey
from tests.support import streams
from tests.support.waiting import until_true

NEW: streams.Options = {"group.protocol": "consumer"}
CLASSIC: streams.Options = {"group.protocol": "classic", "heartbeat.interval.ms": 300}
QUICK: streams.Options = {"topic.metadata.refresh.interval.ms": 1_000}
"""Instead of every half minute."""


@dataclass(frozen=True)
class Place:
    """A topic of this test, its database, and how its group speaks."""

    bootstrap: str
    topic: str
    pool: Pool
    options: streams.Options

    def process(
        self, batch: int = 200, *, more: Sequence[str] = (), queued_bytes: int = 64_000_000, owner: str = "me"
    ) -> Reader:
        """A real `search-log` with small transactions, over the topic and `more`."""
        settings = Settings(
            _env_file=None, stream_batch_records=batch, stream_batch_seconds=0.05, stream_dead_letter_share=1.0
        )
        metrics = Metrics()
        member = member_options(self.bootstrap, f"{self.topic}.group", self.options)
        source = KafkaSource(member, [self.topic, *more], queued_bytes)
        store = streams.store(self.pool)
        process = search_log.build(settings, source, store, SystemClock(), metrics, owner, streams.dead_letter)
        return Reader(self, process, metrics)

    def make(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """The topic, as soon as the name of one that was deleted is free again."""
        new = NewTopic(self.topic, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin, ends = self._admin(), time.monotonic() + streams.WAIT_S
        while True:
            try:
                admin.create_topics([new])[self.topic].result(streams.WAIT_S)
                return
            except KafkaException:
                if time.monotonic() > ends:
                    raise
            time.sleep(0.02)

    def delete(self) -> None:
        """The topic and all in it."""
        streams.drop_topic(self.bootstrap, self.topic)

    def grow(self, partitions: int) -> None:
        """To so many partitions."""
        admin = self._admin()
        admin.create_partitions([NewPartitions(self.topic, partitions)])[self.topic].result(streams.WAIT_S)

    def cut(self, partition: int, low: int) -> None:
        """As retention does: nothing before `low` is there any more."""
        admin = self._admin()
        [cut] = admin.delete_records([TopicPartition(self.topic, partition, low)]).values()
        cut.result(streams.WAIT_S)

    def send(self, log: Iterable[LogRecord]) -> None:
        """To the topic."""
        streams.Sender(self.bootstrap, self.topic, {"topic.metadata.refresh.interval.ms": 500}).send(log)

    def send_keyed(self, log: Iterable[LogRecord], keys: int) -> None:
        """With so many different keys, for compaction."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0, "log_level": 0})
        for record in log:
            key = str(record.offset % keys)
            producer.produce(self.topic, record.value, key, record.partition, timestamp=record.kafka_ts)
        producer.flush(streams.WAIT_S)

    async def ends(self, partition: int = 0) -> tuple[int, int]:
        """Where the partition begins and ends."""
        return await asyncio.to_thread(self._ends, partition)

    def _ends(self, partition: int) -> tuple[int, int]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "any", "log_level": 0})
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=streams.WAIT_S)
        finally:
            consumer.close()
        return low, high

    async def row(self, partition: int = 0) -> Mapping[str, object]:
        """The partition's row; empty when there is none."""
        sql = "SELECT * FROM assay_data.stream_partitions WHERE topic = $1 AND partition = $2"
        row = await self.pool.fetchrow(sql, self.topic, partition)
        return dict(row) if row else {}

    async def applied(self) -> int:
        """Records that are in the panes, where offsets have no gaps."""
        sql = "SELECT coalesce(sum(applied + 1), 0) FROM assay_data.stream_partitions WHERE topic = $1"
        return int(await self.pool.fetchval(sql, self.topic))

    async def until_stopped(self, partition: int = 0) -> None:
        """Until its row says that it is."""

        async def stopped() -> bool:
            return (await self.row(partition)).get("stopped") == "topic_made_again"

        await until_true(stopped, streams.WAIT_S)

    async def until_applied(self, records: int) -> None:
        """Until so many are in the panes."""

        async def enough() -> bool:
            return await self.applied() >= records

        await until_true(enough, streams.WAIT_S)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[asyncio.Event]:
        """While in the block, nobody can write the topic's partitions, unless the event is set."""
        free = asyncio.Event()
        locking = asyncio.create_task(self._lock(free, locked := asyncio.Event()))
        await locked.wait()
        try:
            yield free
        finally:
            free.set()
            await locking

    async def _lock(self, free: asyncio.Event, locked: asyncio.Event) -> None:
        sql = "SELECT 1 FROM assay_data.stream_partitions WHERE topic = $1 FOR UPDATE"
        async with self.pool.acquire() as held, held.transaction():
            await held.fetch(sql, self.topic)
            locked.set()
            await free.wait()

    async def has_missed(self, records: int) -> bool:
        """Whether the row says that so many are missing."""
        return (await self.row()).get("missing") == records

    async def begin_anew(self) -> None:
        """What `assay streams restart` does."""
        await StreamStops(self.pool).begin_anew(self.topic, None, force=False)

    async def panes(self) -> dict[PaneKey, Counters]:
        """What the view shows."""
        return await streams.panes(self.pool)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})


@dataclass(frozen=True)
class Reader:
    """A process and what it measures."""

    place: Place
    process: StreamProcess
    metrics: Metrics

    def gauge(self, name: str, partition: int = 0) -> float | None:
        """The metric of a partition of the topic; None when it is not measured."""
        return self._sample(name, partition=str(partition))

    def count(self, name: str) -> float:
        """The counter of the topic."""
        return self._sample(f"{name}") or 0.0

    def _sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"topic": self.place.topic, **labels})

    async def read_until_idle(self) -> None:
        """Run until all is read, then drain."""
        await streams.read_until_idle(self.process)


def sums(*outcomes: dict[PaneKey, Counters]) -> dict[PaneKey, Counters]:
    """Panes of several logs that were read one after the other, each from nothing."""
    total: dict[PaneKey, Counters] = {}
    for panes in outcomes:
        for key, counters in panes.items():
            held = Counter(total.get(key, {}))
            held.update(counters)
            total[key] = {name: held[name] for name in COUNTERS}
    return total


def panes_of(log: Iterable[LogRecord]) -> dict[PaneKey, Counters]:
    """The oracle's."""
    return oracle.panes(log).panes


def from_offset(log: Iterable[LogRecord], low: int) -> list[LogRecord]:
    """What retention leaves."""
    return [record for record in log if record.offset >= low]


async def quiet(seconds: float) -> None:
    """Long enough for what must not happen."""
    await asyncio.sleep(seconds)
