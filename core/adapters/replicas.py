"""Which replicas run: each says so in a row of its own every few seconds, and takes the row away at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from core.adapters.postgres import Pool, connection
from core.errors import RetryLater

SAY_EVERY_S = 5.0
"""Seconds between two words of a replica: whoever looks has an answer as fresh as the gauges."""

LEAVE_S = 2.0
"""Seconds at the end for taking the row away: a database that is away may not hold up the end, and the row is seen to
be old soon enough."""

_BEGIN = """
INSERT INTO assay_data.replicas (name, processes, started_at, seen_at) VALUES ($1, $2, now(), now())
ON CONFLICT (name) DO UPDATE SET processes = excluded.processes, started_at = now(), seen_at = now()
"""
"""A container that is started again has its name again, and is another."""

_SAY = """
INSERT INTO assay_data.replicas (name, processes, started_at, seen_at) VALUES ($1, $2, now(), now())
ON CONFLICT (name) DO UPDATE SET seen_at = now()
"""

_FORGET = "DELETE FROM assay_data.replicas WHERE seen_at < now() - interval '1 day'"
"""For a day one can see what was there; names hold a pid, so without an end they would pile up."""

_LEAVE = "DELETE FROM assay_data.replicas WHERE name = $1"


@asynccontextmanager
async def announced(pool: Pool, name: str, processes: Sequence[str]) -> AsyncIterator[None]:
    """Say that a replica runs these processes while the block lasts. A database that is away is only waited for."""
    saying = asyncio.create_task(_say_on(pool, name, processes))
    try:
        yield
    finally:
        saying.cancel()
        with suppress(asyncio.CancelledError):
            await saying
        with suppress(RetryLater, TimeoutError):
            await asyncio.wait_for(_execute(pool, _LEAVE, name), LEAVE_S)


async def _say_on(pool: Pool, name: str, processes: Sequence[str]) -> None:
    begun = False
    while True:
        with suppress(RetryLater):
            await _execute(pool, _SAY if begun else _BEGIN, name, processes)
            begun = True
            await _execute(pool, _FORGET)
        await asyncio.sleep(SAY_EVERY_S)


async def _execute(pool: Pool, sql: str, *arguments: object) -> None:
    async with connection(pool) as held:
        await held.execute(sql, *arguments)
