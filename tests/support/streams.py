"""A real broker's topics for the stream tests: sent where the test wants it, read back from PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from core.adapters.clock import SystemClock
from core.adapters.days import HistoryDays
from core.adapters.kafka_options import member_options
from core.adapters.kafka_source import KafkaSource
from core.adapters.postgres import Pool, connection
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import DeadLetter
from core.domain.retention import HISTORIES, History, Keep
from core.ports import OutgoingEvent
from core.runtime.process import Process
from core.stages.events import dead_letter_event
from tests.oracle.contract import COUNTERS, Counters, LogRecord, Outcome, PaneKey
from tests.support.waiting import until_true

ROOT = Path(__file__).parents[2]
WAIT_S = 40.0  # a group may need its broker's rebalance; on an idle machine a tenth of it
Dead = dict[tuple[int, int], tuple[str, str]]
Options = Mapping[str, str | int | float | bool]


def make_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """A new topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)]).values():
        made.result(WAIT_S)


def drop_topic(bootstrap: str, *topics: str) -> None:
    """What a benchmark leaves on a broker that is not its own is large. One that is gone already is no error."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for dropped in admin.delete_topics(list(topics)).values() if topics else ():
        try:
            dropped.result(WAIT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


class Sender:
    """Sends records to the partitions and with the times they name, in their order."""

    def __init__(self, bootstrap: str, topic: str, options: Options | None = None) -> None:
        self.topic = topic
        config = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "message.max.bytes": 2_000_000,
            "log_level": 0,
        }
        self.producer = Producer({**config, **(options or {})})
        self.failed: list[object] = []

    def put(self, records: Iterable[LogRecord]) -> None:
        for record in records:
            self.producer.produce(
                self.topic,
                record.value,
                partition=record.partition,
                timestamp=record.kafka_ts,
                headers=list(record.headers),
                on_delivery=lambda error, _message: self.failed.append(error) if error else None,
            )
            self.producer.poll(0)

    def send(self, records: Iterable[LogRecord]) -> None:
        self.put(records)
        left = self.producer.flush(WAIT_S)
        if left or self.failed:
            raise KafkaException(f"{left} not sent, {self.failed[:1]}")


def dead_letter(letter: DeadLetter) -> OutgoingEvent:
    """A dead letter's event, now."""
    return dead_letter_event(letter, SystemClock().now())


def source(bootstrap: str, topic: str, options: Options, group: str = "group") -> KafkaSource:
    """A member of the topic's group."""
    return KafkaSource(member_options(bootstrap, f"{topic}.{group}", options), [topic], 64_000_000)


def store(pool: Pool) -> PostgresStreamStore:
    """The real store."""
    keeps: dict[History, Keep] = {history: Keep(400, 7) for history in HISTORIES}
    return PostgresStreamStore(pool, SystemClock(), HistoryDays(pool, keeps))


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Processes side by side; drained at the end."""
    tasks = [asyncio.create_task(process.run()) for process in processes]
    try:
        yield tasks
    finally:
        for process in processes:
            process.stop()
        await asyncio.gather(*tasks)


async def until_idle(*processes: Process) -> None:
    """Wait until all have read their input to its end."""

    async def all_idle() -> bool:
        return all([await process.idle() for process in processes])

    await until_true(all_idle, WAIT_S)


async def read_until_idle(*processes: Process) -> None:
    """Run until all is read, then drain."""
    async with running(*processes):
        await until_idle(*processes)


async def panes(pool: Pool) -> dict[PaneKey, Counters]:
    """What the view `query_panes` shows, as the oracle says it."""
    async with connection(pool) as held:
        rows = await held.fetch("SELECT * FROM assay.query_panes")
    return {
        (r["run"], r["application"], r["market"], r["query"], r["hour"]): {name: r[name] for name in COUNTERS}
        for r in rows
    }


async def dead(pool: Pool, topic: str) -> Dead:
    """What the view `dead_letters` shows."""
    async with connection(pool) as held:
        rows = await held.fetch("SELECT * FROM assay.dead_letters WHERE topic = $1", topic)
    return {(row["partition"], row["offset"]): (row["run"] or "", row["reason"]) for row in rows}


async def outbox_size(pool: Pool) -> int:
    """Events that wait to be published."""
    async with connection(pool) as held:
        return int(await held.fetchval("SELECT count(*) FROM assay_data.outbox"))


async def assert_exact(pool: Pool, topic: str, expected: Outcome) -> None:
    """Panes and dead letters are the oracle's, and each dead letter has one event."""
    found = await dead(pool, topic)
    assert found == {place: (run, why.reason) for place, (run, why) in expected.dead.items()}
    counted = await panes(pool)
    assert counted == expected.panes
    assert await outbox_size(pool) == len(expected.dead)


def spawn(
    names: Sequence[str], bootstrap: str, dsn: str, prefix: str, options: str, *more: str
) -> subprocess.Popen[bytes]:
    """`assay run` as a process of its own, with small transactions."""
    environment = {
        **os.environ,
        "ASSAY_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "ASSAY_KAFKA_OPTIONS": options,
        "ASSAY_POSTGRES_DSN": dsn,
        "ASSAY_TOPIC_PREFIX": prefix,
        "ASSAY_HTTP_PORT": "0",
        "ASSAY_STREAM_BATCH_RECORDS": "200",
        "ASSAY_STREAM_BATCH_SECONDS": "0.05",
        "ASSAY_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "cli.main", "run", *names, *more]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
