"""The process `image-watch`: once a day it is looked whether picture scores still do what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import structlog

from core.errors import RetryLater, StopProcess
from core.image_ports import ImageAlert, ImageAlerts, ImageWatch, ImageWatchDays
from core.ports import Clock, Leadership
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

NAME = "image-watch"

LOOK_EVERY_S = 300.0
"""How often it is asked whether the night's hour has come: people read the result hours later."""

AGAIN_AFTER = timedelta(hours=1)
"""From a look that failed to the next: what it reads may be another then; each try may cost minutes of the store."""

TOLD_FOR = timedelta(days=1)
"""How far back alerts are read for their gauge: a process that starts tells those of its absence, and few rows are
read."""


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
        self._failed: dict[str, datetime] = {}
        for name in watches:
            metrics.count("assay_image_watch_failures_total", 0, watch=name)

    async def take(self) -> int:
        """How many watches looked. RetryLater, where a dependency of one is away, is raised once the others have had
        their look: one that is away every night would else keep those behind it from ever looking."""
        await self._tell()
        day, looked = day_of(self._clock.now(), self._night_hour), 0
        away: list[RetryLater] = []
        for name, watch in self._watches.items():
            if await self._is_due(name, day):
                try:
                    looked += await self._looked(name, watch, day)
                except RetryLater as error:
                    log.warning("image_watch.waiting", watch=name, day=str(day), error=str(error))
                    away.append(error)
        if looked:
            await self._tell()
        if away:
            raise away[0]
        return looked

    async def _is_due(self, name: str, day: date) -> bool:
        """It has not looked at the day, and has not failed within the hour."""
        failed = self._failed.get(name)
        if failed is not None and self._clock.now() - failed < AGAIN_AFTER:
            return False
        last = await self._days.last(name)
        return last is None or last < day

    async def _looked(self, name: str, watch: ImageWatch, day: date) -> bool:
        """Whether it could. One of the few places that catch everything: a defect in a look at figures that nobody
        waits for must not end the process in which pairs are judged, nor keep the other watches from looking, and a
        restart would meet it again after five minutes. It stays visible: logged with where it came from, counted (alert
        AssayImageWatchFails), and tried again every hour. What says that going on loses data ends the process here
        too."""
        try:
            await self.one(name, watch, day)
        except (RetryLater, StopProcess):
            raise
        except Exception:
            log.exception("image_watch.failed", watch=name, day=str(day))
            self._metrics.count("assay_image_watch_failures_total", watch=name)
            self._failed[name] = self._clock.now()
            return False
        self._failed.pop(name, None)
        return True

    async def _tell(self) -> None:
        """The newest alert of each kind, out of the table: one that a command found by hand is told as well."""
        for alert in reversed(await self._alerts.since(self._clock.now() - TOLD_FOR)):
            self._metrics.set("assay_image_alert_seconds", alert.detected_at.timestamp(), kind=alert.kind)

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
