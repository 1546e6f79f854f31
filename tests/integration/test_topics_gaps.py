"""Offsets with gaps: compacted topics, aborted transactions, and the markers that end transactions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from core.adapters.postgres import Pool
from tests.oracle.contract import LogRecord
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.topics import CLASSIC, NEW, Place, panes_of
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
BOTH = pytest.mark.parametrize("options", [NEW, CLASSIC], ids=["consumer", "classic"])
LOG = [record for record in make_log(74, 900, partitions=1) if record.value]
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "0",
}


@pytest.fixture
def place(quick_broker: str, topic_prefix: str, pool: Pool, options: streams.Options) -> Place:
    return Place(quick_broker, f"{topic_prefix}search-log", pool, options)


@BOTH
@pytest.mark.parametrize("last_is_aborted", [False, True], ids=["ends committed", "ends aborted"])
async def test_a_log_that_ends_with_a_marker_is_read_to_its_end_and_has_no_lag(
    place: Place, last_is_aborted: bool
) -> None:
    place.make()
    read = await asyncio.to_thread(transactions, place, LOG[:400], aborts=2)
    if last_is_aborted:
        await asyncio.to_thread(transactions, place, LOG[400:500], aborts=1)
    reader = place.process(batch=50)
    async with streams.running(reader.process):
        await streams.until_idle(reader.process)
        await until(lambda: reader.gauge("assay_stream_lag_records") == 0)
    assert await place.panes() == panes_of(read)


@BOTH
async def test_a_restart_between_gaps_counts_nothing_twice(place: Place) -> None:
    place.make()
    read = await asyncio.to_thread(transactions, place, LOG[:400], aborts=3)
    await place.process(batch=50).read_until_idle()
    at = (await place.ends())[1]
    more = await asyncio.to_thread(transactions, place, LOG[400:], aborts=3, at=at)
    await place.process(batch=50).read_until_idle()
    assert await place.panes() == panes_of(read + more)


@BOTH
async def test_a_compacted_log_gives_the_panes_of_what_is_left(place: Place) -> None:
    place.make(config=COMPACTED)
    await asyncio.to_thread(place.send_keyed, LOG[:600], keys=200)
    left = await asyncio.to_thread(compacted, place)
    assert len(left) < 500
    reader = place.process(batch=50)
    await reader.read_until_idle()
    assert await place.panes() == panes_of(left)


def transactions(place: Place, log: Sequence[LogRecord], *, aborts: int, at: int = 0) -> list[LogRecord]:
    """Send in transactions of 50, each `aborts`-th of which is aborted; what a reader may see, with its offsets."""
    sender = streams.Sender(place.bootstrap, place.topic, {"transactional.id": f"{place.topic}-{at}-{aborts}"})
    sender.producer.init_transactions(30)
    read: list[LogRecord] = []
    for number, start in enumerate(range(0, len(log), 50), 1):
        part = log[start : start + 50]
        sender.producer.begin_transaction()
        sender.put(part)
        sender.producer.flush(streams.WAIT_S)  # an abort drops what has not been sent yet
        if number % aborts:
            sender.producer.commit_transaction(30)
            read += [replace(record, offset=at + i) for i, record in enumerate(part)]
        else:
            sender.producer.abort_transaction(30)
        at += len(part) + 1
    return read


def compacted(place: Place) -> list[LogRecord]:
    """What is left when the broker has compacted the log and leaves it alone."""
    ends, before, rolls = time.monotonic() + streams.WAIT_S, list[LogRecord](), 0
    while time.monotonic() < ends:
        now = left(place)
        if before and len(now) < 500 and [r.offset for r in now] == [r.offset for r in before]:
            return now
        before = now
        if len(now) >= 500:
            rolls += 1  # the active segment is not compacted: a record of a later time begins another
            later = replace(LOG[600 + rolls], kafka_ts=LOG[0].kafka_ts + rolls * 1_000)
            place.send_keyed([later], keys=100_000)
        time.sleep(0.6)
    raise TimeoutError("the log was not compacted")


def left(place: Place) -> list[LogRecord]:
    """The partition's records, as any consumer sees them."""
    config = {"bootstrap.servers": place.bootstrap, "group.id": "any", "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(place.topic, 0, 0)])
    found: list[LogRecord] = []
    try:
        while True:
            for message in consumer.consume(500, 1.0):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    return found
                found.append(LogRecord(0, message.offset() or 0, message.value(), message.timestamp()[1]))
    finally:
        consumer.close()
