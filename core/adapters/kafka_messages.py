"""What librdkafka hands over, read: messages to records, errors to reactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from confluent_kafka import KafkaError, KafkaException, Message

from core.domain.effects import RawRecord
from core.errors import RetryLater, StopProcess
from core.stream_ports import Partition

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
    KafkaError._MAX_POLL_EXCEEDED,
}
"""Codes of a broker that is away for a while, and of a member that was: waited for, the group takes it back."""

UNREADABLE_OFFSET = KafkaError._AUTO_OFFSET_RESET
"""The position is not in the log any more, or was never: retention, or a topic made again."""


# A consumer's own messages always have these; the stubs also speak of messages that are made by hand. They are called
# from C, by `map`: a tenth of the time that a loop over the messages takes, on a thread that has to keep up.
_OFFSET: Callable[[Message], int] = vars(Message)["offset"]
_HEADERS: Callable[[Message], list[tuple[str, bytes | None]] | None] = vars(Message)["headers"]


def by_partition(messages: Iterable[Message]) -> Iterator[tuple[Partition, list[Message]]]:
    """The messages of a poll, in stretches of one partition, in their order."""
    for topic, of_topic in groupby(messages, Message.topic):
        for number, of_partition in groupby(of_topic, Message.partition):
            yield Partition(topic or "", number or 0), list(of_partition)


def is_clean(messages: Iterable[Message]) -> bool:
    """Whether all are records: no error, no end of a partition."""
    return not any(map(Message.error, messages))


def raws(messages: Sequence[Message]) -> list[RawRecord]:
    """The records of messages that are clean."""
    times = map(itemgetter(1), map(Message.timestamp, messages))
    return list(map(RawRecord, map(_OFFSET, messages), times, map(Message.value, messages), map(_HEADERS, messages)))


def size_of(messages: Iterable[Message]) -> int:
    """Bytes of their values."""
    return sum(map(len, messages))


def raw(message: Message) -> RawRecord:
    return RawRecord(message.offset() or 0, message.timestamp()[1], message.value(), _headers(message))


def _headers(message: Message) -> list[tuple[str, bytes | None]] | None:
    found = message.headers()
    if found is None:
        return None
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]


def translated(error: KafkaException) -> Exception:
    inner = error.args[0]
    if isinstance(inner, KafkaError) and inner.code() in BROKER_AWAY and not inner.fatal():
        return RetryLater(f"Kafka is not there: {inner.str()}")
    return StopProcess(f"Kafka refused: {inner.str() if isinstance(inner, KafkaError) else inner}")
