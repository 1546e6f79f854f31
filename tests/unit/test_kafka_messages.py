"""Messages of a poll, read column by column."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, Message

from core.adapters.kafka_messages import by_partition, is_clean, raw, raws, size_of
from core.stream_ports import Partition

HEADERS: list[tuple[str, str | bytes | None]] = [("assay-run", b"r1"), ("empty", None)]


def message(partition: int, offset: int, value: bytes | None = b"{}", topic: str = "t") -> Message:
    headers = HEADERS if offset % 2 else None
    return Message(
        topic=topic, partition=partition, offset=offset, value=value, headers=headers, timestamp=(1, 1_000 + offset)
    )


POLL = [message(0, 0), message(0, 1, None), message(1, 0, b""), message(0, 2), message(0, 0, b"abc", "u")]


def test_columns_give_what_reading_one_by_one_gives() -> None:
    assert raws(POLL) == [raw(one) for one in POLL]
    assert raws(POLL)[1].headers == HEADERS
    assert raws([]) == []


def test_a_poll_comes_apart_into_stretches_of_one_partition_in_their_order() -> None:
    stretches = [(partition, [m.offset() for m in group]) for partition, group in by_partition(POLL)]
    assert stretches == [
        (Partition("t", 0), [0, 1]),
        (Partition("t", 1), [0]),
        (Partition("t", 0), [2]),
        (Partition("u", 0), [0]),
    ]


@pytest.mark.parametrize(("code", "clean"), [(None, True), (KafkaError._PARTITION_EOF, False)])
def test_an_error_among_the_messages_is_seen(code: int | None, clean: bool) -> None:
    last = Message(topic="t", partition=0, error=None if code is None else KafkaError(code))
    assert is_clean([*POLL, last]) is clean


def test_the_size_is_of_the_values() -> None:
    assert size_of(POLL) == 2 + 0 + 0 + 2 + 3
