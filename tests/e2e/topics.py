"""What stands on a topic, and sending to one: past the service, with a client of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.oracle.contract import LogRecord

SECONDS = 20.0
POLL_SECONDS = 0.2  # `consume` waits it out unless it has all it may take


@dataclass(frozen=True)
class Record:
    """A record of a topic."""

    key: bytes | None
    log: LogRecord

    @property
    def value(self) -> bytes:
        """Its value."""
        return self.log.value or b""

    def header(self, name: str) -> str:
        """The text of a header."""
        return dict(self.log.headers)[name].decode()


def read(bootstrap: str, topic: str) -> list[Record]:
    """Every record, partition by partition in order; none when there is no such topic."""
    options = {"bootstrap.servers": bootstrap, "group.id": "tests", "enable.auto.commit": False}
    consumer = Consumer({**options, "auto.offset.reset": "earliest", "log_level": 0})
    try:
        partitions = [TopicPartition(topic, number, 0) for number in _partitions(bootstrap, topic)]
        ends = {p.partition: consumer.get_watermark_offsets(p, SECONDS)[1] for p in partitions}
        consumer.assign(partitions)
        records: list[Record] = []
        deadline = time.monotonic() + SECONDS
        while len(records) < sum(ends.values()):
            assert time.monotonic() < deadline, f"{topic}: {len(records)} of {sum(ends.values())} records"
            records += [
                _record(message) for message in consumer.consume(5_000, POLL_SECONDS) if message.error() is None
            ]
        return sorted(records, key=lambda record: (record.log.partition, record.log.offset))
    finally:
        consumer.close()


def _record(message: Message) -> Record:
    headers = message.headers() or []
    assert isinstance(headers, list)
    given = tuple((name, value if isinstance(value, bytes) else b"") for name, value in headers)
    at = message.partition() or 0, message.offset() or 0
    return Record(message.key(), LogRecord(*at, message.value(), message.timestamp()[1], given))


def _partitions(bootstrap: str, topic: str) -> list[int]:
    known = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=SECONDS).topics
    return sorted(known[topic].partitions) if topic in known else []


def make(bootstrap: str, topic: str, partitions: int = 4) -> None:
    """Make a topic, unless it is there."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in client.create_topics([NewTopic(topic, num_partitions=partitions)]).values():
        if (error := future.exception(SECONDS)) and "TOPIC_ALREADY_EXISTS" not in str(error):
            raise error


def send(bootstrap: str, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
    """Send (key, value) pairs and wait until they stand."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
    for key, value in records:
        producer.produce(topic, key=key.encode(), value=value)
        producer.poll(0)
    assert producer.flush(SECONDS) == 0
