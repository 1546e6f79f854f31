"""`outbox` on a real broker and PostgreSQL: CloudEvents in order, never lost, repeats known by their id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from core.adapters.kafka_sink import KafkaSink
from core.adapters.leadership import PostgresLeadership
from core.adapters.outbox import PostgresOutbox, insert_events
from core.adapters.postgres import Pool, transaction
from core.domain.events import event_id
from core.errors import RetryLater
from core.ports import OutgoingEvent, OutgoingRecord, RecordSink
from core.runtime.periodic import PeriodicProcess
from core.telemetry import Metrics
from producers import outbox
from tests.support import streams

AT = datetime(2025, 6, 15, 14, 30, 1, 250_000, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}relevance-judgements"
    streams.make_topic(kafka_bootstrap, name, 1)
    return name


def event(number: int) -> OutgoingEvent:
    key = f"shop/de/{number % 3}"
    return OutgoingEvent(event_id(f"k{number}"), "relevance-judgements", key, "t.v1", AT, b'{"n":%d}' % number)


async def promise(pool: Pool, *events: OutgoingEvent) -> None:
    async with transaction(pool) as held:
        await insert_events(held, events)


def process(pool: Pool, sink: RecordSink, prefix: str) -> PeriodicProcess:
    return outbox.build(PostgresOutbox(pool), sink, PostgresLeadership(pool), prefix, Metrics())


def published(bootstrap: str, topic: str, count: int) -> list[Message]:
    options = {"bootstrap.servers": bootstrap, "group.id": topic, "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(options)
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages: list[Message] = []
    try:
        while len(messages) < count:
            messages += [m for m in consumer.consume(count - len(messages), 20) if m.error() is None]
    finally:
        consumer.close()
    return messages


async def test_an_event_is_a_cloud_event_in_binary_mode(
    kafka_bootstrap: str, topic: str, topic_prefix: str, pool: Pool
) -> None:
    await promise(pool, event(1))
    await streams.read_until_idle(process(pool, KafkaSink(kafka_bootstrap, {}), topic_prefix))
    [message] = await asyncio.to_thread(published, kafka_bootstrap, topic, 1)
    assert message.headers() == [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id("k1")).encode()),
        ("ce_type", b"t.v1"),
        ("ce_source", b"assay"),
        ("ce_time", b"2025-06-15T12:30:01.250000Z"),
        ("content-type", b"application/json"),
    ]
    assert (message.key(), message.value()) == (b"shop/de/1", b'{"n":1}')


async def test_events_leave_in_the_order_in_which_they_were_promised_and_once(
    kafka_bootstrap: str, topic: str, topic_prefix: str, pool: Pool
) -> None:
    await promise(pool, *map(event, range(1_200)))
    relays = [process(pool, KafkaSink(kafka_bootstrap, {}), topic_prefix) for _ in range(2)]
    await streams.read_until_idle(*relays)
    messages = await asyncio.to_thread(published, kafka_bootstrap, topic, 1_200)
    assert [message.value() for message in messages] == [b'{"n":%d}' % n for n in range(1_200)]
    assert await streams.outbox_size(pool) == 0


class CutSink:
    """Delivers, and then the answer is lost: what a crash between publish and delete looks like."""

    def __init__(self, sink: KafkaSink, error: Exception) -> None:
        self.sink = sink
        self.error: Exception | None = error

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        await self.sink.send(records)
        if (error := self.error) is not None:
            self.error = None
            raise error

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        await self.sink.ensure_topics(topics)


async def test_a_cut_between_publish_and_delete_repeats_the_same_id(
    kafka_bootstrap: str, topic: str, topic_prefix: str, pool: Pool
) -> None:
    await promise(pool, event(1), event(2))
    sink = CutSink(KafkaSink(kafka_bootstrap, {}), RetryLater("cut"))
    await streams.read_until_idle(process(pool, sink, topic_prefix))
    messages = await asyncio.to_thread(published, kafka_bootstrap, topic, 4)
    ids = [dict(message.headers() or [])["ce_id"] for message in messages]
    assert ids[:2] == ids[2:]
    assert [message.value() for message in messages[:2]] == [message.value() for message in messages[2:]]


async def test_a_crash_between_publish_and_delete_leaves_the_events_to_the_next_relay(
    kafka_bootstrap: str, topic: str, topic_prefix: str, pool: Pool
) -> None:
    await promise(pool, event(1))
    sink = CutSink(KafkaSink(kafka_bootstrap, {}), KeyError("a defect"))
    with pytest.raises(KeyError):
        await process(pool, sink, topic_prefix).run()
    assert await streams.outbox_size(pool) == 1
    await streams.read_until_idle(process(pool, sink, topic_prefix))
    messages = await asyncio.to_thread(published, kafka_bootstrap, topic, 2)
    assert len({dict(message.headers() or [])["ce_id"] for message in messages}) == 1
    assert await streams.outbox_size(pool) == 0
