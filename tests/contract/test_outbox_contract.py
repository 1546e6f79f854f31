"""`Outbox`: events leave in order, and only when they were published."""

from __future__ import annotations

import asyncio

import pytest

from core.adapters.outbox import PostgresOutbox
from core.adapters.postgres import Pool
from core.errors import RetryLater
from core.ports import OutgoingEvent
from core.stages.events import relevance_event
from tests.contract.facts import label
from tests.contract.stores import PostgresStores, Stores


def events(count: int) -> list[OutgoingEvent]:
    return [relevance_event(label(f"k{n}")) for n in range(count)]


async def test_the_oldest_events_come_first_and_leave_with_the_block(stores: Stores) -> None:
    promised = events(5)
    await stores.promise(promised[:2])
    await stores.promise(promised[2:])
    async with stores.outbox.batch(3) as batch:
        assert list(batch) == promised[:3]
    assert await stores.outbox.unpublished() == 2
    async with stores.outbox.batch(3) as batch:
        assert list(batch) == promised[3:]
    assert await stores.outbox.unpublished() == 0


async def test_an_error_in_the_block_leaves_its_events(stores: Stores) -> None:
    promised = events(2)
    await stores.promise(promised)
    with pytest.raises(RetryLater, match="broker"):
        async with stores.outbox.batch(10):
            raise RetryLater("the broker is not there")
    async with stores.outbox.batch(10) as batch:
        assert list(batch) == promised


async def test_an_empty_outbox_gives_an_empty_batch(stores: Stores) -> None:
    async with stores.outbox.batch(10) as batch:
        assert list(batch) == []


async def test_promising_nothing_is_nothing(stores: Stores) -> None:
    await stores.promise([])
    assert await stores.outbox.unpublished() == 0


async def test_two_relays_never_publish_an_event_twice(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    await stores.promise(events(20))
    published: list[OutgoingEvent] = []

    async def relay() -> None:
        outbox = PostgresOutbox(work_pool)
        while await outbox.unpublished() > 0:
            async with outbox.batch(3) as batch:
                await asyncio.sleep(0)
                published.extend(batch)

    await asyncio.gather(relay(), relay())
    assert [event.event_id for event in published] == [event.event_id for event in events(20)]


async def test_events_promised_while_a_batch_is_open_stay(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    first, second = events(2)
    await stores.promise([first])
    async with stores.outbox.batch(10):
        await stores.promise([second])
    async with stores.outbox.batch(10) as batch:
        assert list(batch) == [second]
