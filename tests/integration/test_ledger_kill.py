"""Processes that reserve and settle are killed, again and again: what they left adds up."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

pytestmark = pytest.mark.postgres

WORK = """
import asyncio, sys
from datetime import UTC, datetime
from uuid import uuid4
from core.adapters.llm_ledger import CallAsk, CallEnd
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.postgres import open_pool
from core.domain.budget import Caps, Grant

async def calls(ledger, lane):
    while True:
        now = datetime.now(UTC)
        fixed = ("e", lane, "judgements", "m", "p", "h", {"market": lane}, (), 9, 100)
        asks = [CallAsk(uuid4(), *fixed) for _ in range(5)]
        granted = [a for a, v in zip(asks, await ledger.reserve(asks, now)) if v == Grant()]
        ends = [CallEnd(a.call_id, "ok", now, 1, 9, 7) for a in granted[1:]]
        await ledger.settle(ends, [a.call_id for a in granted[:1]])

async def main():
    pool = await open_pool(sys.argv[1], 4)
    ledger = PostgresLedger(pool, Caps(10**12), 0.3)
    print("ready", flush=True)
    await asyncio.gather(*(calls(ledger, lane) for lane in ("live", "panel", "backfill")))

asyncio.run(main())
"""

BOOKS = """
SELECT lane, sum(spent_usd) AS spent, sum(reserved_usd) AS reserved,
    (SELECT coalesce(sum(cost_usd), 0) FROM assay_data.llm_calls AS c WHERE c.lane = s.lane) AS calls,
    (SELECT coalesce(sum(cost_usd), 0) FROM assay.llm_cost_daily AS c WHERE c.lane = s.lane) AS costs,
    (SELECT coalesce(sum(reserved_usd), 0) FROM assay_data.llm_reservations AS r WHERE r.lane = s.lane) AS under_way
FROM assay_data.llm_spend AS s GROUP BY lane
"""

REPOSITORY = Path(__file__).parents[2]
KILLS = 6
SECONDS = 0.4
"""Of work before a kill: some hundred statements."""


async def test_after_kills_at_any_moment_the_books_add_up(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORK, postgres_dsn, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        await asyncio.sleep(SECONDS)
        process.kill()
        await process.wait()
    rows = await _quiet(pool)
    assert {row["lane"] for row in rows} == {"live", "panel", "backfill"}
    for row in rows:
        assert row["spent"] == row["calls"] == row["costs"] > 0
        assert row["reserved"] == row["under_way"]
    lost = await pool.fetch("SELECT cost_usd FROM assay.llm_calls WHERE status = 'lost'")
    assert lost
    assert all(row["cost_usd"] * 10**12 == 100 for row in lost)


async def _quiet(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """The books once the server has ended what the dead had begun."""
    for _ in range(100):
        busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        if await pool.fetchval(f"{busy} AND state <> 'idle'") == 0:
            break
        await asyncio.sleep(0.05)
    return await pool.fetch(BOOKS)
