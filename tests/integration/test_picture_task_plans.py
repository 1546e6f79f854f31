"""While many older pictures wait, the newest ones are leased first, by an index and without a look at the others."""

from __future__ import annotations

from datetime import timedelta

from core.adapters.inbox import PostgresInbox
from core.adapters.inbox_sql import LEASE, WINDOW
from core.adapters.postgres import Pool
from tests.contract.facts import task
from tests.support.fakes import NOON, FakeClock

BACKLOG = 20_000
_FILL = """
INSERT INTO assay_data.tasks (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload, priority, state,
    not_before, created_at)
SELECT md5('t' || n)::uuid, 'image:' || n, 'image', 'live', 0, 'old' || n / 3, '{}', '{}', 1000 - n / 100, 'waiting',
    $1, $1
FROM generate_series(1, $2::int) AS n
"""


async def test_the_newest_listings_pictures_are_leased_before_a_backlog(pool: Pool) -> None:
    await pool.execute(_FILL, NOON, BACKLOG)
    inbox = PostgresInbox(pool, FakeClock(NOON + timedelta(minutes=1)))
    await inbox.add([task(f"n{n}", "new", kind="image", priority=2_000.0) for n in range(3)])
    [group] = await inbox.lease(["image"], 1, 8, 60)
    assert {each.task_key for each in group} == {"n0", "n1", "n2"}


async def test_a_lease_reads_the_head_of_the_index_and_no_more(pool: Pool) -> None:
    await pool.execute(_FILL, NOON, BACKLOG)
    await pool.execute("ANALYZE assay_data.tasks")
    now = NOON + timedelta(minutes=1)
    arguments = (["image"], now, 1, 8, now + timedelta(minutes=1), 5)
    async with pool.acquire() as held, held.transaction():
        lines = [row[0] for row in await held.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {LEASE}", *arguments)]
    text = "\n".join(lines)
    [head] = [line for line in lines if "using tasks_order" in line]
    assert f"rows={WINDOW}" in head.replace(".00", "")
    assert "Seq Scan" not in text
