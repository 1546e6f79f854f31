"""`assay anchors`: add human-labelled pairs that the judge is asked about again and again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli.produce import opened
from core.adapters.clock import SystemClock
from core.adapters.drift_store import PostgresDriftStore
from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.domain.fields import Unusable
from core.domain.requests import AnchorPair, anchor_of
from core.domain.task_keys import digest
from core.drift_ports import Anchor
from core.errors import UsageError
from core.settings import Settings, load_settings, postgres_dsn


def anchors(
    file: Annotated[str, typer.Argument(help="JSON lines of query, market, listing and grade 0 to 2; .gz, - too")],
) -> None:
    """Add human-labelled pairs that watch the judge; at least 200 are sensible."""
    settings = load_settings()
    found = read_anchors(file)
    added = asyncio.run(add(settings, found))
    sys.stdout.write(f"added {added} of {len(found)} anchors; the others are there already\n")


def read_anchors(file: str) -> list[Anchor]:
    """Every line as an anchor; UsageError names the first line that is none, and nothing is added."""
    found: list[Anchor] = []
    with opened(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            pair = anchor_of(line)
            if isinstance(pair, Unusable):
                raise UsageError(f"{file}, line {number}: {pair.reason}: {pair.detail}")
            found.append(anchor_from(pair))
    return found


def anchor_from(pair: AnchorPair) -> Anchor:
    """The anchor of a pair; the same pair is the same anchor, whatever file it comes from."""
    asked = pair.request
    key = digest(asked.application, asked.market, asked.query, asked.listing_id)[:24]
    return Anchor(key, asked.application, asked.market, asked.language, asked.query, dict(asked.told), pair.grade)


async def add(settings: Settings, found: Sequence[Anchor]) -> int:
    """Store them; returns how many are new."""
    dsn = postgres_dsn(settings)
    await migrate(dsn)
    pool = await open_pool(dsn, settings.postgres_pool_size)
    try:
        return await PostgresDriftStore(pool).add_anchors(found, SystemClock().now())
    finally:
        await pool.close()
