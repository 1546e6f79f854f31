"""Alerts that relevance drifted, and the nights around one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, timedelta
from uuid import UUID

import asyncpg

from core.adapters.postgres import Connection
from core.domain.friction import Z_95, wilson_lower
from core.read_models import AlertStory, AlertView, Json, NightValue

LISTED = 100
"""Alerts on a page: years of them, as each segment may raise one falsely in 900 nights."""

NIGHTS_BEFORE, NIGHTS_AFTER = 28, 14
"""Nights around an alert that are plotted: the long window of DRIFT.md, and twice the time to the final verdict."""

_COLUMNS = "alert_id, segment, cause, metric, before, after, detected_at, status, evidence"
_ALERTS = f"SELECT {_COLUMNS} FROM assay_data.alerts ORDER BY detected_at DESC, alert_id LIMIT $1"  # noqa: S608
_ALERT = f"SELECT {_COLUMNS} FROM assay_data.alerts WHERE alert_id = $1"  # noqa: S608

# A query's gain is the mean over its judged slots, the night's the mean over queries, as all statistics are (DRIFT.md).
_GAINS = """
WITH gains AS (
    SELECT night, query, application, market, engine, avg(grade / 2.0)::float8 AS gain, max(weight) AS weight
    FROM assay_data.panel_slots
    WHERE night BETWEEN $1 AND $2 AND grade IS NOT NULL AND ($3 = 'all' OR application = $3)
        AND ($4 = 'all' OR market = $4) AND ($5 = 'all' OR language = $5) AND ($6 = 'all' OR volume_band = $6)
        AND ($7 = 'all' OR engine = $7)
    GROUP BY night, query, application, market, engine
)
SELECT night, avg(gain) AS mean, (sum(gain * weight) / nullif(sum(weight), 0)) AS weighted,
    coalesce(stddev_samp(gain), 0) / sqrt(count(*)) AS error, count(*) AS n
FROM gains GROUP BY night ORDER BY night
"""

# An anchor flips where its grade differs from the middle of its first three (DRIFT.md).
_FLIPS = """
WITH placed AS (
    SELECT anchor_id, night, grade, row_number() OVER (PARTITION BY anchor_id ORDER BY night) AS place
    FROM assay_data.anchor_outcomes
), usual AS (
    SELECT anchor_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY grade) AS grade
    FROM placed WHERE place <= 3 GROUP BY anchor_id
)
SELECT placed.night, count(*) FILTER (WHERE placed.grade <> usual.grade) AS flips, count(*) AS n
FROM placed JOIN usual USING (anchor_id)
WHERE placed.place > 3 AND placed.night BETWEEN $1 AND $2 GROUP BY placed.night ORDER BY placed.night
"""


async def alerts(connection: Connection) -> list[AlertView]:
    """The newest, newest first."""
    return [_view(row) for row in await connection.fetch(_ALERTS, LISTED)]


async def alert(connection: Connection, alert_id: UUID) -> AlertStory | None:
    """One with its nights."""
    row = await connection.fetchrow(_ALERT, alert_id)
    if row is None:
        return None
    night = row["detected_at"].astimezone(UTC).date()
    span = (night - timedelta(days=NIGHTS_BEFORE), night + timedelta(days=NIGHTS_AFTER))
    if row["metric"] == "anchor_flip_rate":
        return AlertStory(_view(row), await _flips(connection, span))
    weighted = row["metric"] == "weighted_mean_gain"
    return AlertStory(_view(row), await _gains(connection, span, row["segment"], weighted=weighted))


def _view(row: asyncpg.Record) -> AlertView:
    return AlertView(**{**row, "alert_id": str(row["alert_id"])})


async def _flips(connection: Connection, span: tuple[date, date]) -> list[NightValue]:
    rows = await connection.fetch(_FLIPS, *span)
    return [_flip_rate(row["night"], row["flips"], row["n"]) for row in rows]


def _flip_rate(night: date, flips: int, n: int) -> NightValue:
    return NightValue(night, flips / n, wilson_lower(flips, n), 1 - wilson_lower(n - flips, n), n)


async def _gains(
    connection: Connection, span: tuple[date, date], segment: Mapping[str, Json], *, weighted: bool
) -> list[NightValue]:
    names = ("application", "market", "language", "volume_band", "engine")
    rows = await connection.fetch(_GAINS, *span, *(str(segment.get(name) or "all") for name in names))
    return [
        _gain(row["night"], row["weighted" if weighted else "mean"], row["error"], row["n"])
        for row in rows
        if not weighted or row["weighted"] is not None
    ]


def _gain(night: date, value: float, error: float, n: int) -> NightValue:
    return NightValue(night, value, max(0.0, value - Z_95 * error), min(1.0, value + Z_95 * error), n)
