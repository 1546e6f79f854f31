"""How many pictures carry a flag, by window and segment, in PostgreSQL: port `FlagCounts`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

from core.adapters.postgres import Pool, connection
from core.domain.images.flags import FlagCount
from core.domain.judging import PictureFlag

_COUNTS = """
WITH newest AS (
    SELECT DISTINCT ON (listing_id, image_url) listing_id, image_url, image_hash, flags, judge, judged_at
    FROM assay_data.image_scores WHERE tier = 'llm' AND judged_at >= $1 AND judged_at < $3
    ORDER BY listing_id, image_url, judged_at DESC, id DESC
), told AS (
    SELECT n.judged_at >= $2 AS recent, l.market, coalesce(l.category, '') AS category,
        (n.judged_at AT TIME ZONE 'UTC')::date AS day,
        coalesce(nullif(l.attributes ->> $5, ''), l.listing_id) AS seller,
        n.image_hash, n.flags, concat_ws(' after ', n.judge, (
            SELECT s.prompt_version FROM assay_data.image_scores AS s
            WHERE s.listing_id = n.listing_id AND s.image_url = n.image_url AND s.tier = 'student'
                AND s.judged_at <= n.judged_at
            ORDER BY s.judged_at DESC, s.id DESC LIMIT 1
        )) AS way
    FROM newest AS n JOIN assay_data.listings AS l USING (listing_id)
), placed AS (
    SELECT recent, market, place.category, day, seller, image_hash, flags, way
    FROM told CROSS JOIN LATERAL unnest(CASE category WHEN '' THEN ARRAY[''] ELSE ARRAY['', category] END)
        AS place (category)
), days AS (
    SELECT recent, market, category, way, count(DISTINCT day) AS days FROM placed GROUP BY 1, 2, 3, 4
), sellers AS (
    SELECT recent, market, category, f.flag, way, count(DISTINCT image_hash) AS pictures,
        count(DISTINCT image_hash) FILTER (WHERE f.flag = ANY (flags)) AS flagged
    FROM placed CROSS JOIN unnest($4::text[]) AS f (flag)
    GROUP BY recent, market, category, f.flag, way, seller
)
SELECT recent, market, category, flag, way, days, count(*) AS sellers, count(*) FILTER (WHERE flagged > 0),
    sum(pictures)::bigint, sum(flagged)::bigint, sum(pictures * pictures)::bigint, sum(flagged * flagged)::bigint,
    sum(pictures * flagged)::bigint
FROM sellers JOIN days USING (recent, market, category, way)
GROUP BY recent, market, category, flag, way, days ORDER BY recent, market, category, flag, way
"""
"""`way`: the judge version, and the student that sent it the picture where one did. Deleted listings keep their rows
and count: what a trust team takes down would else make its own past look clean. A picture counts once a seller, in its
category and (category '') in its market."""


READ_S = 600.0
"""Seconds for the counts of five weeks: a minute for a million scores on a slow disk, and ten times the room."""


class PostgresFlagCounts:
    """Port `FlagCounts`. `seller`: the setting `listing_seller_attribute`."""

    def __init__(self, pool: Pool, seller: str) -> None:
        self._pool = pool
        self._seller = seller

    async def flag_counts(self, first: date, recent_from: date, last: date) -> list[FlagCount]:
        days = (first, recent_from, last + timedelta(days=1))
        moments = [datetime.combine(day, time(), UTC) for day in days]
        async with connection(self._pool) as held:
            rows = await held.fetch(_COUNTS, *moments, get_args(PictureFlag), self._seller, timeout=READ_S)
        return [FlagCount(*row) for row in rows]
