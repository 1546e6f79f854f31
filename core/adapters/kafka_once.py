"""A consumer outside any group, for commands that read a topic once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from confluent_kafka import Consumer, KafkaException

from core.adapters.kafka_options import LIBRDKAFKA, Options, shared_options
from core.adapters.kafka_sink import reaction

ANSWER_S = 15.0
"""Seconds a broker has to answer about offsets: a live one takes milliseconds, a failover ten seconds."""

QUIET_S = 30.0
"""No record for this long before the end of what is read: the broker is away."""

OwnOptions = dict[str, str | int | float | bool]


def once_options(servers: str, options: Options, prefix: str, queued_kb: int) -> OwnOptions:
    """librdkafka's configuration. `queued_kb`: kilobytes fetched ahead."""
    return {
        "queued.max.messages.kbytes": queued_kb,
        "fetch.queue.backoff.ms": 5,
        **shared_options(servers, options),
        "group.id": f"{prefix}assay-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
    }


@contextmanager
def consumer_once(options: OwnOptions) -> Iterator[Consumer]:
    """A consumer, its errors translated; closed at the end of the block."""
    try:
        with closing(Consumer(options, logger=LIBRDKAFKA)) as consumer:
            yield consumer
    except KafkaException as error:
        raise reaction(error.args[0]) from None


def partitions_of(consumer: Consumer, topic: str) -> list[int]:
    """The topic's partitions; none when there is no such topic."""
    found = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic]
    return [] if found.error is not None else sorted(found.partitions)
