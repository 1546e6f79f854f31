"""The process `drift`: a night is frozen, judged, accounted; what drifted is said, with its cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from core.domain.drift.budget import DriftSettings
from core.domain.drift.nightly import judge_night
from core.domain.drift.verdict import Alert
from core.domain.events import RelevanceAlert, event_id
from core.domain.selection import volume_band
from core.domain.task_keys import anchor_task_key, query_group, relevance_task_key
from core.drift_ports import Anchor, ClosedNight, DriftStore, FrozenSlot, OpenNight
from core.ports import Clock, Leadership, NewTask, OutgoingEvent
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.signal_ports import ShownResults, SignalStore
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0
"""A night is closed within a minute of its last label: people read it hours later."""

JUDGED_WITHIN = timedelta(hours=6)
"""A night that is still not judged (budget, provider away) is closed with what there is: late labels count when they
come, and the morning's reader has an answer."""

PANEL_RANKS = 10
"""Ranks of a panel query that are watched (DRIFT.md: 10 results each)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When and how much; from the settings."""

    night_hour: int
    anchors: int
    window_days: int
    settings: DriftSettings


def build(
    settings: Settings,
    signals: SignalStore,
    store: DriftStore,
    leadership: Leadership,
    clock: Clock,
    judge: Callable[[], str],
    alert_event: Callable[[RelevanceAlert], OutgoingEvent],
    metrics: Metrics,
    *,
    on_nudge_only: bool,
) -> PeriodicProcess:
    """panel slots and anchors frozen -> judged by `relevance` -> accounted and tested -> alerts and their events.

    `judge` tells who judges now: mode, models, prompt versions.
    """
    drift_settings = DriftSettings(level=settings.drift_level)
    pace = Pace(
        settings.drift_night_hour_utc,
        settings.drift_anchors_per_night,
        settings.selection_window_days,
        drift_settings,
    )
    look = DriftLook(signals, store, clock, pace, judge, alert_event, metrics)
    return PeriodicProcess("drift", look.take, leadership, LOOK_EVERY_S, on_nudge_only=on_nudge_only)


class DriftLook:
    """One look: freeze the night that has begun, or close the one that is judged."""

    def __init__(
        self,
        signals: SignalStore,
        store: DriftStore,
        clock: Clock,
        pace: Pace,
        judge: Callable[[], str],
        alert_event: Callable[[RelevanceAlert], OutgoingEvent],
        metrics: Metrics,
    ) -> None:
        self._signals = signals
        self._store = store
        self._clock = clock
        self._pace = pace
        self._judge = judge
        self._alert_event = alert_event
        self._metrics = metrics

    async def take(self) -> int:
        """1 when a night was frozen or closed, else 0."""
        now = self._clock.now()
        waiting = await self._store.open_night()
        if waiting is not None:
            return await self._close(waiting, now) if _can_close(waiting, now) else 0
        night = night_of(now, self._pace.night_hour)
        last = await self._store.last_night()
        return await self._freeze(night, now) if last is None or night > last else 0

    async def _freeze(self, night: date, now: datetime) -> int:
        members = sorted(await self._signals.members())
        shown = await self._signals.shown(members, PANEL_RANKS) if members else []
        weights = await self._store.weights() if members else {}
        judge = self._judge()
        slots = [slot for results in shown for slot in slots_of(results, weights, self._pace.window_days, judge)]
        anchors = await self._store.next_anchors(self._pace.anchors)
        if not slots and not anchors:
            return 0
        tasks = [*map(panel_task, slots), *(anchor_task(anchor, night) for anchor in anchors)]
        await self._store.freeze(night, slots, tasks, now)
        log.info("drift.frozen", night=str(night), slots=len(slots), anchors=len(anchors))
        return 1

    async def _close(self, waiting: OpenNight, now: datetime) -> int:
        night = waiting.night
        panels = await self._store.panels(night)
        grades = await self._store.anchor_grades(night)
        result = judge_night(await self._store.state(), night, panels, grades, self._pace.settings)
        alerts = [(alert_id(alert), alert) for alert in result.alerts]
        events = [self._alert_event(_announced(key, alert, now)) for key, alert in alerts]
        await self._store.close(ClosedNight(night, result.state, result.accounts, alerts, events), now)
        for alert in (a for a in result.alerts if a.status == "provisional"):  # its final is the same alert
            self._metrics.count("assay_alerts_total", cause=alert.cause)
        log.info("drift.closed", night=str(night), anchors=len(grades), alerts=[a.cause for a in result.alerts])
        return 1


def night_of(now: datetime, hour: int) -> date:
    """The night that began last: it carries the date on which its hour came."""
    return (now - timedelta(hours=hour)).date()


def slots_of(
    results: ShownResults, weights: Mapping[tuple[str, str, str], float], window_days: int, judge: str
) -> list[FrozenSlot]:
    """The places of one query's results, with the key of the task that gives each its label.

    Weights are of one day, volume bands of the selection's window.
    """
    query = (results.application, results.market, results.query)
    weight = weights.get(query, 0.0)
    return [
        FrozenSlot(
            results.application,
            results.market,
            results.language,
            results.engine,
            volume_band(round(weight * window_days)),
            results.query,
            weight,
            rank,
            listing_id,
            content_hash,
            relevance_task_key(query, listing_id, content_hash, judge),
        )
        for rank, listing_id, content_hash in results.listings
    ]


def panel_task(slot: FrozenSlot) -> NewTask:
    """The pair of a slot; one that has its label already adds nothing."""
    return NewTask(
        slot.task_key,
        "relevance",
        "panel",
        query_group(slot.application, slot.market, slot.query),
        {
            "application": slot.application,
            "market": slot.market,
            "query": slot.query,
            "listing_id": slot.listing_id,
        },
        {"reason": "panel", "language": slot.language},
        slot.weight,
    )


def anchor_task(anchor: Anchor, night: date) -> NewTask:
    """An anchor to judge anew tonight, past every cache."""
    return NewTask(
        anchor_task_key(anchor.anchor_id, str(night)),
        "anchor",
        "panel",
        query_group(anchor.application, anchor.market, anchor.query),
        {
            "application": anchor.application,
            "market": anchor.market,
            "query": anchor.query,
            "listing_id": str(anchor.listing.get("listing_id", "")),
        },
        {
            "reason": "panel",
            "language": anchor.language,
            "anchor_id": anchor.anchor_id,
            "night": str(night),
            "listing": dict(anchor.listing),
        },
    )


def alert_id(alert: Alert) -> UUID:
    """The provisional and the final alert of one event have one id."""
    return event_id(f"drift/{alert.segment.key}/{alert.event}")


def _announced(key: UUID, alert: Alert, now: datetime) -> RelevanceAlert:
    return RelevanceAlert(
        alert_id=key,
        segment=msgspec.structs.asdict(alert.segment),
        cause=alert.cause,
        metric=alert.metric,
        before=alert.before,
        after=alert.after,
        detected_at=now,
        evidence=dict(alert.evidence),
        status=alert.status,
    )


def _can_close(waiting: OpenNight, now: datetime) -> bool:
    return waiting.judged or now - waiting.frozen_at >= JUDGED_WITHIN
