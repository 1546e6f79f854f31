"""`assay anchors`: add human-labelled pairs that the judge is asked about again and again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli.database import migrated
from cli.produce import read_whole
from core.adapters.clock import SystemClock
from core.adapters.drift_store import PostgresDriftStore
from core.domain.requests import AnchorPair, anchor_of
from core.domain.task_keys import digest
from core.drift_ports import Anchor
from core.settings import Settings, load_settings


def anchors(
    file: Annotated[str, typer.Argument(help="JSON lines of query, market, listing and grade 0 to 2; .gz, - too")],
) -> None:
    """Add human-labelled pairs that watch the judge; at least 200 are sensible."""
    settings = load_settings()
    found = [anchor_from(pair) for pair in read_whole(file, anchor_of)]
    added = asyncio.run(add(settings, found))
    sys.stdout.write(f"added {added} of {len(found)} anchors; the others are there already\n")


def anchor_from(pair: AnchorPair) -> Anchor:
    """The anchor of a pair; the same pair is the same anchor, whatever file it comes from."""
    asked = pair.request
    key = anchor_id(asked.application, asked.market, asked.query, asked.listing_id)
    return Anchor(key, asked.application, asked.market, asked.language, asked.query, dict(asked.told), pair.grade)


def anchor_id(application: str, market: str, query: str, listing_id: str) -> str:
    """The same for the same pair, whatever file or dataset it comes from."""
    return digest(application, market, query, listing_id)[:24]


async def add(settings: Settings, found: Sequence[Anchor]) -> int:
    """Store them; returns how many are new."""
    async with migrated(settings) as pool:
        return await PostgresDriftStore(pool).add_anchors(found, SystemClock().now())
