"""Rows of pictures that listings show, put straight into the database."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from core.adapters.postgres import Pool


async def insert_picture(pool: Pool, image_hash: str, phash: int | None, at: datetime, thumbnail: bytes = b"x") -> None:
    """A picture that was fetched."""
    await pool.execute(
        """INSERT INTO assay_data.pictures
            (image_hash, media_type, width, height, byte_size, measures, thumbnail, first_seen, phash)
        VALUES ($1, 'image/jpeg', 9, 9, 9, '{}', $2, $3, $4) ON CONFLICT DO NOTHING""",
        image_hash,
        thumbnail,
        at,
        phash,
    )


async def insert_score(
    pool: Pool, listing_id: str, image_hash: str, at: datetime, *, tier: str = "llm", alike_of: str = ""
) -> None:
    """A score of a listing's picture."""
    await pool.execute(
        """INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score,
            aspects, reasoning, tier, model, fingerprint, prompt_version, judged_at, alike_of)
        VALUES ($1::uuid, $1::uuid::text, $2, 'http://shop.test/' || $2, $3, 6, '{}', 'Sharp.', $4, 'm', 'm', 'p',
            $5, $6)""",
        uuid4(),
        listing_id,
        image_hash,
        tier,
        at,
        alike_of,
    )


async def insert_listing(pool: Pool, listing_id: str, seller: str, told_at: datetime, market: str = "de") -> None:
    """A listing of the catalogue; an empty seller is not named."""
    await pool.execute(
        """INSERT INTO assay_data.listings (listing_id, market, title, attributes, image_urls, content_hash, deleted,
            run, told_at)
        VALUES ($1, $2, 'Lamp ' || $1, jsonb_build_object('seller', $3::text), '{}', 'c', false, 'live', $4)""",
        listing_id,
        market,
        seller,
        told_at,
    )
