"""The daily look at buyers: the day's searches out of the log, how much places are looked at, whether scores agree."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import get_args

import numpy as np
import structlog

from core.buyer_ports import Action, AgreementRow, BuyerDay, Buyers, ExposureLog, Measure, Scored, Tier
from core.domain.events import event_id
from core.domain.images.buyers.agreement import Agreement, Fall, agreement, fall
from core.domain.images.buyers.cells import Done, at_most, held_against, then_and_now
from core.domain.images.buyers.days import WEEK, back, end, midnight, stretches
from core.domain.images.buyers.exposures import Bounds, DaySums, Market, hash_of
from core.domain.images.buyers.propensities import Curve, curve
from core.domain.sessions import CLOSE_AFTER_MS
from core.image_ports import ImageAlert, ImageAlerts
from core.ports import Clock
from core.settings import Settings
from core.stages.buyers_gauges import BuyersGauges
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

BASELINE = 28
"""Days before the window that an alert compares with: four of each weekday, and as many listings as can be had."""

FEWEST_BEFORE = 14
"""Whole days of these that an alert needs, two of each weekday: with one week before, the first figures of a market,
which wander most, were taken for what is usual (a quiet demo raised an alert on its 14th day)."""

METRIC = "lift_per_point"


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds and thresholds; from the settings."""

    bounds: Bounds
    window_days: int
    keep_days: int
    bands: int
    replicates: int
    deviations: float
    share: float

    @classmethod
    def of(cls, settings: Settings) -> Pace:
        """Those of the settings."""
        return cls(
            Bounds(settings.buyers_sample_share, settings.buyers_max_positions, settings.buyers_queries),
            settings.buyers_window_days,
            settings.buyers_keep_days,
            settings.buyers_price_bands,
            settings.buyers_bootstrap,
            settings.buyers_alert_deviations,
            settings.buyers_alert_share,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """What is held against what: one row of the result."""

    days: int
    category: str
    tier: Tier
    measure: Measure
    action: Action


class BuyersLook:
    """`ImageWatch`: log -> sums -> propensities -> agreement -> alerts."""

    def __init__(
        self,
        exposures: ExposureLog,
        buyers: Buyers,
        alerts: ImageAlerts,
        clock: Clock,
        pace: Pace,
        metrics: Metrics | None = None,
    ) -> None:
        self._exposures = exposures
        self._buyers = buyers
        self._alerts = alerts
        self._clock = clock
        self._pace = pace
        self._gauges = BuyersGauges(metrics or Metrics())

    async def look(self, day: date) -> list[ImageAlert]:
        """The day is read, and the one before once more for what came late; both are weighed, and what fell is said."""
        days = await self._due(day)
        await self.read(days)
        for each in days:
            await self.weigh(each)
        week = day - timedelta(days=WEEK)
        if sum(each.is_whole for each in await self._buyers.days(back(week, BASELINE), week)) < FEWEST_BEFORE:
            return []
        fallen = [alert for market in await self._markets(day) for alert in await self._fallen(market, day)]
        raised = await self._alerts.since(midnight(day - timedelta(days=BASELINE)))
        return [alert for alert in fallen if not was_raised(alert, day, raised)]

    async def _due(self, day: date) -> list[date]:
        """From the last whole day before this one that was read, so that nights without a look leave no hole; a week
        at most."""
        before = day - timedelta(days=1)
        known = [each.day for each in await self._buyers.days(back(day, self._pace.keep_days), day) if each.is_whole]
        self._gauges.asked(day, max(known, default=None))
        first = max((each for each in known if back(day, WEEK) <= each <= before), default=before)
        return [first + timedelta(days=each) for each in range((day - first).days + 1)]

    async def read(self, days: Sequence[date]) -> None:
        """Put these days of the log in place of what there is of them, unless the log lost records of a day meanwhile.
        A week at a time, which bounds the sums in memory; the oldest first, so that what is read before a failure
        leaves no hole. Days past their time are let go, but none of those asked for: the next night takes them."""
        forget = min(self._clock.now().date() - timedelta(days=self._pace.keep_days), *days)
        for stretch in stretches(days):
            await self._read(stretch, forget)
        self._gauges.read(max(days))

    async def _read(self, days: Sequence[date], forget: date) -> None:
        found, now, bounds = await self._exposures.read(days, self._pace.bounds), self._clock.now(), self._pace.bounds
        known = {each.day: each for each in await self._buyers.days(min(days), max(days))}
        for day, sums in found.sums.items():
            if found.note and day in known and sums.searches < known[day].searches:
                log.warning("buyers.kept", day=str(day), searches=known[day].searches, there=sums.searches)
                continue
            kept = _day_row(day, now, sums, "; ".join(filter(None, (found.note, sums.note(bounds)))))
            await self._buyers.save_day(kept, sums, forget)
            log.info("buyers.read", day=str(day), searches=sums.searches, whole=kept.is_whole, note=kept.note)

    async def weigh(self, day: date) -> list[AgreementRow]:
        """Propensities and agreement as of the end of a day that was read."""
        rows: list[AgreementRow] = []
        for market in await self._markets(day):
            pairs = await self._buyers.pairs(market, back(day, self._pace.window_days), day)
            found = await asyncio.to_thread(curve, pairs, self._pace.bounds.max_positions)
            await self._buyers.save_curve(day, market, found)
            rows += await self._of_market(market, day, found)
        await self._buyers.save_agreement(day, rows)
        self._gauges.agreed(rows, WEEK)
        return rows

    async def _markets(self, day: date) -> list[Market]:
        return await self._buyers.markets(back(day, WEEK), day)

    async def _of_market(self, market: Market, day: date, looked: Curve) -> list[AgreementRow]:
        rows: list[AgreementRow] = []
        for days in (1, WEEK):
            done = await self._buyers.bought(market, back(day, days), day, looked)
            scored = await self._buyers.scored([each.listing_id for each in done], end(day))
            rows += await asyncio.to_thread(self._rows, market, day, days, done, scored, looked.method)
        return rows

    def _rows(
        self, market: Market, day: date, days: int, done: Sequence[Done], scored: Sequence[Scored], method: str
    ) -> list[AgreementRow]:
        shelves: dict[str, list[Done]] = defaultdict(list, {"": list(done)})
        for each in done:
            if each.category:
                shelves[each.category].append(each)
        kinds = product(get_args(Tier), get_args(Measure))
        scores = {(tier, measure): scores_of(scored, tier, measure) for tier, measure in kinds}
        return [
            self._row(market, day, cell, shelves[cell.category], scores[cell.tier, cell.measure], method)
            for cell in cells(days, done, scored)
        ]

    def _row(
        self, market: Market, day: date, cell: Cell, done: Sequence[Done], scores: Mapping[str, float], method: str
    ) -> AgreementRow:
        taken, cut = at_most(done, scores, cell.action)
        given = held_against(taken, scores, cell.action, self._pace.bands)
        rng = np.random.default_rng(hash_of(f"{day}/{market}/{cell}"))
        impressions = sum(each.impressions for each in done if each.listing_id in scores)
        found = agreement(given, self._pace.replicates, rng)
        noted = replace(found, note="; ".join(filter(None, (found.note, cut))))
        return _told(market, day, cell, noted, impressions, method)

    async def _fallen(self, market: Market, day: date) -> list[ImageAlert]:
        """Alerts of a market: the last week's lift beside that of the four weeks before it, each with the scores that
        stood at its end and by the same propensities."""
        looked = await self._buyers.curve(day, market)
        if looked is None:
            return []
        week = day - timedelta(days=WEEK)
        now = await self._buyers.bought(market, back(day, WEEK), day, looked)
        before = await self._buyers.bought(market, back(week, BASELINE), week, looked)
        ids = sorted({each.listing_id for each in (*now, *before)})
        scored_before, scored_now = (
            await self._buyers.scored(ids, end(week)),
            await self._buyers.scored(ids, end(day)),
        )
        alerts = []
        for tier in get_args(Tier):
            scores = scores_of(scored_before, tier, "main"), scores_of(scored_now, tier, "main")
            pair = then_and_now(before, now, *scores, self._pace.bands)
            rng = np.random.default_rng(hash_of(f"fall/{day}/{market}/{tier}"))
            found = await asyncio.to_thread(fall, *pair, self._pace.replicates, rng)
            if found is not None and fell(found, self._pace):
                alerts.append(_alert(market, tier, day, found, pair[0].score.size, self._clock.now(), looked.method))
        return alerts


def cells(days: int, done: Sequence[Done], scored: Sequence[Scored]) -> Iterator[Cell]:
    """What is weighed of a window: every action by both scores; in the week's also clicks in each category."""
    for tier in sorted({each.tier for each in scored}):
        for measure in get_args(Measure):
            for action in get_args(Action):
                yield Cell(days, "", tier, measure, action)
        if days == WEEK:
            for category in sorted({each.category for each in done} - {""}):
                yield Cell(days, category, tier, "main", "click")


def scores_of(scored: Sequence[Scored], tier: Tier, measure: Measure) -> Mapping[str, float]:
    """Scores of one tier by listing."""
    return {each.listing_id: each.main if measure == "main" else each.listing for each in scored if each.tier == tier}


def fell(found: Fall, pace: Pace) -> bool:
    """Whether scores that told something tell clearly and much less."""
    lost = found.before - found.now
    return found.before > 0 and found.deviations >= pace.deviations and lost >= pace.share * found.before


def was_raised(alert: ImageAlert, day: date, raised: Sequence[ImageAlert]) -> bool:
    """Whether an earlier day raised it: what has fallen stays below what it was until the four weeks are over."""
    return any(
        each.kind == alert.kind and each.segment == alert.segment and str(each.evidence.get("day", "")) < str(day)
        for each in raised
    )


def _alert(market: Market, tier: Tier, day: date, found: Fall, listings: int, now: datetime, method: str) -> ImageAlert:
    segment = {"application": market[0], "market": market[1], "tier": tier}
    return ImageAlert(
        event_id(f"image-alert/buyers/{'/'.join(segment.values())}/{day}"),
        "buyers",
        segment,
        METRIC,
        found.before,
        found.now,
        now,
        {
            "day": str(day),
            "days": WEEK,
            "before_days": BASELINE,
            "deviations": found.deviations,
            "method": method,
            "listings": listings,
        },
    )


def _told(market: Market, day: date, cell: Cell, of: Agreement, impressions: int, method: str) -> AgreementRow:
    correlation, lift = of.correlation, of.lift
    return AgreementRow(
        day,
        cell.days,
        *market,
        cell.category,
        cell.tier,
        cell.measure,
        cell.action,
        of.listings,
        impressions,
        correlation.value if correlation else None,
        correlation.low if correlation else None,
        correlation.high if correlation else None,
        of.kendall,
        lift.value if lift else None,
        lift.low if lift else None,
        lift.high if lift else None,
        method,
        of.note,
    )


def _day_row(day: date, now: datetime, sums: DaySums, note: str) -> BuyerDay:
    whole = now >= end(day) + timedelta(milliseconds=CLOSE_AFTER_MS)
    return BuyerDay(day, now, whole, sums.searches, sums.impressions, sums.automated, sums.unmatched, note)
