"""Records a second through `search-log`: `python -m tests.bench.search_log [--records N] [--profile]`.

A real broker (`ASSAY_TEST_KAFKA`, else one of its own) with 4 partitions, a PostgreSQL of its own, one process on
one core as `assay run search-log` is. Beside it, in the same run, consuming and decoding alone: what is left to gain.
CPU seconds are those of the process, PostgreSQL's and the broker's not counted.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import structlog
import uvloop
from confluent_kafka import Consumer, Producer, TopicPartition

from cli.run import calm_collector
from consumers import search_log
from core.adapters.clock import SystemClock
from core.adapters.kafka_options import consumer_options
from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.domain.search_log import decode_search_log
from core.settings import Settings
from core.telemetry import Metrics
from tests.support import kafka, postgres, streams
from tests.support.waiting import until

RECORDS = 300_000
LONGEST_S = 600.0
PARTITIONS = 4
PER_SESSION = 12  # records: three searches with their results seen and clicked
AT_ONCE = 2_000  # shoppers at the same time
START_MS = 1_748_779_200_000
STEP_MS = 40  # between two records of the log: 25 a second
WORDS = [
    "red",
    "blue",
    "green",
    "oak",
    "lamp",
    "sofa",
    "shoe",
    "table",
    "chair",
    "running",
    "leather",
    "kids",
    "summer",
    "vintage",
    "phone",
    "case",
    "usb",
    "cable",
    "desk",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--profile", action="store_true", help="show where the event loop's time goes")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with broker() as bootstrap:
        topic = f"bench-{uuid.uuid4().hex[:8]}-search-log"
        streams.make_topic(bootstrap, topic, PARTITIONS)
        try:
            size = fill(bootstrap, topic, arguments.records)
            rows = [decode_only(bootstrap, topic, arguments.records)]
            calm_collector()
            rows.append(uvloop.run(end_to_end(bootstrap, topic, arguments.records, profile=arguments.profile)))
        finally:
            streams.drop_topic(bootstrap, topic)
    print(f"{arguments.records:,} records of {size:.0f} bytes, {PARTITIONS} partitions, one process")
    print(f"{'':34}{'records/s':>12}{'CPU s/million':>16}")
    for name, wall, cpu in rows:
        print(f"{name:34}{arguments.records / wall:>12,.0f}{cpu / arguments.records * 1e6:>16.1f}")


@contextmanager
def broker() -> Iterator[str]:
    """A running broker, or one of our own."""
    if given := os.environ.get("ASSAY_TEST_KAFKA"):
        yield given
        return
    with tempfile.TemporaryDirectory() as directory, kafka.KafkaBroker(Path(directory)) as own:
        yield own.bootstrap


def fill(bootstrap: str, topic: str, count: int) -> float:
    """Send the log, keyed by shopper; returns the mean size in bytes."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "log_level": 0})
    size = 0
    for shopper, value in make_records(count):
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, partition=shopper % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)
    return size / count


def make_records(count: int) -> Iterator[tuple[int, bytes]]:
    """Shoppers who search three times, see the results, and click now and then."""
    random = Random(1)
    shoppers = list(range(AT_ONCE))
    done = [random.randrange(PER_SESSION) for _ in range(AT_ONCE)]
    searched = [" ".join(random.choices(WORDS, k=2)) for _ in range(AT_ONCE)]
    for number in range(count):
        seat = random.randrange(AT_ONCE)
        if done[seat] == PER_SESSION:
            shoppers[seat], done[seat] = AT_ONCE + number, 0
        if done[seat] % 4 == 0:
            searched[seat] = " ".join(random.choices(WORDS, k=random.choice([1, 2, 2, 3])))
        record = _record(shoppers[seat], done[seat], searched[seat], START_MS + number * STEP_MS, random)
        done[seat] += 1
        yield shoppers[seat], json.dumps(record).encode()


def _record(shopper: int, done: int, query: str, at: int, random: Random) -> dict[str, object]:
    record: dict[str, object] = {
        "application": "shop",
        "client_id": f"client-{shopper:012d}",
        "session_id": f"session-{shopper:012d}",
        "query_id": f"{shopper:08x}-{done // 4:04x}-4000-8000-000000000000",
        "timestamp": at if done % 2 else time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at / 1000)),
    }
    if done % 4 == 0:
        hits = [f"P{random.randrange(10**7):07d}" for _ in range(14)]
        attributes = {"market": "de", "language": "de", "engine": "main"}
        return {**record, "user_query": query, "query_response_hit_ids": hits, "query_attributes": attributes}
    shown = {
        "object_id": f"P{random.randrange(10**7):07d}",
        "object_id_field": "listing_id",
        "name": "A product's name in some words",
    }
    return {
        **record,
        "action_name": "click" if done % 4 == 2 else "impression",
        "message_type": "INFO",
        "message": "shown in the list of results",
        "event_attributes": {"object": shown, "position": {"ordinal": done, "x": 12, "y": 480}, "session_id": "s"},
    }


def decode_only(bootstrap: str, topic: str, count: int) -> tuple[str, float, float]:
    """Consume and decode, with the service's own options and on one thread."""
    options = {**consumer_options(bootstrap, f"{topic}.decode", {}), "enable.partition.eof": False}
    consumer = Consumer(options, logger=None)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    consumer.consume(1, 10)  # connected, and the first record in
    started, cpu, read = time.monotonic(), time.process_time(), 1
    while read < count:
        for message in consumer.consume(5_000, 1):
            decode_search_log(message.value(), message.timestamp()[1])
            read += 1
    taken = time.monotonic() - started, time.process_time() - cpu
    consumer.close()
    return ("consume and decode only", *taken)


async def end_to_end(bootstrap: str, topic: str, count: int, *, profile: bool) -> tuple[str, float, float]:
    """The process as it is, into PostgreSQL; the clock starts with its first transaction's partitions."""
    server = postgres.EmbeddedPostgres()
    try:
        await migrate(server.dsn)
        pool = await open_pool(server.dsn, 4)
        settings = Settings(_env_file=None)
        source = streams.source(bootstrap, topic, {})
        process = search_log.build(
            settings, source, streams.store(pool), SystemClock(), Metrics(), "bench", streams.dead_letter
        )
        async with streams.running(process):
            await until(lambda: process.health().ready, LONGEST_S)
            with _profiled(profile):
                taken = await _until_read(lambda: process.progress, count)
        await pool.close()
    finally:
        server.stop()
    return ("search-log into PostgreSQL", *taken)


async def _until_read(progress: Callable[[], int], count: int) -> tuple[float, float]:
    started, cpu = time.monotonic(), time.process_time()
    await until(lambda: progress() >= count, LONGEST_S)
    return time.monotonic() - started, time.process_time() - cpu


@contextmanager
def _profiled(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
