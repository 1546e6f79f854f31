"""The newest pane of each application, found by the index of a few days instead of all there are."""

from __future__ import annotations

from datetime import datetime

from core.adapters.postgres import Connection
from core.domain.timestamps import EPOCH

_SINCE = """
SELECT day::timestamp AT TIME ZONE 'UTC' FROM assay_data.history_days WHERE history = 'panes'
ORDER BY day DESC OFFSET 9 LIMIT 1
"""
"""The tenth newest day that is known: three are made ahead, and a week holds the newest pane of all that still live."""

# Steps from one application to the next by the index, and from its newest hour down by the same.
_NEWEST = """
WITH RECURSIVE names AS (
    (SELECT application FROM assay_data.panes WHERE run = $1 AND hour >= $2 ORDER BY application LIMIT 1)
    UNION ALL
    SELECT later.application FROM names CROSS JOIN LATERAL (
        SELECT p.application FROM assay_data.panes AS p
        WHERE p.run = $1 AND p.hour >= $2 AND p.application > names.application ORDER BY p.application LIMIT 1) AS later
)
SELECT names.application, newest.hour FROM names CROSS JOIN LATERAL (
    SELECT p.hour FROM assay_data.panes AS p
    WHERE p.run = $1 AND p.hour >= $2 AND p.application = names.application ORDER BY p.hour DESC LIMIT 1) AS newest
"""


async def newest_hour(held: Connection, run: str) -> datetime | None:
    """The hour of a run's newest pane; None without any."""
    recent = await held.fetch(_NEWEST, run, await held.fetchval(_SINCE) or EPOCH)
    found = recent or await held.fetch(_NEWEST, run, EPOCH)
    return max((row["hour"] for row in found), default=None)


async def newest_hours(held: Connection, run: str) -> dict[str, datetime]:
    """The hour of the newest pane of each application, also of one that has long been silent: looks at every day."""
    return {row["application"]: row["hour"] for row in await held.fetch(_NEWEST, run, EPOCH)}
