"""The process `image-watch`: once a day it is looked whether picture scores still do what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import structlog

from core.errors import RetryLater
from core.image_ports import ImageAlert, ImageAlerts, ImageWatch, ImageWatchDays
from core.ports import Clock, Leadership
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

NAME = "image-watch"

LOOK_EVERY_S = 300.0
"""How often it is asked whether the night's hour has come: people read the result hours later."""


def build(
    settings: Settings,
    watches: Mapping[str, ImageWatch],
    alerts: ImageAlerts,
    days: ImageWatchDays,
    leadership: Leadership,
    clock: Clock,
    metrics: Metrics,
    *,
    on_nudge_only: bool,
) -> PeriodicProcess:
    """the day is over -> each watch looks at it once -> alerts. `watches` by name, in the order they look."""
    look = NightLook(watches, alerts, days, clock, settings.drift_night_hour_utc, metrics)
    return PeriodicProcess(NAME, look.take, leadership, LOOK_EVERY_S, on_nudge_only=on_nudge_only)


class NightLook:
    """A look by every watch that has not looked at the last whole UTC day. What one finds stays when another fails."""

    def __init__(
        self,
        watches: Mapping[str, ImageWatch],
        alerts: ImageAlerts,
        days: ImageWatchDays,
        clock: Clock,
        night_hour: int,
        metrics: Metrics,
    ) -> None:
        self._watches = watches
        self._alerts = alerts
        self._days = days
        self._clock = clock
        self._night_hour = night_hour
        self._metrics = metrics

    async def take(self) -> int:
        """How many watches looked. What goes wrong with one is raised once the others have had their look: one that
        fails every night would else keep those behind it from ever looking."""
        day, looked = day_of(self._clock.now(), self._night_hour), 0
        failed: list[Exception] = []
        for name, watch in self._watches.items():
            last = await self._days.last(name)
            if last is None or last < day:
                try:
                    await self.one(name, watch, day)
                    looked += 1
                except Exception as error:  # noqa: BLE001 - raised below
                    log.warning(
                        "image_watch.failed", watch=name, day=str(day), error=f"{type(error).__name__}: {error}"
                    )
                    failed.append(error)
        if failed:
            raise next((error for error in failed if not isinstance(error, RetryLater)), failed[0])
        return looked

    async def all(self) -> list[ImageAlert]:
        """What every watch says of the last whole day, also where it has looked already."""
        day = day_of(self._clock.now(), 0)
        return [alert for name, watch in self._watches.items() for alert in await self.one(name, watch, day)]

    async def one(self, name: str, watch: ImageWatch, day: date) -> list[ImageAlert]:
        """What one watch says of a day, kept; counted are the alerts that are new."""
        found = await watch.look(day)
        new = await self._alerts.save(found)
        await self._days.looked(name, day, self._clock.now())
        if new:
            self._metrics.count("assay_image_alerts_total", new, kind=name)
        log.info("image_watch.looked", watch=name, day=str(day), alerts=len(found), new=new)
        return found


def day_of(now: datetime, hour: int) -> date:
    """The last UTC day that was over when the hour last came: yesterday from 2 o'clock on, else the one before."""
    return (now - timedelta(hours=hour, days=1)).date()
