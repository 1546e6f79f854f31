"""The database as a one-shot command finds it: brought to this version, and closed when the command is through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.ports import Clock
from core.settings import Settings, postgres_dsn


@asynccontextmanager
async def migrated(settings: Settings) -> AsyncIterator[Pool]:
    """A pool on the settings' database while the block lasts."""
    dsn = postgres_dsn(settings)
    await migrate(dsn)
    pool = await open_pool(dsn, settings.postgres_pool_size)
    try:
        yield pool
    finally:
        await pool.close()


def reads_of(settings: Settings, pool: Pool, clock: Clock) -> PostgresReads:
    """What pages, API and status read."""
    return PostgresReads(
        pool,
        clock,
        settings.llm_budget_usd_per_day,
        settings.selection_min_sessions,
        settings.llm_lane_budget_usd_per_day,
    )
