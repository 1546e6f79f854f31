"""What librdkafka hands over, read: messages to records, where to start, errors to reactions."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message

from core.domain.effects import RawRecord
from core.errors import RetryLater, StopProcess
from core.stream_ports import Partition

log = structlog.get_logger(__name__)

BROKER_AWAY = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._DESTROY,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT,
}
"""Codes of a broker that is away for a while: waited for."""


def is_incremental(options: Mapping[str, object]) -> bool:
    strategy = str(options.get("partition.assignment.strategy", ""))
    return options.get("group.protocol") == "consumer" or "cooperative" in strategy


def partition_of(message: Message) -> Partition:
    return Partition(message.topic() or "", message.partition() or 0)


def raw(message: Message) -> RawRecord:
    return RawRecord(message.offset() or 0, message.timestamp()[1], message.value(), _headers(message))


def _headers(message: Message) -> list[tuple[str, bytes | None]] | None:
    found = message.headers()
    if found is None:
        return None
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]


def start(partition: Partition, wanted: int, low: int, high: int) -> int:
    """Where to read from. Offsets that are gone, or that never were, are not something to step over in silence."""
    if wanted < 0:
        return low if low >= 0 else OFFSET_BEGINNING
    if wanted > high:
        raise StopProcess(
            f"{partition.topic}[{partition.partition}] ends at {high}, but {wanted} was already read: the topic was "
            "made again. Remove its rows from assay_data.stream_partitions and session_snapshots to read it anew."
        )
    if wanted < low:
        log.error("stream.records_missing", topic=partition.topic, partition=partition[1], missing=low - wanted)
    return max(wanted, low)


def translated(error: KafkaException) -> Exception:
    inner = error.args[0]
    if isinstance(inner, KafkaError) and inner.code() in BROKER_AWAY and not inner.fatal():
        return RetryLater(f"Kafka is not there: {inner.str()}")
    return StopProcess(f"Kafka refused: {inner.str() if isinstance(inner, KafkaError) else inner}")
