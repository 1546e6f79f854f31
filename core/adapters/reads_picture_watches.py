"""What watches over picture scores see: flags, agreement with buyers, alerts. Each function uses one connection."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import asyncpg

from core.adapters.postgres import Connection
from core.adapters.reads_segments import segment_names
from core.domain.judging import PictureFlag
from core.picture_watch_models import (
    BuyerAgreement,
    BuyerFilter,
    BuyerReport,
    FlagCount,
    FlagReport,
    PictureAlertView,
)

FLAGS: tuple[str, ...] = get_args(PictureFlag)

ALERTS = 50
"""Alerts on a page: a year of them, as each segment seldom raises one."""

NEW_FOR = timedelta(days=7)
"""How long an alert counts as new on the first page: someone looks at least weekly."""

SEGMENTS = 200
"""Segments in a table, the largest: more nobody reads."""

AGREEMENTS = 20_000
"""Rows of agreement over time that are drawn: a year of fifty segments."""

_ALERTS = """
SELECT alert_id::text AS alert_id, kind, segment, metric, before, after, detected_at, evidence
FROM assay.image_alerts WHERE ($1 = '' OR kind = $1) ORDER BY detected_at DESC, alert_id LIMIT $2
"""

_ALERTS_SINCE = "SELECT count(*) FROM assay.image_alerts WHERE detected_at > $1"

# As `assay.image_flag_shares`, whose every row is looked at before a day can be chosen: here the window comes first.
_COUNTS = ", ".join(f"count(*) FILTER (WHERE '{name}' = ANY(flags)) AS {name}" for name in FLAGS)
_FLAGS = f"""
WITH newest AS (
    SELECT DISTINCT ON (listing_id, image_url) listing_id, image_hash, flags, judged_at FROM assay_data.image_scores
    WHERE tier = 'llm' AND judged_at > $1 ORDER BY listing_id, image_url, judged_at DESC, id DESC
), different AS (
    SELECT DISTINCT ON (day, market, category, image_hash) * FROM (
        SELECT (s.judged_at AT TIME ZONE 'UTC')::date AS day, coalesce(l.market, '') AS market,
            coalesce(l.category, '') AS category, s.image_hash, s.flags
        FROM newest AS s LEFT JOIN assay_data.listings AS l USING (listing_id) WHERE $2 = '' OR l.market = $2
    ) AS each ORDER BY day, market, category, image_hash, flags DESC
), counted AS (
    SELECT day, market, category, count(*) AS pictures, {_COUNTS} FROM different
    GROUP BY GROUPING SETS ((day), (market, category))
)
(SELECT * FROM counted WHERE day IS NOT NULL ORDER BY day)
UNION ALL
(SELECT * FROM counted WHERE day IS NULL ORDER BY pictures DESC, market, category LIMIT $3)
"""  # noqa: S608 - the flags' own names

_AGREEMENT = """
SELECT application, market, day, category, tier, action, listings, impressions, correlation, low, high, lift_per_point,
    lift_low, lift_high, method, note
FROM assay.buyer_agreement_windows
WHERE day > $1 AND days = $2 AND measure = $3 AND ($4 = '' OR application = $4) AND ($5 = '' OR market = $5)
    AND ($6 = '' OR tier = $6) AND ($7 = '' OR action = $7)
"""

_OVER_TIME = f"{_AGREEMENT} AND category = '' ORDER BY application, market, tier, action, day LIMIT $8"

_BY_CATEGORY = f"""{_AGREEMENT} AND category <> ''
    AND day = (SELECT max(day) FROM assay_data.buyer_agreement WHERE category = '')
ORDER BY impressions DESC, application, market, category, tier, action LIMIT $8
"""  # noqa: S608 - parts of this file alone

_NAMES = """
SELECT DISTINCT application, market FROM assay_data.buyer_agreement
WHERE day = (SELECT max(day) FROM assay_data.buyer_agreement WHERE category = '') AND category = ''
"""


async def alerts(connection: Connection, kind: str = "") -> list[PictureAlertView]:
    """The newest, newest first; of one kind, or all."""
    return [PictureAlertView(**row) for row in await connection.fetch(_ALERTS, kind, ALERTS)]


async def alerts_since(connection: Connection, now: datetime) -> int:
    """How many are new."""
    found: int = await connection.fetchval(_ALERTS_SINCE, now - NEW_FOR)
    return found


async def flags(connection: Connection, now: datetime, days: int, market: str) -> FlagReport:
    """By day, by segment, and alerts."""
    rows = await connection.fetch(_FLAGS, now - timedelta(days=days), market, SEGMENTS)
    names = await segment_names(connection)
    return FlagReport(
        days=days,
        market=market,
        by_day=[(row["day"], _flagged(row)) for row in rows if row["day"] is not None],
        by_segment=[(row["market"], row["category"], _flagged(row)) for row in rows if row["day"] is None],
        alerts=await alerts(connection, "flags"),
        markets=sorted({each for each, _ in names}),
    )


async def buyers(connection: Connection, now: datetime, wanted: BuyerFilter) -> BuyerReport:
    """Over time, and by category on the newest day."""
    since = (now - timedelta(days=wanted.days)).date()
    told = (since, wanted.over, wanted.measure, wanted.application, wanted.market, wanted.tier, wanted.action)
    names = await connection.fetch(_NAMES)
    return BuyerReport(
        wanted=wanted,
        rows=[BuyerAgreement(**row) for row in await connection.fetch(_OVER_TIME, *told, AGREEMENTS)],
        categories=[BuyerAgreement(**row) for row in await connection.fetch(_BY_CATEGORY, *told, SEGMENTS)],
        alerts=await alerts(connection, "buyers"),
        applications=sorted({row["application"] for row in names}),
        markets=sorted({row["market"] for row in names}),
    )


def _flagged(row: asyncpg.Record) -> FlagCount:
    return FlagCount(row["pictures"], {name: row[name] for name in FLAGS})
