"""What the console shows of stopped partitions, replicas, and dead letters that were sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from core.adapters.postgres import Pool, connection
from core.adapters.reads import PostgresReads
from tests.contract.test_dead_letters_contract import add
from tests.support.fake_letters import letter
from tests.support.sample_data import NOW
from tests.support.sample_rows import insert
from tests.support.served_console import FixedClock, serving, text_of


@pytest.fixture
async def visitor(pool: Pool) -> AsyncIterator[ClientSession]:
    async with serving(PostgresReads(pool, FixedClock(), 50.0)) as url, ClientSession(url) as session:
        yield session


async def test_a_stopped_partition_stands_out_with_its_reason(visitor: ClientSession, pool: Pool) -> None:
    row = {"topic": "listings", "owner": "pod-1:7", "updated_at": NOW, "applied": 4, "end_offset": 9}
    stopped = {"stopped": "flood", "stopped_detail": "2,104 of <10,000>", "stopped_at": NOW - timedelta(minutes=5)}
    async with connection(pool) as held:
        await insert(held, "stream_partitions", [{**row, "partition": 3, **stopped}])
        await insert(held, "stream_partitions", [{**row, "partition": 4}])
    page = await text_of(visitor, "/")
    assert page.count("stopped: flood") == 1
    assert "2,104 of &lt;10,000&gt;" in page
    assert page.count("pod-1:7") == 2


async def test_replicas_are_shown_with_what_they_hold_and_whether_they_are_gone(
    visitor: ClientSession, pool: Pool
) -> None:
    row = {"topic": "listings", "owner": "pod-1:7", "updated_at": NOW, "applied": 4, "end_offset": 1_239}
    async with connection(pool) as held:
        await insert(held, "stream_partitions", [{**row, "partition": number} for number in range(3)])
        await held.execute(
            "INSERT INTO assay_data.replicas VALUES ('pod-1:7', '{listings,outbox}', now(), now()), "
            "('pod-2:7', '{listings}', now(), now() - interval '1 minute')"
        )
    page = await text_of(visitor, "/")
    assert "listings outbox" in page
    assert "3,702" in page
    assert page.count("gone</span>") == 1


async def test_a_letter_that_was_sent_again_says_when_and_one_in_doubt_says_so(
    visitor: ClientSession, pool: Pool
) -> None:
    await add(pool, letter(1), letter(2, requeued_at=NOW))
    page = await text_of(visitor, "/dead-letters")
    assert page.count("in doubt") == 1
    assert f'datetime="{NOW.isoformat()[:16]}' in page
