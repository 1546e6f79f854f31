"""Listings as the stream last told them, read for judging."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from core.adapters.postgres import Pool, connection
from core.adapters.together import Together
from core.ports import Listing

_LISTINGS = """
SELECT listing_id, market, language, title, description, brand, category, price_amount, price_currency, attributes,
    image_urls, content_hash
FROM assay_data.listings WHERE listing_id = ANY ($1::text[]) AND NOT deleted
"""

READS = 50
"""Readers of one statement: a thousand listings with their texts are 2 MB."""


class PostgresCatalogue:
    """`Catalogue`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read: Together[Sequence[str], dict[str, Listing]] = Together(self._listings, READS)

    async def listings(self, ids: Sequence[str]) -> dict[str, Listing]:
        """The known, undeleted ones among `ids`; several callers' are read by one statement."""
        return await self._read(ids)

    async def _listings(self, asked: Sequence[Sequence[str]]) -> list[dict[str, Listing]]:
        wanted = {listing_id for ids in asked for listing_id in ids}
        async with connection(self._pool) as held:
            rows = await held.fetch(_LISTINGS, list(wanted))
        known = {row["listing_id"]: _listing(row) for row in rows}
        return [{listing_id: known[listing_id] for listing_id in ids if listing_id in known} for ids in asked]


def _listing(row: asyncpg.Record) -> Listing:
    return Listing(
        listing_id=row["listing_id"],
        market=row["market"],
        language=row["language"],
        title=row["title"],
        description=row["description"],
        brand=row["brand"],
        category=row["category"],
        price_amount=row["price_amount"],
        price_currency=row["price_currency"],
        attributes=row["attributes"],
        image_urls=tuple(row["image_urls"]),
        content_hash=row["content_hash"],
    )
