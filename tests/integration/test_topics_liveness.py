"""A process whose servers are away is alive and says what it waits for; one whose poll thread has died is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.adapters import kafka_member
from core.adapters.postgres import Pool
from core.runtime import stream
from core.runtime.supervisor import supervise
from tests.support import streams
from tests.support.ports import free_port
from tests.support.topics import NEW, Place, Reader, quiet
from tests.support.waiting import until

HEARTBEAT_S = 2.5
"""Instead of half a minute."""


@pytest.fixture
def place(kafka_bootstrap: str, topic_prefix: str, pool: Pool) -> Place:
    made = Place(kafka_bootstrap, f"{topic_prefix}search-log", pool, NEW)
    made.make(2)
    return made


@pytest.fixture
async def no_pool() -> AsyncIterator[Pool]:
    """Connections to a server that is not there."""
    pool = asyncpg.create_pool(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", min_size=0)
    yield await pool
    pool.terminate()


async def _waits_alive(reader: Reader, what_for: str) -> None:
    """For longer than a heartbeat: alive, not ready, and saying what for."""
    async with streams.running(reader.process):
        await until(lambda: what_for in reader.process.health().detail, streams.WAIT_S)
        for _ in range(10):
            assert reader.process.health().beating
            await quiet(HEARTBEAT_S / 5)
        assert not reader.process.health().ready


async def test_both_servers_away_for_longer_than_a_heartbeat_is_no_death(
    no_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", HEARTBEAT_S)
    reader = Place(f"127.0.0.1:{free_port()}", "search-log", no_pool, NEW).process()
    await _waits_alive(reader, "waiting for Kafka")


async def test_the_database_away_for_longer_than_a_heartbeat_is_no_death_and_is_named(
    place: Place, no_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", HEARTBEAT_S)
    reader = Place(place.bootstrap, place.topic, no_pool, NEW).process()
    await _waits_alive(reader, "waiting for PostgreSQL")


async def test_the_death_of_the_poll_thread_ends_the_process_with_its_reason(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = place.process()

    def dies(member: kafka_member.Member) -> None:
        raise ArithmeticError("a defect")

    running = asyncio.create_task(supervise([reader.process], asyncio.Event()))
    await until(lambda: reader.process.health().ready, streams.WAIT_S)
    monkeypatch.setattr(kafka_member.Member, "turn", dies)
    with pytest.raises(ArithmeticError, match="a defect"):
        await asyncio.wait_for(running, streams.WAIT_S)
