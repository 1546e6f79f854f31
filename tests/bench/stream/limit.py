"""Consume and decode and nothing else: the limit of what one Python process can read.

`python -m tests.bench.stream.limit bare|strict BOOTSTRAP TOPIC RECORDS` prints wall and CPU seconds. `bare`: one typed
msgspec decode of the fields that are read. `strict`: the service's decoder, with every check of the contract, and
the service's own consumer options.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import Consumer, TopicPartition

from cli.run import calm_collector
from core.adapters.kafka_options import consumer_options
from core.domain.search_log import decode_search_log
from tests.bench.stream.records import PARTITIONS

POLL_RECORDS = 5_000
BARE_OPTIONS = {"fetch.queue.backoff.ms": 5, "enable.auto.commit": False, "log_level": 0}


class Attributes(msgspec.Struct, gc=False):
    """Where a query was typed."""

    market: str | None = None
    language: str | None = None
    engine: str | None = None


class Shown(msgspec.Struct, gc=False):
    """What an event is about."""

    object_id: str | int | None = None


class Position(msgspec.Struct, gc=False):
    """Where it stood."""

    ordinal: int | None = None


class EventAttributes(msgspec.Struct, gc=False):
    """The rest of an event."""

    session_id: str | int | None = None
    object: Shown | None = None
    position: Position | None = None


class Bare(msgspec.Struct, gc=False):
    """The fields that the contract says are read, and no check of them."""

    application: str | None = None
    client_id: str | int | None = None
    session_id: str | int | None = None
    query_id: str | int | None = None
    user_query: str | None = None
    action_name: str | None = None
    timestamp: str | int | float | None = None
    query_response_hit_ids: list[str | int] | None = None
    query_attributes: Attributes | None = None
    event_attributes: EventAttributes | None = None


def main() -> None:
    kind, bootstrap, topic, records = sys.argv[1:]
    calm_collector()
    wall, cpu = strict(bootstrap, topic, int(records)) if kind == "strict" else bare(bootstrap, topic, int(records))
    print(json.dumps({"records": int(records), "wall": wall, "cpu": cpu}))


def bare(bootstrap: str, topic: str, records: int) -> tuple[float, float]:
    """Wall and CPU seconds."""
    consumer = _assigned({**BARE_OPTIONS, "bootstrap.servers": bootstrap, "group.id": f"{topic}.bare"}, topic)
    decode = msgspec.json.Decoder(Bare).decode
    started, cpu, read = time.monotonic(), time.process_time(), 1
    while read < records:
        for message in consumer.consume(min(POLL_RECORDS, records - read), 1):
            decode(message.value() or b"")
            read += 1
    taken = time.monotonic() - started, time.process_time() - cpu
    consumer.close()
    return taken


def strict(bootstrap: str, topic: str, records: int) -> tuple[float, float]:
    """Wall and CPU seconds."""
    options = {**consumer_options(bootstrap, f"{topic}.strict", {}), "enable.partition.eof": False}
    consumer = _assigned(options, topic)
    started, cpu, read = time.monotonic(), time.process_time(), 1
    while read < records:
        for message in consumer.consume(min(POLL_RECORDS, records - read), 1):
            decode_search_log(message.value(), message.timestamp()[1])
            read += 1
    taken = time.monotonic() - started, time.process_time() - cpu
    consumer.close()
    return taken


def _assigned(options: Mapping[str, object], topic: str) -> Consumer:
    """Connected, and the first record read."""
    consumer = Consumer(dict(options), logger=None)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    if len(consumer.consume(1, 30)) != 1:
        raise TimeoutError(f"nothing to read in {topic}")
    return consumer


if __name__ == "__main__":
    main()
