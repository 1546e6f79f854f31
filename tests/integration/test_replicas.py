"""Replicas say that they run, and `assay status` shows what each has taken of the work."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from cli.status import as_plain, tables
from core.adapters import replicas
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool, connection, open_pool
from core.adapters.reads import PostgresReads
from core.adapters.replicas import announced
from core.adapters.stream_store import PostgresStreamStore
from core.status_models import REPLICA_GONE_S, Replica, StatusReport
from core.stream_ports import Partition
from tests.support.waiting import until_true


async def report(pool: Pool) -> StatusReport:
    return await PostgresReads(pool, SystemClock(), 50.0).status()


async def there(pool: Pool) -> list[Replica]:
    return list((await report(pool)).replicas)


async def said(pool: Pool, count: int) -> None:
    async def is_so() -> bool:
        return len(await there(pool)) == count

    await until_true(is_so)


async def aged(pool: Pool, name: str, seconds: float) -> None:
    async with connection(pool) as held:
        await held.execute(
            "UPDATE assay_data.replicas SET seen_at = now() - make_interval(secs => $2) WHERE name = $1", name, seconds
        )


async def test_a_replica_is_there_while_it_runs(pool: Pool) -> None:
    async with announced(pool, "a:1", ["search-log", "outbox"]):
        await said(pool, 1)
        [one] = await there(pool)
        assert (one.name, one.processes, one.gone) == ("a:1", ["search-log", "outbox"], False)
    assert await there(pool) == []


async def test_a_replica_that_ended_without_a_word_is_gone_and_after_a_day_forgotten(pool: Pool) -> None:
    async with announced(pool, "a:1", ["all"]):
        await said(pool, 1)
        await aged(pool, "a:1", REPLICA_GONE_S + 1)
        [one] = await there(pool)
        assert one.gone
        await aged(pool, "a:1", 86_401)
        async with announced(pool, "b:1", ["all"]):

            async def is_forgotten() -> bool:
                return [replica.name for replica in await there(pool)] == ["b:1"]

            await until_true(is_forgotten)


async def test_a_container_that_is_started_again_under_its_name_begins_anew(pool: Pool) -> None:
    async with connection(pool) as held:
        await held.execute("INSERT INTO assay_data.replicas VALUES ('a:1', '{old}', '2026-03-01', '2026-03-01')")
    async with announced(pool, "a:1", ["new"]):

        async def is_new() -> bool:
            return [(r.processes, r.gone) for r in await there(pool)] == [(["new"], False)]

        await until_true(is_new)
        [one] = await there(pool)
        assert one.started_at == one.seen_at


async def test_it_says_so_again_and_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "SAY_EVERY_S", 0.02)
    async with announced(pool, "a:1", ["all"]):
        await said(pool, 1)
        await aged(pool, "a:1", 3_600)

        async def is_back() -> bool:
            [one] = await there(pool)
            return not one.gone and one.started_at < one.seen_at

        await until_true(is_back)


async def test_a_database_that_is_away_keeps_nothing_from_its_beginning_or_end() -> None:
    pool = await open_pool("postgresql://127.0.0.1:9/nowhere", 2)
    try:
        async with asyncio.timeout(5), announced(pool, "a:1", ["all"]):
            await asyncio.sleep(0.1)
    finally:
        await pool.close()


async def test_status_shows_who_has_taken_what(pool: asyncpg.Pool) -> None:
    store = PostgresStreamStore(pool, SystemClock())
    for number, owner in enumerate(("a:1", "b:2", "a:1", "c:3")):
        await store.take(Partition("search-log", number), owner)
    async with connection(pool) as held:
        await held.execute("UPDATE assay_data.stream_partitions SET applied = 9, end_offset = 10 + 5 * partition")
    async with announced(pool, "a:1", ["search-log"]), announced(pool, "b:2", ["all"]):
        await said(pool, 2)
        found = await report(pool)
    plain = as_plain(found)
    taken = {replica["name"]: (replica["partitions"], replica["lag"]) for replica in plain["replicas"]}
    assert taken == {"a:1": ({"search-log": [0, 2]}, 10), "b:2": ({"search-log": [1]}, 5)}
    assert [stream["owner_gone"] for stream in plain["streams"]] == [False, False, False, True]
    titles = [table.title for table in tables(found)]
    assert titles[:2] == ["Replicas", "Streams"]
