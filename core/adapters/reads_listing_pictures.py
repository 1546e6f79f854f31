"""One listing's pictures with all that is known of each. Each function uses one connection; every list is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import asyncpg

from core.adapters.postgres import Connection
from core.adapters.reads_judgements import LISTING_SCORE
from core.adapters.reads_pictures import VIEW, VIEWED, view
from core.picture_models import AlikePicture, BuyerDay, ListingPictures, PictureStory, PictureTask, PictureView

MAX_PICTURES = 40
"""Pictures side by side: shops show 8 to 20 of a listing; further ones are scored, but not shown here."""

HISTORY = 20
"""Scores of one picture: a score a judge version, years of them."""

ALIKE = 8
"""Look-alikes of one picture: the page of near-duplicates has all."""

BUYER_DAYS = 60
"""Days of what buyers did: two months of one market."""

LOOKED_AT = 500
"""Look-alikes of one picture among which the closest are chosen: a stock photo may have thousands."""

TASKS = 100
"""Tasks of a listing, newest first: two a picture and a judge version."""

_LISTING = """
SELECT listing_id, deleted, title, market, coalesce(category, '') AS category, coalesce(brand, '') AS brand,
    price_amount, coalesce(price_currency, '') AS price_currency, image_urls
FROM assay_data.listings WHERE listing_id = $1
"""

# What it shows, in its order, then what it showed once and was scored.
_ADDRESSES = """
WITH shown AS (
    SELECT url, min(place)::int - 1 AS place FROM unnest($2::text[]) WITH ORDINALITY AS u(url, place) GROUP BY url
), all_of_it AS (
    SELECT url, place FROM shown
    UNION ALL
    SELECT DISTINCT image_url, NULL::int FROM assay_data.image_scores
    WHERE listing_id = $1 AND image_url <> ALL($2::text[])
)
SELECT a.url, a.place, coalesce(u.image_hash, '') AS image_hash, p.image_hash IS NOT NULL AS has_thumbnail,
    p.width, p.height, p.byte_size, coalesce(p.media_type, '') AS media_type, u.fetched_at, p.measures
FROM all_of_it AS a LEFT JOIN assay_data.picture_urls AS u USING (url)
LEFT JOIN assay_data.pictures AS p USING (image_hash)
ORDER BY a.place NULLS LAST, a.url LIMIT $3
"""

_SCORES = f"""
SELECT found.* FROM unnest($2::text[]) AS asked(url) CROSS JOIN LATERAL (
    SELECT s.id, {VIEW} FROM {VIEWED}
    WHERE s.listing_id = $1 AND s.image_url = asked.url ORDER BY s.judged_at DESC, s.id DESC LIMIT $3
) AS found ORDER BY found.image_url, found.judged_at DESC, found.id DESC
"""  # noqa: S608 - parts of these files alone

# Those of the very same picture, also one too plain for a perceptual hash, and those of its group of look-alikes.
_ALIKE = """
SELECT asked.image_hash AS of, found.* FROM unnest($2::text[]) AS asked(image_hash)
LEFT JOIN assay_data.pictures AS mine USING (image_hash)
CROSS JOIN LATERAL (
    SELECT each.*, l.title, p.image_hash IS NOT NULL AS has_thumbnail FROM (
        SELECT DISTINCT ON (listing_id) * FROM (
            (SELECT listing_id, image_url, image_hash, '' AS seller, 0 AS distance FROM assay_data.image_scores
             WHERE image_hash = asked.image_hash AND listing_id <> $1 LIMIT $4)
            UNION ALL
            (SELECT s.listing_id, s.image_url, s.image_hash, s.seller, assay_data.phash_distance(s.phash, mine.phash)
             FROM assay_data.phash_groups AS g
             JOIN assay_data.phash_groups AS m ON m.first_phash = g.first_phash
             JOIN assay_data.picture_sightings AS s ON s.phash = m.phash
             WHERE g.phash = mine.phash AND s.listing_id <> $1 LIMIT $4)
        ) AS any_of ORDER BY listing_id, distance, seller DESC
    ) AS each
    LEFT JOIN assay_data.listings AS l USING (listing_id)
    LEFT JOIN assay_data.pictures AS p USING (image_hash)
    ORDER BY distance, listing_id LIMIT $3
) AS found
"""

_TASKS = """
SELECT task_id::text AS task_id, kind, lane, coalesce(subject ->> 'image_url', '') AS image_url, state, reason,
    attempts, created_at, CASE WHEN state = 'waiting' THEN not_before END AS not_before, finished_at
FROM assay_data.tasks
WHERE subject ->> 'listing_id' = $1 AND kind IN ('image', 'image_label', 'shadow_image')
ORDER BY created_at DESC, task_id LIMIT $2
"""

_BUYERS = """
SELECT application, market, day, impressions, examined, clicks, carts, purchases, rate
FROM assay.buyer_rates WHERE listing_id = $1 ORDER BY day DESC, application, market LIMIT $2
"""


async def listing(connection: Connection, listing_id: str) -> ListingPictures | None:
    """All of it; None where neither the catalogue nor any score or task knows the listing."""
    row = await connection.fetchrow(_LISTING, listing_id)
    stories = await _stories(connection, listing_id, row["image_urls"] if row else [])
    tasks = [PictureTask(**each) for each in await connection.fetch(_TASKS, listing_id, TASKS)]
    if row is None and not stories and not tasks:
        return None
    told = dict(row) if row else {}
    score = await connection.fetchrow(LISTING_SCORE, listing_id)
    return ListingPictures(
        listing_id=listing_id,
        known=row is not None,
        deleted=told.get("deleted", False),
        title=told.get("title", ""),
        market=told.get("market", ""),
        category=told.get("category", ""),
        brand=told.get("brand", ""),
        price_amount=told.get("price_amount"),
        price_currency=told.get("price_currency", ""),
        pictures=stories,
        tasks=tasks,
        score=dict(score) if score else {},
        buyers=[BuyerDay(**row) for row in await connection.fetch(_BUYERS, listing_id, BUYER_DAYS)],
    )


async def _stories(connection: Connection, listing_id: str, urls: Sequence[str]) -> list[PictureStory]:
    rows = await connection.fetch(_ADDRESSES, listing_id, urls, MAX_PICTURES)
    found = await connection.fetch(_SCORES, listing_id, [row["url"] for row in rows], HISTORY)
    scores = {url: [view(each) for each in of] for url, of in groupby(found, key=lambda each: str(each["image_url"]))}
    alike = await _alike(connection, listing_id, sorted({row["image_hash"] for row in rows if row["image_hash"]}))
    return [_story(row, scores.get(row["url"], []), alike.get(row["image_hash"], [])) for row in rows]


def _story(row: asyncpg.Record, scores: Sequence[PictureView], alike: Sequence[AlikePicture]) -> PictureStory:
    told = {name: value for name, value in row.items() if name not in ("url", "measures")}
    return PictureStory(
        image_url=row["url"], measures=row["measures"] or {}, scores=list(scores), alike=list(alike), **told
    )


async def _alike(connection: Connection, listing_id: str, hashes: Sequence[str]) -> dict[str, list[AlikePicture]]:
    found: dict[str, list[AlikePicture]] = {}
    for row in await connection.fetch(_ALIKE, listing_id, hashes, ALIKE, LOOKED_AT):
        told = {name: value for name, value in row.items() if name != "of"}
        found.setdefault(row["of"], []).append(AlikePicture(**told))
    return found
