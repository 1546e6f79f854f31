"""Reading topics once, outside any group, from offsets to offsets: for replays and for what buyers did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from core.adapters.kafka_messages import BROKER_AWAY, raw
from core.adapters.kafka_once import ANSWER_S, QUIET_S, consumer_once, once_options, partitions_of
from core.adapters.kafka_options import LIBRDKAFKA, shared_options
from core.adapters.kafka_sink import reaction
from core.domain.replays import Batch, Extent, Read
from core.errors import RetryLater

CHUNK = 5_000
"""Records a poll: some 2 MB."""

POLL_S = 0.2
"""Seconds that a poll waits for more: under what a person notices at the end of a partition."""

QUEUED_KB = 16_384
"""What is fetched ahead: a tenth of a second of reading. A replay leaves the broker's memory to live work."""


class TopicReader:
    """Records of a topic's partitions as they are when asked."""

    def __init__(self, servers: str, options: Mapping[str, str | int | float | bool], prefix: str = "") -> None:
        self._admin = shared_options(servers, options)
        self._config = once_options(servers, options, prefix, QUEUED_KB)

    def topic_id(self, topic: str) -> str:
        """Kafka's own id of the topic, empty where the broker tells none."""
        admin = AdminClient(self._admin, logger=LIBRDKAFKA)  # kept while it is asked: its end ends the question
        try:
            [asked] = admin.describe_topics(TopicCollection([topic])).values()
            return str(asked.result(ANSWER_S).topic_id)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return ""
            raise reaction(error.args[0]) from None
        except TimeoutError:
            raise RetryLater(f"Kafka did not describe {topic} within {ANSWER_S:.0f} s") from None

    def extents(self, topic: str, from_ms: int, to_ms: int | None = None) -> dict[int, Extent]:
        """Each partition from a Kafka time to its present end, or to the first record at or after another Kafka time;
        none when there is no such topic."""
        with consumer_once(self._config) as consumer:
            return {p: _extent(consumer, topic, p, from_ms, to_ms) for p in partitions_of(consumer, topic)}

    def ends(self, topic: str) -> dict[int, int]:
        """Where each partition ends now; none when there is no such topic."""
        with consumer_once(self._config) as consumer:
            return {p: _bounds(consumer, topic, p)[1] for p in partitions_of(consumer, topic)}

    def read(self, topic: str, stretches: Mapping[int, tuple[int, int]]) -> Iterator[Batch]:
        """Batches of the partitions side by side, each from an offset up to, not including, another.

        What retention has taken, or takes on the way, is counted. The last batch of a partition reaches its end, also
        when what stands there is no record, such as the mark of a transaction."""
        reading = _Reading(topic, {p: at for p, at in stretches.items() if at[0] < at[1]})
        with consumer_once(self._config) as consumer:
            reading.assign(consumer)
            while reading.left():
                batch = reading.turn(consumer)
                if batch.reached:
                    yield batch


class _Reading:
    """How far each partition is; `_kept` are offsets up to which retention took what was to be read next."""

    def __init__(self, topic: str, stretches: Mapping[int, tuple[int, int]]) -> None:
        self._topic = topic
        self._at = {p: start for p, (start, _) in stretches.items()}
        self._end = {p: end for p, (_, end) in stretches.items()}
        self._kept: dict[int, int] = {}
        self._quiet = 0.0

    def left(self) -> dict[int, int]:
        """Partitions that are not read to their end, and where they are."""
        return {p: at for p, at in self._at.items() if at < self._end[p]}

    def assign(self, consumer: Consumer) -> None:
        """Fetch what is left."""
        consumer.assign([TopicPartition(self._topic, p, self._kept.get(p, at)) for p, at in self.left().items()])

    def turn(self, consumer: Consumer) -> Batch:
        """The next records of any partitions; RetryLater when there have been none for long."""
        before, found = self.left(), Batch([], {})
        for message in consumer.consume(CHUNK, POLL_S):
            partition, error = message.partition() or 0, message.error()
            if error is None:
                found = self._passed(partition, message.offset() or 0, message, found)
            elif error.code() == KafkaError._PARTITION_EOF:
                found = self._passed(partition, (message.offset() or 0) - 1, None, found)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._kept[partition], _ = _bounds(consumer, self._topic, partition)
                self.assign(consumer)
            elif error.code() not in BROKER_AWAY:
                raise KafkaException(error)
        reached = {p: self._at[p] for p, at in before.items() if self._at[p] != at}
        if done := before.keys() - self.left().keys():
            consumer.pause([TopicPartition(self._topic, p) for p in done])
        self._quiet = 0.0 if reached else self._quiet + POLL_S
        if self._quiet > QUIET_S:
            raise RetryLater(f"Kafka gave no record for {QUIET_S:.0f} s before the end of {self._topic}")
        return found._replace(reached=reached)

    def _passed(self, partition: int, offset: int, message: Message | None, found: Batch) -> Batch:
        """The partition is read up to and with `offset`, where a record is or, at its end, none."""
        at, end = self._at[partition], self._end[partition]
        kept = self._kept.get(partition, at)
        if at >= end or offset < (kept if message is not None else kept - 1):
            return found  # done, or fetched before what was asked for last
        self._kept.pop(partition, None)
        self._at[partition] = min(offset + 1, end)
        if message is not None and offset < end:
            found.records.append(Read(partition, message.key(), raw(message)))
        if kept == at:
            return found
        times = [t for t in (found.kept_ms, message.timestamp()[1] if message is not None else None) if t is not None]
        return found._replace(missing=found.missing + min(kept, end) - at, kept_ms=max(times, default=None))


def _bounds(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """First offset and end. A partition that was just made may have no leader yet: it is asked again."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return low, high


_NO_LEADER = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


def _extent(consumer: Consumer, topic: str, partition: int, from_ms: int, to_ms: int | None) -> Extent:
    low, high = _bounds(consumer, topic, partition)
    start = _offset_at(consumer, topic, partition, from_ms)
    if start is None and low < high and _offset_at(consumer, topic, partition, 0) is None:
        start = low  # a broker that finds no record by its time, such as the demo's: none is left out
    stop = None if to_ms is None else _offset_at(consumer, topic, partition, to_ms)
    end = high if stop is None else min(high, stop)
    return Extent(low, end if start is None else min(end, max(low, start)), end)


def _offset_at(consumer: Consumer, topic: str, partition: int, moment_ms: int) -> int | None:
    """The first record at or after a Kafka time; None where there is none."""
    [found] = consumer.offsets_for_times([TopicPartition(topic, partition, moment_ms)], timeout=ANSWER_S)
    return None if found.offset == OFFSET_END or found.offset < 0 else found.offset
