"""The suite's own servers do what the other tests rely on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer

from tests.support.kafka import KafkaBroker
from tests.support.postgres import EmbeddedPostgres


def _send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def _read_one(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest", "log_level": 0}
    )
    try:
        consumer.subscribe([topic])
        messages = consumer.consume(1, timeout=30)
        return messages[0].value() if messages else None
    finally:
        consumer.close()


def test_the_shared_broker_serves_what_was_sent(kafka_bootstrap: str, topic_prefix: str) -> None:
    _send(kafka_bootstrap, f"{topic_prefix}a", b"x")
    assert _read_one(kafka_bootstrap, f"{topic_prefix}a") == b"x"


@pytest.mark.kafka
def test_a_killed_broker_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as broker:
        _send(broker.bootstrap, "kept", b"x")
        broker.kill9()
        broker.start()
        assert _read_one(broker.bootstrap, "kept") == b"x"


async def test_two_databases_share_nothing(empty_postgres_dsn: str, postgres_server: str) -> None:
    connection = await asyncpg.connect(empty_postgres_dsn)
    await connection.execute("CREATE TABLE here (n int)")
    await connection.close()
    other = await asyncpg.connect(postgres_server)
    found = await other.fetchval("SELECT to_regclass('here')")
    await other.close()
    assert found is None


@pytest.mark.postgres
async def test_a_killed_postgres_comes_back_on_the_same_address_with_its_data() -> None:
    server = EmbeddedPostgres()
    try:
        dsn = server.dsn
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        connection.terminate()
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.restart)
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()
    finally:
        server.stop()
    assert not server.directory.exists()
