"""Statements of `core.adapters.buyers`."""

from __future__ import annotations

DAYS = """
SELECT day, read_at, is_whole, searches, impressions, automated, unmatched, note
FROM assay_data.buyer_days WHERE day BETWEEN $1 AND $2 ORDER BY day
"""

FORGET = "DELETE FROM assay_data.buyer_days WHERE day = $1 OR day < $2"
"""What belongs to a day goes with it."""

SAVE_DAY = """
INSERT INTO assay_data.buyer_days (day, read_at, is_whole, searches, impressions, automated, unmatched, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

EXPOSURE_COLUMNS = (
    "day",
    "application",
    "market",
    "listing_id",
    "position",
    "impressions",
    "clicks",
    "carts",
    "purchases",
)
PAIR_COLUMNS = ("day", "application", "market", "query_hash", "listing_id", "position", "impressions", "clicks")

MARKETS = """
WITH RECURSIVE found AS (
    SELECT d.day, f.application, f.market FROM assay_data.buyer_days AS d CROSS JOIN LATERAL (
        SELECT application, market FROM assay_data.buyer_exposures AS e WHERE e.day = d.day
        ORDER BY application, market LIMIT 1
    ) AS f WHERE d.day BETWEEN $1 AND $2
    UNION ALL
    SELECT b.day, f.application, f.market FROM found AS b CROSS JOIN LATERAL (
        SELECT application, market FROM assay_data.buyer_exposures AS e
        WHERE e.day = b.day AND (e.application, e.market) > (b.application, b.market)
        ORDER BY application, market LIMIT 1
    ) AS f
)
SELECT DISTINCT application, market FROM found ORDER BY application, market
"""
"""From market to market along the key: a week holds tens of millions of rows, and a few names."""

PAIRS = """
SELECT dense_rank() OVER (ORDER BY query_hash, listing_id) - 1 AS pair, position, impressions, clicks
FROM (
    SELECT query_hash, listing_id, position, sum(impressions)::float8 AS impressions, sum(clicks)::float8 AS clicks,
        count(*) OVER pair AS places, sum(sum(clicks)) OVER pair AS clicked
    FROM assay_data.buyer_pairs
    WHERE day BETWEEN $3 AND $4 AND application = $1 AND market = $2
    GROUP BY query_hash, listing_id, position WINDOW pair AS (PARTITION BY query_hash, listing_id)
) AS summed
WHERE places > 1 AND clicked > 0 ORDER BY query_hash, listing_id, position
"""
"""Pairs that say something of places alone: all of them are millions of rows of four weeks."""

FORGET_CURVE = "DELETE FROM assay_data.buyer_propensities WHERE day = $1 AND application = $2 AND market = $3"

CURVE_COLUMNS = ("day", "application", "market", "position", "propensity", "clicks", "method")

CURVE = """
SELECT propensity, clicks, method FROM assay_data.buyer_propensities
WHERE day = $1 AND application = $2 AND market = $3 ORDER BY position
"""

BOUGHT = """
SELECT e.listing_id, coalesce(l.category, ''), l.price_amount, e.impressions, e.examined, e.clicks, e.carts, e.purchases
FROM (
    SELECT listing_id, sum(impressions)::bigint AS impressions, sum(impressions * ($5::float8[])[position]) AS examined,
        sum(clicks)::bigint AS clicks, sum(carts)::bigint AS carts, sum(purchases)::bigint AS purchases
    FROM assay_data.buyer_exposures
    WHERE day BETWEEN $3 AND $4 AND application = $1 AND market = $2 AND position <= cardinality($5::float8[])
    GROUP BY listing_id
) AS e JOIN assay_data.listings AS l USING (listing_id)
ORDER BY e.listing_id
"""

SCORED = """
SELECT l.listing_id, s.tier, u.place, s.score
FROM assay_data.listings AS l
CROSS JOIN LATERAL unnest(l.image_urls) WITH ORDINALITY AS u (url, place)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (tier) tier, score FROM assay_data.image_scores AS s
    WHERE s.listing_id = l.listing_id AND s.image_url = u.url AND s.judged_at < $2
    ORDER BY tier, judged_at DESC, id DESC
) AS s
WHERE l.listing_id = ANY ($1::text[])
ORDER BY l.listing_id, s.tier, u.place
"""

AGREEMENT_COLUMNS = (
    "day",
    "days",
    "application",
    "market",
    "category",
    "tier",
    "measure",
    "action",
    "listings",
    "impressions",
    "correlation",
    "low",
    "high",
    "kendall",
    "lift_per_point",
    "lift_low",
    "lift_high",
    "method",
    "note",
)

AGREEMENT = f"""
SELECT {", ".join(AGREEMENT_COLUMNS)} FROM assay_data.buyer_agreement WHERE day BETWEEN $1 AND $2
ORDER BY day, days, application, market, category, tier, measure, action
"""  # noqa: S608 - made of the names above

FORGET_AGREEMENT = "DELETE FROM assay_data.buyer_agreement WHERE day = $1"
