"""Reading a part of a topic on a real broker: transactions' marks, aborted records, what retention has taken."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from core.adapters import kafka_reader
from core.adapters.kafka_reader import TopicReader
from core.adapters.kafka_sink import KafkaSink
from core.domain.replays import Batch
from core.ports import OutgoingRecord
from demo.embedded import embedded_broker
from tests.support import streams

SECONDS = 20.0


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> Iterator[str]:
    name = f"{topic_prefix}read"
    streams.make_topic(kafka_bootstrap, name, 2)
    yield name
    streams.drop_topic(kafka_bootstrap, name)


def send(bootstrap: str, topic: str, values: range, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for n in values:
        producer.produce(topic, str(n).encode(), partition=partition, timestamp=1_000 * (n + 1))
    assert producer.flush(SECONDS) == 0


def in_transaction(bootstrap: str, topic: str, values: range, *, abort: bool) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    for n in values:
        producer.produce(topic, str(n).encode(), partition=0)
    producer.flush(SECONDS)
    (producer.abort_transaction if abort else producer.commit_transaction)(SECONDS)


def delete_before(bootstrap: str, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for deleted in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        deleted.result(SECONDS)


def values(batches: list[Batch]) -> list[int]:
    return [int(read.record.value or b"") for batch in batches for read in batch.records]


async def test_partitions_side_by_side_each_within_its_offsets(kafka_bootstrap: str, topic: str) -> None:
    send(kafka_bootstrap, topic, range(10))
    send(kafka_bootstrap, topic, range(100, 110), 1)
    batches = list(TopicReader(kafka_bootstrap, {}).read(topic, {0: (2, 5), 1: (8, 10)}))
    assert sorted(values(batches)) == [2, 3, 4, 108, 109]
    assert {p: at for batch in batches for p, at in batch.reached.items()} == {0: 5, 1: 10}


async def test_a_part_that_ends_with_a_transactions_mark_is_read_to_its_end(kafka_bootstrap: str, topic: str) -> None:
    in_transaction(kafka_bootstrap, topic, range(3), abort=False)
    in_transaction(kafka_bootstrap, topic, range(3, 6), abort=True)
    reader = TopicReader(kafka_bootstrap, {})
    end = reader.ends(topic)[0]
    batches = list(reader.read(topic, {0: (0, end)}))
    assert end == 8
    assert values(batches) == [0, 1, 2]
    assert batches[-1].reached == {0: 8}


async def test_what_comes_after_the_end_is_left_alone(kafka_bootstrap: str, topic: str) -> None:
    in_transaction(kafka_bootstrap, topic, range(3), abort=False)
    reader = TopicReader(kafka_bootstrap, {})
    batches = reader.read(topic, {0: (0, reader.ends(topic)[0])})
    send(kafka_bootstrap, topic, range(3, 9))
    assert values(list(batches)) == [0, 1, 2]


async def test_extents_say_where_a_time_begins_and_what_has_gone(kafka_bootstrap: str, topic: str) -> None:
    send(kafka_bootstrap, topic, range(10))
    delete_before(kafka_bootstrap, topic, 4)
    reader = TopicReader(kafka_bootstrap, {})
    assert reader.extents(topic, 0) == {0: (4, 4, 10), 1: (0, 0, 0)}
    assert reader.extents(topic, 7_000)[0] == (4, 6, 10)
    assert reader.extents(topic, 99_000)[0] == (4, 10, 10)
    assert reader.extents(topic, 0, 7_000)[0] == (4, 4, 6)
    assert reader.extents(topic, 7_000, 99_000)[0] == (4, 6, 10)
    assert reader.extents(topic, 0, 1_000)[0].may_be_short()
    assert reader.extents(topic, 0)[0].may_be_short()
    assert not reader.extents(topic, 7_000)[0].may_be_short()


async def test_where_the_broker_knows_no_times_all_is_taken() -> None:
    async with embedded_broker(["read"]) as bootstrap:
        send(bootstrap, "read", range(3))
        found = TopicReader(bootstrap, {}).extents("read", 2_000)
    assert {extent for extent in found.values() if extent.end} == {(0, 0, 3)}


async def test_a_topic_that_is_not_there_has_nothing(kafka_bootstrap: str, topic_prefix: str) -> None:
    reader = TopicReader(kafka_bootstrap, {})
    assert (reader.extents(f"{topic_prefix}none", 0), reader.ends(f"{topic_prefix}none")) == ({}, {})
    assert reader.topic_id(f"{topic_prefix}none") == ""


async def test_records_taken_before_they_are_read_are_counted_once(kafka_bootstrap: str, topic: str) -> None:
    send(kafka_bootstrap, topic, range(10))
    delete_before(kafka_bootstrap, topic, 6)
    batches = list(TopicReader(kafka_bootstrap, {}).read(topic, {0: (2, 10)}))
    assert values(batches) == [6, 7, 8, 9]
    assert sum(batch.missing for batch in batches) == 4
    assert [batch.kept_ms for batch in batches if batch.missing] == [7_000]


async def test_when_all_of_a_part_was_taken_it_is_missing_and_the_reading_ends(
    kafka_bootstrap: str, topic: str
) -> None:
    send(kafka_bootstrap, topic, range(10))
    delete_before(kafka_bootstrap, topic, 8)
    batches = list(TopicReader(kafka_bootstrap, {}).read(topic, {0: (2, 6)}))
    assert (values(batches), sum(batch.missing for batch in batches)) == ([], 4)
    assert batches[-1].reached == {0: 6}


async def test_a_topic_emptied_altogether_ends_the_reading_too(kafka_bootstrap: str, topic: str) -> None:
    send(kafka_bootstrap, topic, range(10))
    delete_before(kafka_bootstrap, topic, 10)
    batches = list(TopicReader(kafka_bootstrap, {}).read(topic, {0: (2, 10)}))
    assert (values(batches), sum(batch.missing for batch in batches)) == ([], 8)


async def test_many_records_are_read_in_order(
    kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_reader, "CHUNK", 7)
    send(kafka_bootstrap, topic, range(200))
    batches = list(TopicReader(kafka_bootstrap, {}).read(topic, {0: (0, 200)}))
    assert values(batches) == list(range(200))
    assert max(len(batch.records) for batch in batches) <= 7


async def test_a_reading_that_is_given_up_is_closed(kafka_bootstrap: str, topic: str) -> None:
    send(kafka_bootstrap, topic, range(10))
    batches = TopicReader(kafka_bootstrap, {}).read(topic, {0: (0, 10)})
    assert len(list(islice(batches, 1))) == 1
    batches.close()  # type: ignore[attr-defined]
    assert list(batches) == []


async def test_delivered_records_say_where_they_stand_also_in_partitions_that_were_just_added(
    kafka_bootstrap: str, topic: str
) -> None:
    sink = KafkaSink(kafka_bootstrap, {})
    await sink.ensure_partitions(topic, 4)
    sent = [OutgoingRecord(topic, None, b"x", (), partition) for partition in (0, 3, 3)]
    assert sorted(await sink.deliver(sent)) == [(topic, 0, 0), (topic, 3, 0), (topic, 3, 1)]
    await sink.ensure_partitions(topic, 2)
    assert sorted(TopicReader(kafka_bootstrap, {}).ends(topic)) == [0, 1, 2, 3]
