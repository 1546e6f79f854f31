"""Thumbnails, and the rows that the HTTP API hands out."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from core.adapters.guidelines_sql import LABELLED
from core.adapters.postgres import Connection
from core.read_models import Json, Row

API_ROWS = 1_000
"""Most rows of one answer: fifty pages of results, far below what would strain a ranker."""

_RELEVANCE = """
SELECT application, market, query, listing_id, label, grade, confidence, reasoning, reason, mode, model,
    prompt_version, guideline_version, content_hash, image_hash, judged_at, event_id
FROM assay.relevance_labels WHERE application = ANY($1::text[]) AND market = $2 AND query = $3
ORDER BY application, listing_id LIMIT $4
"""

_IMAGE_SCORES = """
SELECT listing_id, image_url, image_hash, score, aspects, reasoning, tier, model, prompt_version, judged_at, event_id,
    flags, spread
FROM assay.image_scores JOIN assay.image_score_flags USING (event_id)
WHERE listing_id = $1 ORDER BY image_url LIMIT $2
"""

LISTING_SCORE = """
SELECT score, primary_score, pictures, scored, worst_score, tier, judged_at
FROM assay.listing_image_scores WHERE listing_id = $1
"""


async def thumbnail(connection: Connection, image_hash: str) -> bytes | None:
    """JPEG bytes."""
    found: bytes | None = await connection.fetchval(
        "SELECT thumbnail FROM assay_data.pictures WHERE image_hash = $1", image_hash
    )
    return found


async def relevance(connection: Connection, application: str | None, market: str, query: str) -> list[Row]:
    """Rows of the view, of one application or of all."""
    applications = [application] if application is not None else await _labelled(connection)
    return [_public(row) for row in await connection.fetch(_RELEVANCE, applications, market, query, API_ROWS)]


async def _labelled(connection: Connection) -> list[str]:
    return [row["application"] for row in await connection.fetch(LABELLED)]


async def image_scores(connection: Connection, listing_id: str) -> list[Row]:
    """Rows of the view, with flags and spread."""
    return [_public(row) for row in await connection.fetch(_IMAGE_SCORES, listing_id, API_ROWS)]


async def listing_image_score(connection: Connection, listing_id: str) -> Row | None:
    """The listing's row of the view."""
    row = await connection.fetchrow(LISTING_SCORE, listing_id)
    return None if row is None else _public(row)


def _public(row: asyncpg.Record) -> Row:
    return {name: _json(value) for name, value in row.items()}


def _json(value: datetime | UUID | Json) -> Json:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value
