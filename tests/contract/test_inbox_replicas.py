"""`PostgresInbox` with many replicas at once and many tasks: what a fake can't show."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from core.adapters.inbox import PostgresInbox
from core.adapters.inbox_sql import LEASE, WINDOW
from core.adapters.postgres import Pool
from tests.contract.facts import task as new
from tests.contract.stores import PostgresStores

LEASE_S = 60.0


async def test_eight_replicas_at_once_take_each_task_once(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    await stores.inbox.add([new(f"{n}", group=f"g{n % 70}", priority=float(n % 5)) for n in range(700)])

    async def replica() -> list[str]:
        taken, inbox = [], PostgresInbox(work_pool, stores.clock)
        while await inbox.runnable(["relevance"]) > 0:
            groups = await inbox.lease(["relevance"], 3, 4, LEASE_S)
            leased = [task for group in groups for task in group]
            if not leased and await _all_running(work_pool):
                break
            taken += [task.task_key for task in leased]
        return taken

    taken = [key for keys in await asyncio.gather(*(replica() for _ in range(8))) for key in keys]
    assert len(taken) == len(set(taken)) == 700


async def _all_running(pool: Pool) -> bool:
    return await pool.fetchval("SELECT NOT EXISTS (SELECT FROM assay_data.tasks WHERE state = 'waiting')")


async def test_replicas_that_lease_at_the_same_moment_take_different_groups(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    await stores.inbox.add([new(f"{n}", group=f"g{n // 10}", priority=-float(n)) for n in range(200)])
    leases = await asyncio.gather(*(stores.inbox.lease(["relevance"], 2, 10, LEASE_S) for _ in range(8)))
    groups = [group[0].group_key for lease in leases for group in lease]
    assert len(groups) == len(set(groups)) == 16


async def test_tasks_that_a_transaction_holds_are_passed_over_not_waited_for(work_pool: Pool) -> None:
    inbox = PostgresStores(work_pool).inbox
    await inbox.add([new(key, group=key[0], priority=-float(n)) for n, key in enumerate(("a1", "b1", "b2", "b3"))])
    held = "SELECT FROM assay_data.tasks WHERE task_key IN ('a1', 'b2') FOR UPDATE"
    async with asyncio.timeout(10), work_pool.acquire() as other, other.transaction():
        await other.execute(held)
        leased = await inbox.lease(["relevance"], 2, 10, LEASE_S)
    assert [[task.task_key for task in group] for group in leased] == [["b1", "b3"]]


async def test_two_adders_of_the_same_keys_add_each_once(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    tasks = [new(f"{n}") for n in range(2_000)]
    counts = await asyncio.gather(stores.inbox.add(tasks), stores.inbox.add(tasks[::-1]))
    assert sum(counts) == 2_000


@pytest.fixture
async def crowded(work_pool: Pool) -> Pool:
    """100,000 waiting tasks in 5,000 groups and as long a history."""
    await work_pool.execute(
        """INSERT INTO assay_data.tasks (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload,
            priority, state, not_before, created_at)
        SELECT gen_random_uuid(), n::text, 'relevance', 'backfill', 2, 'g' || n % 5000, '{}', '{}', n % 97,
            CASE WHEN n <= 100000 THEN 'waiting' ELSE 'done' END, now(), now() - n * interval '1 second'
        FROM generate_series(1, 200000) AS n"""
    )
    await work_pool.execute("ANALYZE assay_data.tasks")
    return work_pool


async def test_a_lease_reads_the_index_and_never_the_whole_table(crowded: Pool) -> None:
    now = await crowded.fetchval("SELECT now()")
    async with crowded.acquire() as connection, connection.transaction():
        plan = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {LEASE}", ["relevance"], now, 8, 20, now + timedelta(minutes=1), 5
        )
    nodes = list(_nodes(json.loads(plan)[0]["Plan"]))
    on_tasks = [node for node in nodes if node.get("Relation Name") == "tasks"]
    assert on_tasks
    assert not [node for node in on_tasks if node["Node Type"] == "Seq Scan"]
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= 2 * WINDOW


def _nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    children = plan.get("Plans", [])
    assert isinstance(children, list)
    return [plan, *(node for child in children for node in _nodes(child))]
