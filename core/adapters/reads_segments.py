"""Markets and categories of the catalogue, to choose from."""

from __future__ import annotations

from core.adapters.postgres import Connection

CHOICES = 300
"""Markets and categories to choose from in the filter."""

# From pair to pair through the index, so that a million listings are not read for a dozen names.
_SEGMENT_NAMES = """
WITH RECURSIVE found AS (
    (SELECT market, coalesce(category, '') AS category FROM assay_data.listings
     ORDER BY market, coalesce(category, '') LIMIT 1)
    UNION ALL
    SELECT following.* FROM found CROSS JOIN LATERAL (
        SELECT market, coalesce(category, '') FROM assay_data.listings AS l
        WHERE (l.market, coalesce(l.category, '')) > (found.market, found.category)
        ORDER BY market, coalesce(category, '') LIMIT 1) AS following
)
SELECT market, category FROM found LIMIT $1
"""


async def segment_names(connection: Connection) -> list[tuple[str, str]]:
    """Markets and categories of the catalogue."""
    return [(row["market"], row["category"]) for row in await connection.fetch(_SEGMENT_NAMES, CHOICES)]
