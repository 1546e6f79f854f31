"""Listings as the stream last told them, read for judging."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from core.adapters.postgres import Pool, connection
from core.ports import Listing

_LISTINGS = """
SELECT listing_id, market, language, title, description, brand, category, price_amount, price_currency, attributes,
    image_urls, content_hash
FROM assay_data.listings WHERE listing_id = ANY ($1::text[]) AND NOT deleted
"""


class PostgresCatalogue:
    """`Catalogue`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def listings(self, ids: Sequence[str]) -> dict[str, Listing]:
        """The known, undeleted ones among `ids`."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_LISTINGS, list(ids))
        return {row["listing_id"]: _listing(row) for row in rows}


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
