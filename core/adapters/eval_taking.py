"""Pairs and pictures that live judges graded, chosen by segment, date, query or disagreement, for people to grade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from core.adapters.postgres import Connection, Pool, connection
from core.domain.task_keys import query_group

MOST_CANDIDATES = 50_000
"""Pairs looked at for one dataset: a person grades some hundred a day, and these are read in under a second."""

Where = Literal["all", "disagreement"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which live labels count; empty or None: all. By the newest label of each pair judged from `start` until before
    `end`."""

    start: datetime
    end: datetime
    where: Where = "all"
    application: str = ""
    market: str = ""
    query: str = ""
    label: str = ""
    reason: str = ""
    below: float | None = None
    """Confidence under which a label counts."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pair or picture that was judged. `known`: its listing as the catalogue has it, else as its task told it, in the
    shape of the topic `listings`; None where nobody tells of it any more."""

    application: str
    market: str
    language: str
    query: str
    context: str
    listing_id: str
    image_url: str
    known: Mapping[str, object] | None


_DISAGREEMENT = """
    EXISTS (SELECT 1 FROM assay_data.labels AS o
        WHERE o.application = c.application AND o.market = c.market AND o.query = c.query
            AND o.listing_id = c.listing_id AND o.content_hash = c.content_hash AND o.grade <> c.grade)
    OR EXISTS (SELECT 1 FROM assay_data.mode_labels AS m
        WHERE m.application = c.application AND m.market = c.market AND m.query = c.query
            AND m.listing_id = c.listing_id AND m.label <> c.label)
    OR EXISTS (SELECT 1 FROM assay_data.shadow_labels AS s WHERE s.live_event_id = c.event_id AND s.grade <> c.grade)
"""
"""Another judge, mode or candidate in the shadow graded the same pair otherwise; of a changed product, another pair."""

_LISTING = """
    CASE WHEN l.listing_id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object('listing_id', l.listing_id,
        'market', l.market, 'language', l.language, 'title', l.title, 'description', l.description, 'brand', l.brand,
        'category', l.category, 'price', jsonb_build_object('amount', l.price_amount, 'currency', l.price_currency),
        'attributes', l.attributes, 'image_urls', to_jsonb(l.image_urls))) END AS known
"""

# In the order of a hash, so that the first ones are a random draw that is the same each time.
_PAIRS = f"""
WITH newest AS (
    SELECT DISTINCT ON (application, market, query, listing_id) application, market, query, listing_id, label, grade,
        confidence, reason, content_hash, guideline_version, event_id
    FROM assay_data.labels
    WHERE judged_at >= $1 AND judged_at < $2 AND ($3 = '' OR application = $3) AND ($4 = '' OR market = $4)
        AND ($5 = '' OR query = $5)
    ORDER BY application, market, query, listing_id, judged_at DESC, id DESC
), chosen AS (
    SELECT * FROM newest AS c
    WHERE ($6 = '' OR c.label = $6) AND ($7 = '' OR c.reason = $7)
        AND ($8::float8 IS NULL OR c.confidence < $8) AND ($9 = 'all' OR {_DISAGREEMENT})
    ORDER BY md5(c.application || c.market || c.query || c.listing_id), c.event_id LIMIT $10
)
SELECT c.application, c.market, coalesce(g.language, '') AS language, c.query, coalesce(g.context, '') AS context,
    c.listing_id, '' AS image_url, {_LISTING}
FROM chosen AS c
LEFT JOIN LATERAL (
    SELECT language, context FROM assay_data.guidelines AS g
    WHERE g.market = c.market AND g.query = c.query AND g.version = c.guideline_version LIMIT 1
) AS g ON true
LEFT JOIN assay_data.listings AS l ON l.listing_id = c.listing_id AND NOT l.deleted
ORDER BY md5(c.application || c.market || c.query || c.listing_id), c.event_id
"""  # noqa: S608 - only constants of this file enter

_PICTURES = f"""
WITH newest AS (
    SELECT DISTINCT ON (listing_id, image_url) listing_id, image_url, image_hash, score, event_id
    FROM assay_data.image_scores WHERE judged_at >= $1 AND judged_at < $2
    ORDER BY listing_id, image_url, judged_at DESC, id DESC
)
SELECT 'default' AS application, coalesce(l.market, '') AS market, coalesce(l.language, '') AS language, '' AS query,
    '' AS context, c.listing_id, c.image_url, {_LISTING}
FROM newest AS c LEFT JOIN assay_data.listings AS l ON l.listing_id = c.listing_id AND NOT l.deleted
WHERE ($3 = '' OR l.market = $3) AND ($4 = 'all'
    OR EXISTS (SELECT 1 FROM assay_data.image_scores AS o WHERE o.image_hash = c.image_hash AND o.score <> c.score)
    OR EXISTS (SELECT 1 FROM assay_data.shadow_scores AS s WHERE s.live_event_id = c.event_id AND s.score <> c.score))
ORDER BY md5(c.listing_id || c.image_url), c.event_id LIMIT $5
"""  # noqa: S608 - only constants of this file enter

_TOLD = """
SELECT DISTINCT ON (application, listing_id, group_key) subject ->> 'application' AS application,
    subject ->> 'listing_id' AS listing_id, group_key, payload -> 'listing' AS listing
FROM assay_data.tasks
WHERE group_key = ANY ($1::text[]) AND kind = 'relevance' AND payload ? 'listing'
ORDER BY application, listing_id, group_key, created_at DESC
"""


async def chosen_pairs(pool: Pool, choice: Choice) -> list[Chosen]:
    """At most 50,000, in an order that is random and always the same."""
    asked = (choice.start, choice.end, choice.application, choice.market, choice.query, choice.label, choice.reason)
    async with connection(pool) as held:
        rows = await held.fetch(_PAIRS, *asked, choice.below, choice.where, MOST_CANDIDATES)
        told = await _told(held, [row for row in rows if row["known"] is None])
    return [_chosen(row, told.get(_key(row))) for row in rows]


async def chosen_pictures(pool: Pool, choice: Choice) -> list[Chosen]:
    """As the pairs; a score has neither query nor label nor reason nor confidence."""
    async with connection(pool) as held:
        rows = await held.fetch(_PICTURES, choice.start, choice.end, choice.market, choice.where, MOST_CANDIDATES)
    return [_chosen(row, None) for row in rows]


async def _told(held: Connection, rows: Iterable[asyncpg.Record]) -> dict[tuple[str, str, str], Mapping[str, object]]:
    """Products that only the task told of, by application, listing and group of the task."""
    groups = sorted({_key(row)[2] for row in rows})
    found: Sequence[asyncpg.Record] = await held.fetch(_TOLD, groups) if groups else []
    return {(row["application"], row["listing_id"], row["group_key"]): row["listing"] for row in found}


def _key(row: asyncpg.Record) -> tuple[str, str, str]:
    group = query_group(row["application"], row["market"], row["query"], row["context"])
    return row["application"], row["listing_id"], group


def _chosen(row: asyncpg.Record, told: Mapping[str, object] | None) -> Chosen:
    known = row["known"] or told
    return Chosen(**{**dict(row), "known": known})
