"""Scores of pictures, thumbnails, and the rows that the HTTP API hands out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from core.adapters.guidelines_sql import LABELLED
from core.adapters.postgres import Connection
from core.read_models import Json, PictureReport, PictureView, Row

SHOWN_PICTURES = 12
"""Pictures in each grid: two rows on a wide screen, six on a phone."""

API_ROWS = 1_000
"""Most rows of one answer: fifty pages of results, far below what would strain a ranker."""

# One scan: how many pictures have each score, and the newest few of each.
_SCORES = """
WITH newest AS (
    SELECT DISTINCT ON (image_hash) id, score, judged_at FROM assay_data.image_scores
    WHERE judged_at > $1 ORDER BY image_hash, judged_at DESC, id DESC
), placed AS (
    SELECT id, score, row_number() OVER (PARTITION BY score ORDER BY judged_at DESC, id DESC) AS place FROM newest
)
SELECT score, count(*) AS pictures, array_agg(id ORDER BY place) FILTER (WHERE place <= $2) AS ids
FROM placed GROUP BY score ORDER BY score
"""

_PICTURES = """
SELECT s.id, s.listing_id, l.title, s.image_url, s.image_hash, p.image_hash IS NOT NULL AS has_thumbnail,
    s.score, s.aspects, s.reasoning, s.tier, s.model, s.judged_at
FROM assay_data.image_scores AS s
LEFT JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN assay_data.listings AS l USING (listing_id)
WHERE s.id = ANY($1::bigint[])
"""

_FAILURES = """
SELECT reason, count(*) AS count FROM assay_data.tasks
WHERE state = 'failed' AND kind = 'image' GROUP BY reason ORDER BY count(*) DESC, reason
"""

_RELEVANCE = """
SELECT application, market, query, listing_id, label, grade, confidence, reasoning, reason, mode, model,
    prompt_version, guideline_version, content_hash, image_hash, judged_at, event_id
FROM assay.relevance_labels WHERE application = ANY($1::text[]) AND market = $2 AND query = $3
ORDER BY application, listing_id LIMIT $4
"""

_IMAGE_SCORES = """
SELECT listing_id, image_url, image_hash, score, aspects, reasoning, tier, model, prompt_version, judged_at, event_id
FROM assay.image_scores WHERE listing_id = $1 ORDER BY image_url LIMIT $2
"""


async def pictures(connection: Connection, now: datetime, days: int) -> PictureReport:
    """Distribution, worst and best of the newest score of each picture judged in the last `days`."""
    rows = await connection.fetch(_SCORES, now - timedelta(days=days), SHOWN_PICTURES)
    by_score = {row["score"]: row for row in rows}
    ascending = [picture for row in rows for picture in row["ids"]]
    descending = [picture for row in reversed(rows) for picture in row["ids"]]
    failures = await connection.fetch(_FAILURES)
    return PictureReport(
        days=days,
        distribution=[by_score[score]["pictures"] if score in by_score else 0 for score in range(1, 11)],
        worst=await _views(connection, ascending[:SHOWN_PICTURES]),
        best=await _views(connection, descending[:SHOWN_PICTURES]),
        failures=[(row["reason"], row["count"]) for row in failures],
    )


async def _views(connection: Connection, ids: list[int]) -> list[PictureView]:
    rows = {row["id"]: row for row in await connection.fetch(_PICTURES, ids)}
    return [_view(rows[wanted]) for wanted in ids]


def _view(row: asyncpg.Record) -> PictureView:
    return PictureView(**{name: value for name, value in row.items() if name != "id"})


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
    """Rows of the view."""
    return [_public(row) for row in await connection.fetch(_IMAGE_SCORES, listing_id, API_ROWS)]


def _public(row: asyncpg.Record) -> Row:
    return {name: _json(value) for name, value in row.items()}


def _json(value: datetime | UUID | Json) -> Json:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value
