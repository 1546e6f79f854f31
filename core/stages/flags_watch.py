"""The nightly look at flags: whether more pictures than before are made by a generator, edited or talk to the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from core.domain.events import event_id
from core.domain.images.flags import FlagCount, FlagRise, FlagRules, newest_shares, rises
from core.image_ports import FlagCounts, ImageAlert, ImageAlerts
from core.image_settings import ImageSettings
from core.ports import Clock
from core.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class FlagsWatch:
    """`ImageWatch`. Sets the gauge `assay_image_flag_share`; raises a rise once in the newest window's days: one that
    lasts is told again a week later and not every night."""

    counts: FlagCounts
    alerts: ImageAlerts
    rules: FlagRules
    clock: Clock
    metrics: Metrics
    shown: set[tuple[str, str]] = field(default_factory=set)
    """Market and flag of the gauges that stand: those of a market that is not there any more are let go."""

    async def look(self, day: date) -> list[ImageAlert]:
        """The rises of the days up to and with `day`."""
        recent_from = day - timedelta(days=self.rules.recent_days - 1)
        counts = await self.counts.flag_counts(recent_from - timedelta(days=self.rules.base_days), recent_from, day)
        self._show(counts)
        found = rises(counts, self.rules)
        told = await self._told(day) if found else frozenset()
        return [self._alert(rise, day) for rise in found if not self._is_told(rise, day, told)]

    def _show(self, counts: Sequence[FlagCount]) -> None:
        shares = newest_shares(counts)
        for market, flag in self.shown - shares.keys():
            self.metrics.forget("assay_image_flag_share", market=market, flag=flag)
        self.shown.clear()
        self.shown.update(shares)
        for (market, flag), share in shares.items():
            self.metrics.set("assay_image_flag_share", share, market=market, flag=flag)

    async def _told(self, day: date) -> frozenset[str]:
        """Ids of alerts raised since the newest window began."""
        since = datetime.combine(day - timedelta(days=self.rules.recent_days), time(), UTC)
        return frozenset(str(alert.alert_id) for alert in await self.alerts.since(since))

    def _is_told(self, rise: FlagRise, day: date, told: frozenset[str]) -> bool:
        """By a look at an earlier day of the window: one at this very day finds the same again."""
        earlier = (day - timedelta(days=back) for back in range(1, self.rules.recent_days))
        return any(_alert_id(rise, each) in told for each in earlier)

    def _alert(self, rise: FlagRise, day: date) -> ImageAlert:
        return ImageAlert(
            alert_id=event_id(_alert_name(rise, day)),
            kind="flags",
            segment=_segment(rise),
            metric=f"{rise.flag}_share",
            before=rise.before,
            after=rise.after,
            detected_at=self.clock.now(),
            evidence={
                "day": day.isoformat(),
                "recent_days": self.rules.recent_days,
                "base_days": self.rules.base_days,
                "pictures_before": rise.pictures_before,
                "pictures_after": rise.pictures_after,
                "least_rise": rise.least,
                "design_effect": rise.design_effect,
                "sellers": rise.sellers,
                "judged_by": rise.way,
            },
        )


def flag_rules(settings: ImageSettings) -> FlagRules:
    """The rules that the settings make."""
    return FlagRules(
        recent_days=settings.image_flag_recent_days,
        base_days=settings.image_flag_base_days,
        min_pictures=settings.image_flag_min_pictures,
        min_rise=settings.image_flag_min_rise,
        false_alarms=settings.image_flag_false_alarms,
    )


def _segment(rise: FlagRise) -> dict[str, str]:
    category = {"category": rise.category} if rise.category else {}
    return {"market": rise.market, **category, "flag": rise.flag}


def _alert_name(rise: FlagRise, day: date) -> str:
    return f"image-alert/flags/{'/'.join(_segment(rise).values())}/{day}"


def _alert_id(rise: FlagRise, day: date) -> str:
    return str(event_id(_alert_name(rise, day)))
