"""Sending logs: all at once, all at once but seen only when told, or steadily from a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.bench.stream.records import PARTITIONS, Record, marker, shop_log
from tests.support.streams import drop_topic

ANSWER_S = 60.0  # of a broker that shares its cores with the benchmark
TICK_S = 0.01  # a steady load is sent in so many small parts that none is a burst
TRANSACTION_MS = 900_000  # the longest a broker allows by default
LOOK_S = 0.2
VALUE_BYTES = 2_000_000  # a record of 1 MiB and its head
SEGMENT_BYTES = 67_108_864  # what a broker drops at a time
OPTIONS = {"linger.ms": 5, "compression.type": "lz4", "log_level": 0, "message.max.bytes": VALUE_BYTES}


@contextmanager
def new_topic(bootstrap: str, name: str, kept_bytes: int = -1) -> Iterator[str]:
    """A topic while the block lasts, of which the broker keeps so many bytes a partition, -1: all."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    config = {"max.message.bytes": str(VALUE_BYTES), "retention.bytes": str(kept_bytes)}
    config |= {"segment.bytes": str(SEGMENT_BYTES)} if kept_bytes > 0 else {}
    topic = NewTopic(name, PARTITIONS, 1, config=config)
    for made in admin.create_topics([topic]).values():
        made.result(ANSWER_S)
    try:
        yield name
    finally:
        drop_topic(bootstrap, name)


def fill(bootstrap: str, topic: str, records: Iterable[Record]) -> tuple[int, float]:
    """Send them all; how many, and their mean size in bytes."""
    return _send_all(Producer({"bootstrap.servers": bootstrap, **OPTIONS}), topic, records)


@contextmanager
def hidden(bootstrap: str, topic: str, records: Iterable[Record]) -> Iterator[Callable[[], None]]:
    """Send them in one transaction: readers see none of them until the function that is given is called."""
    name = f"{topic}.bench"
    producer = Producer(
        {"bootstrap.servers": bootstrap, **OPTIONS, "transactional.id": name, "transaction.timeout.ms": TRANSACTION_MS}
    )
    producer.init_transactions(ANSWER_S)
    producer.begin_transaction()
    _send_all(producer, topic, records)
    yield lambda: producer.commit_transaction(ANSWER_S)


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset that each partition's next record will have."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}.ends", "log_level": 0})
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_S)[1]
            for number in range(PARTITIONS)
        }
    finally:
        consumer.close()


def _send_all(producer: Producer, topic: str, records: Iterable[Record]) -> tuple[int, float]:
    count = size = 0
    for record in records:
        count += 1
        size += len(record.value)
        put(producer, topic, record)
    if left := producer.flush(ANSWER_S):
        raise KafkaException(f"{left} records could not be sent")
    return count, size / count if count else 0.0


def put(producer: Producer, topic: str, record: Record) -> None:
    """Send one, waiting while the producer's queue is full."""
    while True:
        try:
            producer.produce(topic, record.value, record.key, record.partition)
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)


@dataclass(frozen=True)
class Steady:
    """A load that goes on until it is told to stop."""

    bootstrap: str
    topic: str
    rate: int
    """Records a second."""
    start_ms: float
    step_ms: float
    markers: bool = False
    """A marker (two records) ten times a second, too."""


@dataclass
class Sent:
    """When each record of a steady load was handed to the producer: monotonic seconds, by partition and in order."""

    times: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in range(PARTITIONS)})
    markers: dict[int, float] = field(default_factory=dict)
    """When the record that closes a marker's session was sent."""


class Load:
    """A running load."""

    def __init__(self, steady: Steady) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(steady, theirs), daemon=True)
        self._process.start()
        self._pipe.recv()

    def stop(self) -> Sent:
        """End it; everything it sent has then been taken by the broker."""
        self._pipe.send("stop")
        sent: Sent = self._pipe.recv()
        self._process.join(ANSWER_S)
        return sent

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()


@contextmanager
def loaded(steady: Steady) -> Iterator[Load]:
    """A load while the block lasts."""
    load = Load(steady)
    try:
        yield load
    finally:
        load.kill()


def _run(steady: Steady, pipe: Connection) -> None:
    producer = Producer({"bootstrap.servers": steady.bootstrap, **OPTIONS})
    producer.list_topics(steady.topic, ANSWER_S)
    log = shop_log(10**12, start_ms=steady.start_ms, step_ms=steady.step_ms, seed=7)
    sent, began, count, marked = Sent(), time.monotonic(), 0, 0
    pipe.send("sending")
    while not pipe.poll():
        due = int((time.monotonic() - began) * steady.rate)
        for _ in range(due - count):
            _put_timed(producer, steady.topic, next(log), sent)
        count = max(count, due)
        if steady.markers and marked < (time.monotonic() - began) * 10:
            opening, close = marker(marked, int(steady.start_ms + count * steady.step_ms))
            _put_timed(producer, steady.topic, opening, sent)
            sent.markers[marked] = _put_timed(producer, steady.topic, close, sent)
            marked += 1
        time.sleep(TICK_S)
    producer.flush(ANSWER_S)
    pipe.send(sent)


def _put_timed(producer: Producer, topic: str, record: Record, sent: Sent) -> float:
    now = time.monotonic()
    sent.times[record.partition].append(now)
    put(producer, topic, record)
    return now
