"""Alerts about picture scores, and days that were looked at, in PostgreSQL: `ImageAlerts`, `ImageWatchDays`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from core.adapters.postgres import Pool, connection, encode_json, transaction
from core.image_ports import ImageAlert

_SAVE = """
INSERT INTO assay_data.image_alerts (alert_id, kind, segment, metric, before, after, detected_at, evidence)
SELECT alert_id, kind, segment::jsonb, metric, before, after, detected_at, evidence::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[], $7::timestamptz[], $8::text[])
    AS a (alert_id, kind, segment, metric, before, after, detected_at, evidence)
ON CONFLICT (alert_id) DO NOTHING RETURNING 1
"""

_SINCE = """
SELECT alert_id, kind, segment, metric, before, after, detected_at, evidence
FROM assay_data.image_alerts WHERE detected_at >= $1 ORDER BY detected_at DESC, alert_id
"""


class PostgresImageAlerts:
    """Port `ImageAlerts`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, alerts: Sequence[ImageAlert]) -> int:
        if not alerts:
            return 0
        async with transaction(self._pool) as held:
            return len(await held.fetch(_SAVE, *map(list, zip(*map(_row, alerts), strict=True))))

    async def since(self, moment: datetime) -> list[ImageAlert]:
        async with connection(self._pool) as held:
            return [ImageAlert(*row) for row in await held.fetch(_SINCE, moment)]


class PostgresImageWatchDays:
    """Port `ImageWatchDays`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last(self, watch: str) -> date | None:
        async with connection(self._pool) as held:
            rows = await held.fetch("SELECT max(day) FROM assay_data.image_watch_days WHERE watch = $1", watch)
        return rows[0][0] if rows else None

    async def looked(self, watch: str, day: date, at: datetime) -> None:
        async with connection(self._pool) as held:
            await held.execute(
                "INSERT INTO assay_data.image_watch_days (watch, day, looked_at) VALUES ($1, $2, $3) "
                "ON CONFLICT (watch, day) DO UPDATE SET looked_at = excluded.looked_at",
                watch,
                day,
                at,
            )


def _row(alert: ImageAlert) -> tuple[object, ...]:
    return (
        alert.alert_id,
        alert.kind,
        encode_json(dict(alert.segment)),
        alert.metric,
        alert.before,
        alert.after,
        alert.detected_at,
        encode_json(dict(alert.evidence)),
    )
