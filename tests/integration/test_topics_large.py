"""Records of a megabyte, and every tenth of them poison: read through a small backlog, in little memory."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path

import pytest

from core.adapters.postgres import Pool
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.oracle.generate import NOW_MS
from tests.support import streams
from tests.support.topics import NEW, Place

MIB = 1_048_576
RECORDS = 80
BACKLOG = 8_000_000
MEMORY = 250_000_000
"""Far below what the records have; above the client's own queue of 32 MiB, a transaction and its copies."""


def big(offset: int) -> LogRecord:
    record = {"client_id": f"c{offset % 7}", "timestamp": NOW_MS + offset * 400_000, "user_query": f"q{offset % 5}"}
    text = json.dumps({**record, "query_id": f"i{offset}", "unread": ""})
    value = text[:-2] + "x" * (MIB - len(text)) + '"}'
    return LogRecord(
        offset % 2,
        offset // 2,
        b"[" + value[1:].encode() if offset % 10 == 3 else value.encode(),
        NOW_MS + RECORDS * 400_000,
    )


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
def place(kafka_bootstrap: str, topic_prefix: str, pool: Pool) -> Place:
    made = Place(kafka_bootstrap, f"{topic_prefix}search-log", pool, NEW)
    made.make(2, {"max.message.bytes": "2000000"})
    return made


async def test_records_of_a_megabyte_with_poison_among_them_are_read_exactly_and_in_little_memory(place: Place) -> None:
    log = [big(offset) for offset in range(RECORDS)]
    await asyncio.to_thread(place.send, log)
    expected = oracle.panes(log)
    del log
    reader = place.process(batch=5_000, queued_bytes=BACKLOG)
    before = most = resident()
    async with streams.running(reader.process):
        while await place.applied() < RECORDS:
            most = max(most, resident())
            await asyncio.sleep(0.02)
        await streams.until_idle(reader.process)
    assert most - before < MEMORY
    assert len(expected.dead) == RECORDS // 10
    await streams.assert_exact(place.pool, place.topic, expected)
