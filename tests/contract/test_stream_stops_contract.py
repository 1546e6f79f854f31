"""What every `StreamStore` keeps of partitions that wait for a person, of topics' ids and of records that are gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import pytest

from core.adapters.postgres import Pool, connection
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.domain.positions import Stop
from core.stream_ports import Partition, PartitionStart, Progress, StreamCommit, StreamStore
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import FakeClock

P0, P1 = Partition("search-log", 0), Partition("search-log", 1)
FLOOD = Stop("flood", "2001 of the last 10000 records could not be used")


class Stores(Protocol):
    """A store, and the person's side of it."""

    store: StreamStore

    async def release(self, partition: Partition) -> None: ...
    async def missing(self, partition: Partition) -> int: ...


class FakeStores:
    def __init__(self) -> None:
        self.fake = InMemoryStreamStore()
        self.store: StreamStore = self.fake

    async def release(self, partition: Partition) -> None:
        self.fake.rows[partition].stop = None

    async def missing(self, partition: Partition) -> int:
        return self.fake.rows[partition].missing


@dataclass
class PostgresStores:
    pool: Pool

    def __post_init__(self) -> None:
        self.store: StreamStore = PostgresStreamStore(self.pool, FakeClock())

    async def release(self, partition: Partition) -> None:
        async with connection(self.pool) as held:
            await held.execute(
                "UPDATE assay_data.stream_partitions SET stopped = NULL WHERE topic = $1 AND partition = $2", *partition
            )

    async def missing(self, partition: Partition) -> int:
        async with connection(self.pool) as held:
            return int(
                await held.fetchval(
                    "SELECT missing FROM assay_data.stream_partitions WHERE topic = $1 AND partition = $2", *partition
                )
            )


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest) -> Stores:
    return FakeStores() if request.param == "fake" else PostgresStores(request.getfixturevalue("work_pool"))


NOTHING = Progress(P0, 0, 0, 9, 10, 0, None)


async def written(store: StreamStore, partition: Partition, told: Progress = NOTHING) -> PartitionStart:
    """Take a partition, write what is told of it, and say what its next owner finds."""
    start = await store.take(partition, "a")
    progress = replace(told, partition=partition, epoch=start.epoch, turn=start.turn + 1)
    await store.commit(StreamCommit([progress], Effects()))
    return await store.take(partition, "b")


async def test_a_stop_is_there_for_the_next_owner(stores: Stores) -> None:
    assert (await written(stores.store, P0, replace(NOTHING, stop=FLOOD))).stop == FLOOD


async def test_progress_without_a_stop_leaves_one_that_is_there(stores: Stores) -> None:
    await written(stores.store, P0, replace(NOTHING, stop=FLOOD))
    assert (await written(stores.store, P0)).stop == FLOOD


async def test_what_is_stopped_is_released_only_by_a_person(stores: Stores) -> None:
    await written(stores.store, P0, replace(NOTHING, stop=FLOOD))
    await written(stores.store, P1, replace(NOTHING, stop=FLOOD))
    assert list(await stores.store.released({P0: 50, P1: 60})) == []
    await stores.release(P1)
    assert list(await stores.store.released({P0: 50, P1: 60})) == [P1]


async def test_the_topics_id_is_kept_until_another_is_written(stores: Stores) -> None:
    assert (await written(stores.store, P0, replace(NOTHING, topic_id="first"))).topic_id == "first"
    assert (await written(stores.store, P0)).topic_id == "first"


async def test_missing_records_add_up(stores: Stores) -> None:
    await written(stores.store, P0, replace(NOTHING, missing=40))
    await written(stores.store, P0, replace(NOTHING, missing=2))
    assert await stores.missing(P0) == 42
