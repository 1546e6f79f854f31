"""The nightly look at the student: whether it and the judge agree less than they did on what was labelled since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from core.domain.evaluation.estimates import Estimate
from core.domain.events import event_id
from core.domain.images.labelled import AgreedLabel
from core.domain.images.student_drop import (
    METRICS,
    Against,
    Drop,
    DropRules,
    Metric,
    Standing,
    dropped,
    standing,
    told_standing,
)
from core.image_ports import ImageAlert, ImageAlerts
from core.ports import Clock
from core.student_ports import StudentBook, StudentLabels
from core.telemetry import Metrics

RANDOM, UNSURE = "random", "unsure"

ALL_MARKETS = ""


class _Chance(msgspec.Struct):
    metrics: dict[str, Estimate]


class _Report(msgspec.Struct):
    """Of `core.domain.images.student_figures.StudentReport` the part that the watch asks for."""

    chance: _Chance | None = None


@dataclass(frozen=True, slots=True)
class StudentWatch:
    """`ImageWatch`. Labels of the random share alone raise an alert: what holds of them holds of all pictures; of those
    that the student was unsure of the gauge `assay_student_agreement` tells. A drop is raised once in the newest
    window's days, so that one that lasts is told again a week later and not every night."""

    labels: StudentLabels
    book: StudentBook
    alerts: ImageAlerts
    clock: Clock
    metrics: Metrics
    seller_attribute: str
    rules: DropRules = field(default_factory=DropRules)

    async def look(self, day: date) -> list[ImageAlert]:
        """The drops of the days up to and with `day`, of the student that scored last."""
        rules = self.rules
        since = day - timedelta(days=rules.recent_days - 1)
        found = await self.labels.agreed(since - timedelta(days=rules.base_days), since, day, self.seller_attribute)
        recent = [each for each in found if each.day >= since]
        if not recent:
            self._show(recent)
            return []
        version = recent[-1].version
        recent = [each for each in recent if each.version == version]
        self._show(recent)
        base = [each for each in found if each.version == version and each.day < since and each.why == RANDOM]
        drops = self._drops(base, [each for each in recent if each.why == RANDOM], await self._held_back(version))
        told = await self._told(day) if drops else frozenset()
        return [
            self._alert(drop, version, recent, day) for drop in drops if not self._is_told(drop, version, day, told)
        ]

    def _drops(
        self, base: Sequence[AgreedLabel], recent: Sequence[AgreedLabel], held_back: Mapping[Metric, Standing | None]
    ) -> list[Drop]:
        """Of all markets and of each by itself, those with enough labels; a market has no held-back figure of its
        own."""
        markets = [ALL_MARKETS, *sorted({each.market for each in recent if each.market})]
        parts = [(market, _of(base, market), _of(recent, market)) for market in markets]
        enough = [part for part in parts if len(part[2]) >= self.rules.least]
        drops = []
        for market, then, now in enough:
            earlier = len(then) >= self.rules.least
            if not earlier and market != ALL_MARKETS:
                continue
            for metric in METRICS:
                before = standing(then, metric) if earlier else held_back.get(metric)
                after = standing(now, metric)
                chance = dropped(before, after, metric, self.rules, len(enough))
                if before and after and chance is not None:
                    against: Against = "earlier labels" if earlier else "held-back pictures"
                    drops.append(Drop(market, metric, before, after, chance, against))
        return drops

    async def _held_back(self, version: str) -> Mapping[Metric, Standing | None]:
        """How it did when it was trained: what new labels are held against until there are enough earlier ones. On the
        random share of its labels where there was one: the rest were chosen because they are hard."""
        kept = await self.book.find(version)
        if kept is None:
            return {}
        chance = msgspec.convert(kept.metadata.get("report", {}), _Report).chance
        figures = chance.metrics if chance else msgspec.convert(kept.metadata.get("figures", {}), dict[str, Estimate])
        return {
            name: told_standing(found.value, found.low, found.high, found.n_items, name)
            for name in METRICS
            if (found := figures.get(name))
        }

    def _show(self, recent: Sequence[AgreedLabel]) -> None:
        for why in (RANDOM, UNSURE):
            chosen = [each for each in recent if each.why == why]
            for metric in METRICS:
                found = standing(chosen, metric) if len(chosen) >= self.rules.least else None
                if found is None:
                    self.metrics.forget("assay_student_agreement", why=why, metric=metric)
                else:
                    self.metrics.set("assay_student_agreement", found.value, why=why, metric=metric)

    async def _told(self, day: date) -> frozenset[str]:
        """Ids of alerts raised since the newest window began."""
        since = datetime.combine(day - timedelta(days=self.rules.recent_days), time(), UTC)
        return frozenset(str(alert.alert_id) for alert in await self.alerts.since(since))

    def _is_told(self, drop: Drop, version: str, day: date, told: frozenset[str]) -> bool:
        """By a look at an earlier day of the window: one at this very day finds the same again."""
        earlier = (day - timedelta(days=back) for back in range(1, self.rules.recent_days))
        return any(str(event_id(_name(drop, version, each))) in told for each in earlier)

    def _alert(self, drop: Drop, version: str, recent: Sequence[AgreedLabel], day: date) -> ImageAlert:
        return ImageAlert(
            alert_id=event_id(_name(drop, version, day)),
            kind="student",
            segment=_segment(drop, version),
            metric=drop.metric,
            before=drop.before.value,
            after=drop.after.value,
            detected_at=self.clock.now(),
            evidence={
                "day": day.isoformat(),
                "recent_days": self.rules.recent_days,
                "against": drop.against,
                "labels_before": drop.before.labels,
                "labels_after": drop.after.labels,
                "chance": drop.chance,
                "judges": sorted({each.judge for each in recent}),
                "unsure_labels": sum(each.why == UNSURE for each in recent),
            },
        )


def _of(labels: Sequence[AgreedLabel], market: str) -> list[AgreedLabel]:
    return [each for each in labels if market in (ALL_MARKETS, each.market)]


def _segment(drop: Drop, version: str) -> dict[str, str]:
    return {"student": version, **({"market": drop.market} if drop.market else {})}


def _name(drop: Drop, version: str, day: date) -> str:
    place = "/".join((*_segment(drop, version).values(), drop.metric))
    return f"image-alert/student/{place}/{day}"
