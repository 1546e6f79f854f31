"""History by days for tests: rows put on a day, and where they lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import asyncpg

from core.adapters.postgres import Connection
from core.domain.retention import HISTORIES, History, Keep

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
KEEPS: dict[History, Keep] = {history: Keep(30, 7) for history in HISTORIES}
LONG_AFTER = NOW + 100 * DAY
"""When nothing of now is kept any more."""

PUT = """
INSERT INTO assay_data.panes
SELECT 'live', 'shop', 'de', 'query ' || i, $1::timestamptz + (i % 24) * interval '1 hour', 1, 1, 0, 0, 0, 0
FROM generate_series(1, $2::int) AS i
"""


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime.combine(day, time(), UTC)


async def put(held: asyncpg.Pool | Connection, day: date, panes: int = 1) -> None:
    """Panes on a day, each of another query."""
    await held.execute(PUT, midnight(day), panes)


async def places(pool: asyncpg.Pool, history: History = "panes") -> dict[str, int]:
    """Rows by the partition that they lie in; partitions without rows are left out."""
    rows = await pool.fetch(f"SELECT tableoid::regclass::text AS name, count(*) FROM assay_data.{history} GROUP BY 1")
    return {row["name"].removeprefix("assay_data."): row["count"] for row in rows}


async def partitions(pool: asyncpg.Pool, history: History = "panes") -> set[str]:
    """The partitions there are, with or without rows; the rest is left out."""
    rows = await pool.fetch(
        "SELECT relid::regclass::text AS name FROM pg_partition_tree($1::text::regclass) WHERE isleaf",
        f"assay_data.{history}",
    )
    return {row["name"].removeprefix("assay_data.") for row in rows} - {f"{history}_rest"}
