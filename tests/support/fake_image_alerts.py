"""Alerts about picture scores, and days looked at, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from core.image_ports import ImageAlert


class FakeImageAlerts:
    """core.image_ports.ImageAlerts."""

    def __init__(self) -> None:
        self.kept: dict[UUID, ImageAlert] = {}

    async def save(self, alerts: Sequence[ImageAlert]) -> int:
        before = len(self.kept)
        for alert in alerts:
            self.kept.setdefault(alert.alert_id, alert)
        return len(self.kept) - before

    async def since(self, moment: datetime) -> list[ImageAlert]:
        found = sorted(self.kept.values(), key=lambda alert: str(alert.alert_id))
        return sorted(
            (alert for alert in found if alert.detected_at >= moment), key=lambda a: a.detected_at, reverse=True
        )


class FakeImageWatchDays:
    """core.image_ports.ImageWatchDays."""

    def __init__(self) -> None:
        self.days: dict[tuple[str, date], datetime] = {}

    async def last(self, watch: str) -> date | None:
        return max((day for name, day in self.days if name == watch), default=None)

    async def looked(self, watch: str, day: date, at: datetime) -> None:
        self.days[watch, day] = at
