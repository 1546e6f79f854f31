"""Reading a topic once, from a time to where it ends now: outside any group, for `assay replay`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from core.adapters.kafka_options import LIBRDKAFKA
from core.adapters.kafka_sink import reaction
from core.domain.effects import RawRecord
from core.errors import RetryLater

ANSWER_S = 15.0
"""Seconds a broker has to answer about offsets: a live one takes milliseconds, a failover ten seconds."""

CHUNK = 5_000
"""Records a poll."""

QUIET_S = 30.0
"""No record for this long before the end is reached: the broker is away."""


class Keyed(NamedTuple):
    """A record with its key."""

    key: bytes | None
    record: RawRecord


class TopicReader:
    """Records of a topic's partitions as they are when asked."""

    def __init__(self, servers: str, options: Mapping[str, str | int | float | bool], prefix: str = "") -> None:
        plain = {k: v for k, v in options.items() if k not in {"group.protocol", "partition.assignment.strategy"}}
        self._config: dict[str, str | int | float | bool] = {
            **plain,
            "bootstrap.servers": servers,
            "group.id": f"{prefix}assay-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "isolation.level": "read_committed",
        }

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; empty when there is no such topic."""
        with self._consumer() as consumer:
            found = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic]
        return [] if found.error is not None else sorted(found.partitions)

    def since(self, topic: str, partition: int, from_ms: int) -> Iterator[list[Keyed]]:
        """Batches of records whose Kafka timestamp is `from_ms` or later, to the partition's present end."""
        with self._consumer() as consumer:
            start, end = _range(consumer, topic, partition, from_ms)
            if start < end:
                consumer.assign([TopicPartition(topic, partition, start)])
                yield from _until(consumer, end)

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        """A consumer, its errors translated; closed at the end of the block."""
        try:
            with closing(Consumer(self._config, logger=LIBRDKAFKA)) as consumer:
                yield consumer
        except KafkaException as error:
            raise reaction(error.args[0]) from None


def _range(consumer: Consumer, topic: str, partition: int, from_ms: int) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
    [found] = consumer.offsets_for_times([TopicPartition(topic, partition, from_ms)], timeout=ANSWER_S)
    start = high if found.offset == OFFSET_END or found.offset < 0 else found.offset
    return max(low, start), high


def _until(consumer: Consumer, end: int) -> Iterator[list[Keyed]]:
    """Up to `end`. The last offsets may be control records that are never seen, so the position decides."""
    quiet = 0.0
    while True:
        messages = [m for m in consumer.consume(CHUNK, 0.5) if m.error() is None]
        quiet = 0.0 if messages else quiet + 0.5
        batch = [
            Keyed(m.key(), RawRecord(m.offset() or 0, m.timestamp()[1], m.value(), None))
            for m in messages
            if (m.offset() or 0) < end
        ]
        if batch:
            yield batch
        [position] = consumer.position(consumer.assignment())
        if position.offset >= end or (messages and (messages[-1].offset() or 0) >= end - 1):
            return
        if quiet > QUIET_S:
            raise RetryLater(f"Kafka gave no record for {QUIET_S:.0f} s before offset {end}")
