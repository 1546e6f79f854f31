"""A broker that is away: waited for, said now and then, and known to be back when it answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from core.adapters.kafka_messages import BROKER_AWAY
from core.stream_ports import Partition

log = structlog.get_logger(__name__)

LOOK_S = 1.0
"""A broker that was away, or had no such topic, is asked this often whether that has changed."""

ENDS_S = 10.0
"""Seconds to ask a broker where a partition begins and ends: a live one answers in milliseconds."""


class BrokerWatch:
    """What a poll thread knows of its broker."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)
        self._away_since = 0.0
        self._said = self._said_missing = -ENDS_S

    def is_away(self) -> bool:
        """Whether no broker answers."""
        return self._away_since > 0

    def on_error(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._away_since = self._away_since or time.monotonic()
            log.warning("stream.waiting_for_broker", error=error.str(), topics=self._topics)

    def look(self, consumer: Consumer) -> None:
        """A broker that was away is back when it answers; an idle topic would not show it."""
        if self._away_since and time.monotonic() - self._away_since > LOOK_S:
            try:
                consumer.list_topics(self._topics[0], LOOK_S)
                self._away_since = 0.0
            except KafkaException:
                self._away_since = time.monotonic()

    def ends(self, consumer: Consumer, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Where these begin and end, as far as the broker answers. Safe in a callback of the consumer, which
        `list_topics` is not: confluent_kafka aborts the process at the next callback of the same poll."""
        found: dict[Partition, tuple[int, int]] = {}
        try:
            for partition in partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=ENDS_S)
                found[partition] = (low, high)
        except KafkaException as error:
            self.wait_or_raise(error.args[0])
        return found

    def wait_or_raise(self, error: KafkaError) -> None:
        """Say that the broker is away, or raise what is no absence."""
        if error.code() not in BROKER_AWAY or error.fatal():
            raise KafkaException(error)
        if time.monotonic() - self._said > ENDS_S:
            self._said = time.monotonic()
            log.warning("stream.waiting_for_broker", error=error.str(), topics=self._topics)

    def say_missing(self, topics: Sequence[str]) -> None:
        """The broker has no such topics, now or any more."""
        if topics and time.monotonic() - self._said_missing > ENDS_S:
            self._said_missing = time.monotonic()
            log.warning("stream.waiting_for_topic", topics=topics)
