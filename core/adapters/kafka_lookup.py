"""Single records of a topic read again by their offsets, outside any group, for `assay dead-letters requeue`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.adapters.kafka_messages import raw
from core.adapters.kafka_once import ANSWER_S, QUIET_S, consumer_once, once_options, partitions_of
from core.domain.effects import RawRecord
from core.errors import RetryLater

NEAR = 2_000
"""Offsets nearer to each other than this are read in one go: about a megabyte, which a broker sends at once anyway."""

CHUNK = 50
"""Records a poll: of a megabyte each still memory that a machine has."""

AHEAD_KB = 8_192
"""Kilobytes fetched ahead: what is wanted is often one record in thousands, and the rest is thrown away."""


class FoundRecord(NamedTuple):
    """A record with its key."""

    key: bytes | None
    record: RawRecord


class RecordLookup:
    """Records as the log holds them now: those of aborted transactions are none. `producers.requeue` sees it so."""

    def __init__(self, servers: str, options: Mapping[str, str | int | float | bool], prefix: str = "") -> None:
        self._config = once_options(servers, options, prefix, AHEAD_KB)

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; empty when there is no such topic."""
        with consumer_once(self._config) as consumer:
            return partitions_of(consumer, topic)

    def at(self, topic: str, partition: int, offsets: Collection[int]) -> dict[int, FoundRecord]:
        """Those of the records that the log still holds, by offset."""
        found: dict[int, FoundRecord] = {}
        with consumer_once(self._config) as consumer:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
            for stretch in _stretches(sorted(offset for offset in offsets if low <= offset < high)):
                consumer.assign([TopicPartition(topic, partition, stretch[0])])
                found |= _read(consumer, stretch)
        return found


def _stretches(offsets: list[int]) -> Iterator[list[int]]:
    """Sorted offsets cut where they are far apart."""
    stretch: list[int] = []
    for offset in offsets:
        if stretch and offset - stretch[-1] > NEAR:
            yield stretch
            stretch = []
        stretch.append(offset)
    if stretch:
        yield stretch


def _read(consumer: Consumer, offsets: list[int]) -> dict[int, FoundRecord]:
    """From the first to the last of them, or to the log's end: of a compacted topic or an aborted transaction some are
    not there any more."""
    wanted, found, quiet = set(offsets), dict[int, FoundRecord](), 0.0
    while quiet <= QUIET_S:
        messages = consumer.consume(CHUNK, 0.5)
        quiet = 0.0 if messages else quiet + 0.5
        for message in messages:
            if _is_end(message):
                return found
            offset = message.offset() or 0
            if offset in wanted:
                found[offset] = FoundRecord(message.key(), raw(message))
            if offset >= offsets[-1]:
                return found
    raise RetryLater(f"Kafka gave no record for {QUIET_S:.0f} s before offset {offsets[-1]}")


def _is_end(message: Message) -> bool:
    """Whether nothing comes after: the log's end, or retention took the place since it was asked for."""
    error = message.error()
    if error is None:
        return False
    if error.code() in {KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET}:
        return True
    raise KafkaException(error)
