"""Dead letters on a real broker: read again where they stood, refused where nothing whole is left of them."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from core.adapters.clock import SystemClock
from core.adapters.dead_letters import DeadLetters
from core.adapters.kafka_lookup import NEAR, QUIET_S, RecordLookup
from core.adapters.kafka_sink import KafkaSink
from core.adapters.postgres import Pool
from core.domain.effects import STORED_PAYLOAD_BYTES
from core.letter_models import LetterFilter
from producers.requeue import IMPOSSIBLE_GONE, Requeue, Requeued
from tests.contract.test_dead_letters_contract import add
from tests.e2e import topics
from tests.support import streams
from tests.support.fake_letters import letter

LARGE = b"x" * (STORED_PAYLOAD_BYTES + 1)
SENT_AT = 1_767_225_600_000


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}search-log"
    streams.make_topic(kafka_bootstrap, name, 2)
    return name


@pytest.fixture
def lookup(kafka_bootstrap: str) -> RecordLookup:
    return RecordLookup(kafka_bootstrap, {"group.protocol": "consumer"})


def send(bootstrap: str, topic: str, *values: bytes, **options: str) -> None:
    """Values to partition 1, each with a key and a header."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, **options})
    for number, value in enumerate(values):
        key, headers = f"k{number}", [("trace", str(number).encode())]
        producer.produce(topic, value, key, 1, timestamp=SENT_AT + number, headers=headers)
    assert producer.flush(20) == 0


def forget(bootstrap: str, topic: str, before: int) -> None:
    """What retention does: the log begins at an offset."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    [done] = admin.delete_records([TopicPartition(topic, 1, before)]).values()
    done.result(20)


async def requeue(pool: Pool, bootstrap: str, lookup: RecordLookup, prefix: str) -> Requeued:
    """All letters that were not sent again yet."""
    letters, sink = DeadLetters(pool), KafkaSink(bootstrap, {})
    places = await letters.places(LetterFilter(), ["new"], None)
    try:
        return await Requeue(lookup, letters, sink, SystemClock(), prefix).run(places)
    finally:
        await sink.close()


# --- Looking up --------------------------------------------------------------------------------------------


def test_records_are_found_by_offset_with_all_that_they_had(
    kafka_bootstrap: str, topic: str, lookup: RecordLookup
) -> None:
    send(kafka_bootstrap, topic, *(str(number).encode() for number in range(2 * NEAR + 10)))
    wanted = [0, 3, 2 * NEAR + 5, 9 * NEAR]
    found = lookup.at(topic, 1, wanted)
    assert list(found) == wanted[:3]
    assert (found[3].key, found[3].record.value, found[3].record.timestamp) == (b"k3", b"3", SENT_AT + 3)
    assert found[3].record.headers == [("trace", b"3")]
    assert lookup.partitions(topic) == [0, 1]
    assert lookup.partitions(f"{topic}-not-there") == []


def test_what_retention_took_is_not_found(kafka_bootstrap: str, topic: str, lookup: RecordLookup) -> None:
    send(kafka_bootstrap, topic, b"0", b"1", b"2")
    forget(kafka_bootstrap, topic, 2)
    assert list(lookup.at(topic, 1, [0, 1, 2])) == [2]


def test_an_aborted_record_at_the_log_s_end_is_not_waited_for(
    kafka_bootstrap: str, topic: str, lookup: RecordLookup
) -> None:
    send(kafka_bootstrap, topic, b"0")
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"aborted", partition=1)
    producer.flush(20)
    producer.abort_transaction(20)
    began = time.monotonic()
    assert list(lookup.at(topic, 1, [0, 1, 2])) == [0]
    assert time.monotonic() - began < QUIET_S / 2


# --- Sending again -----------------------------------------------------------------------------------------


async def test_the_original_is_sent_again_whole_and_only_once(
    kafka_bootstrap: str, topic: str, topic_prefix: str, lookup: RecordLookup, pool: Pool
) -> None:
    send(kafka_bootstrap, topic, b"{", LARGE)
    await add(pool, letter(0, b"{", topic, partition=1), letter(1, LARGE[:-1], topic, partition=1))
    first = await requeue(pool, kafka_bootstrap, lookup, topic_prefix)
    second = await requeue(pool, kafka_bootstrap, lookup, topic_prefix)
    found = topics.read(kafka_bootstrap, topic)
    assert (first.from_log, first.from_stored, first.impossible, first.failure) == (2, 0, [], "")
    assert (second.from_log, second.from_stored) == (0, 0)
    assert [(record.key, record.log.value) for record in found[2:]] == [(b"k0", b"{"), (b"k1", LARGE)]
    assert [(record.log.partition, record.log.kafka_ts, record.header("trace")) for record in found[2:]] == [
        (1, SENT_AT, "0"), (1, SENT_AT + 1, "1"),
    ]  # fmt: skip


async def test_of_what_the_log_forgot_the_stored_value_is_sent_and_a_cut_one_is_not(
    kafka_bootstrap: str, topic: str, topic_prefix: str, lookup: RecordLookup, pool: Pool
) -> None:
    whole = b'{"client_id": "c1"}'
    send(kafka_bootstrap, topic, whole, LARGE, b"last")
    forget(kafka_bootstrap, topic, 2)
    await add(pool, letter(0, whole, topic, partition=1), letter(1, LARGE[:-1], topic, partition=1))
    done = await requeue(pool, kafka_bootstrap, lookup, topic_prefix)
    assert (done.from_log, done.from_stored) == (0, 1)
    assert done.impossible == [(letter(1, topic=topic, partition=1).place, IMPOSSIBLE_GONE)]
    answer = RecordLookup(kafka_bootstrap, {}).at(topic, 1, [3])
    assert (answer[3].key, answer[3].record.value) == (b"c1", whole)


async def test_a_topic_that_was_made_again_gives_nothing_of_its_own(
    kafka_bootstrap: str, topic: str, topic_prefix: str, lookup: RecordLookup, pool: Pool
) -> None:
    send(kafka_bootstrap, topic, b"of the new topic")
    await add(pool, letter(0, b"of the old one", topic, partition=1))
    await requeue(pool, kafka_bootstrap, lookup, topic_prefix)
    assert [record.value for record in topics.read(kafka_bootstrap, topic)] == [b"of the new topic", b"of the old one"]
