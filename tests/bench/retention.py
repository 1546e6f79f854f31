"""History by days: upserts of panes with 400 days beside a plain table, and how long a day's drop takes.

`python -m tests.bench.retention`; prints a table for docs/benchmarks.md. Both tables hold the same rows on the same
server, one after the other takes the same batches, and the median of the batches is what counts.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from core.adapters import stream_store
from core.adapters.days import HistoryDays
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.adapters.retention import PostgresRetention
from core.domain.retention import Keep
from tests.support.postgres import EmbeddedPostgres

DAYS, PANES_A_DAY, BATCH, BATCHES = 400, 1_000, 5_000, 24
LARGE_DAY = 200_000
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
TODAY = NOW.replace(hour=0)
PLAIN = "panes_plain"

FILL = """
INSERT INTO assay_data.{table}
SELECT 'live', 'shop', 'de', 'query ' || i, $1::timestamptz - d * interval '1 day' + (i % 24) * interval '1 hour',
    1, 1, 0, 0, 0, 0
FROM generate_series(0, $2::int - 1) AS d, generate_series(1, $3::int) AS i ON CONFLICT DO NOTHING
"""

Row = tuple[object, ...]


async def main() -> None:
    """Measure and print."""
    server = EmbeddedPostgres()
    try:
        await migrate(server.dsn)
        pool = await open_pool(server.dsn, 4)
        print(f"| what | ms |\n|---|---|\n{await filled(pool)}")
        for line in [await upserts(pool, 1), await upserts(pool, 400), await dropped(pool)]:
            print(line)
        await pool.close()
    finally:
        server.stop()


async def filled(pool: Pool) -> str:
    """400 days in both tables."""
    days = HistoryDays(pool, {"panes": Keep(DAYS, 7)})
    took = await timed(lambda: days.ensure("panes", [(NOW - timedelta(days=d)).date() for d in range(DAYS + 1)], NOW))
    await pool.execute(f"CREATE TABLE assay_data.{PLAIN} (LIKE assay_data.panes INCLUDING ALL)")
    for table in ("panes", PLAIN):
        await pool.execute(FILL.format(table=table), TODAY, DAYS, PANES_A_DAY)
    await pool.execute("VACUUM ANALYZE")
    return f"| {DAYS + 1} days made at once | {took:,.0f} |"


async def upserts(pool: Pool, days: int) -> str:
    """The same batches into both, in turn."""
    dice = random.Random(days)
    by_day, plain = [], []
    for _ in range(BATCHES):
        columns = stream_store._columns(batch(dice, days))
        by_day.append(await write(pool, stream_store._PANES, columns))
        plain.append(await write(pool, stream_store._PANES.replace("assay_data.panes", f"assay_data.{PLAIN}"), columns))
    figures = f"{statistics.median(by_day):.0f}, plain table {statistics.median(plain):.0f}"
    return f"| {BATCH:,} panes over {days} day{'s' * (days > 1)}, one transaction | {figures} |"


def batch(dice: random.Random, days: int) -> list[Row]:
    """Half of the queries are known on their day."""
    hours = [NOW - timedelta(hours=h) for h in range(days * 24)]
    keys = {("live", "shop", "de", f"query {dice.randrange(20_000)}", dice.choice(hours)) for _ in range(BATCH)}
    return [(*key, 1, 1, 0, 0, 0, 0) for key in sorted(keys)]


async def write(pool: Pool, statement: str, columns: list[list[object]]) -> float:
    async with pool.acquire() as held:
        return await timed(lambda: in_transaction(held, statement, columns))


async def in_transaction(held: asyncpg.pool.PoolConnectionProxy, statement: str, columns: list[list[object]]) -> None:
    async with held.transaction():
        await held.execute(statement, *columns)


async def dropped(pool: Pool) -> str:
    """A large day, while another connection has an open transaction on today; then its empty partition."""
    old = TODAY - timedelta(days=300)
    for table in ("panes", PLAIN):
        await pool.execute(FILL.format(table=table), old, 1, LARGE_DAY)
    retention, later = PostgresRetention(pool), NOW + timedelta(days=500)
    async with pool.acquire() as held, held.transaction():
        await held.execute("UPDATE assay_data.panes SET searches = 2 WHERE hour >= $1", NOW)
        rows = await timed(lambda: retention.drop("panes", old.date(), later, later))
    gone = await timed(lambda: retention.let_go("panes", later))
    delete = f"DELETE FROM assay_data.{PLAIN} WHERE hour >= $1 AND hour < $2"
    deleted = await timed(lambda: pool.execute(delete, old, old + timedelta(days=1)))
    figures = f"{rows:.1f}; {gone:.1f}; by DELETE from the plain table {deleted:,.0f}"
    return f"| a day of {LARGE_DAY:,} panes dropped; its empty partition removed | {figures} |"


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    asyncio.run(main())
