"""The verdict: which of judge, engine, catalogue and traffic moved the panel. At once provisional, later final.

The order is the drift design's: the judge when its anchors alarmed or cached pairs judged again flip beyond p0; then
the engine and the catalogue by T over queries of their own steps, corrected by a bridge where there is one; and where
none of these speaks, the largest part of the alarm's own difference.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from core.domain.drift.anchors import JudgeAlarm
from core.domain.drift.events import Differences, Event
from core.domain.drift.panel import Segment
from core.domain.drift.statistics import flip_excess
from core.domain.drift.traffic import TrafficMove

Cause = Literal["judge", "engine", "catalogue", "traffic"]
Status = Literal["provisional", "final"]
Evidence = dict[str, str | int | float | list[str] | None]

FINAL_AFTER_NIGHTS = 6
"""Nights from an alarm to its final verdict: by then 7 nights stand against 7 and the anchors have had a week."""

ENGINE_T = 2.5
"""|T| of the engine steps that names the engine (verdict 3). Below an alarm's: it is a second look at one alarm."""

CATALOGUE_T = 3.0
"""|T| of the catalogue steps that names the catalogue (verdict 3)."""

RECHECK_PAIRS = 300
"""Cached pairs judged again that make a recheck (verdict 1)."""

RECHECK_P = 0.001
"""P of that many flips by chance below which a recheck names the judge (verdict 1)."""

JUDGE_REACH_NIGHTS = 28
"""How long before an event the judge's change may lie and still be in its labels: cached ones are replaced over weeks
(ours, the length of the long window)."""


class Recheck(msgspec.Struct, frozen=True):
    """Cached pairs judged again past the cache on this night, and how many changed their grade."""

    pairs: int
    flips: int


class Alert(msgspec.Struct, frozen=True):
    """One event. The provisional and the final alert of an event have the same `segment` and `event`.

    `before` and `after` are in units of `metric`: `mean_gain` and `weighted_mean_gain` 0 to 1, `anchor_flip_rate` a
    share. A final alert may name another cause than the provisional one did; `evidence["causes"]` lists all named.
    """

    segment: Segment
    event: str
    cause: Cause
    metric: str
    before: float
    after: float
    detected_night: date
    status: Status
    evidence: Evidence


def name_causes(differences: Differences, judge: bool) -> list[Cause]:
    """Causes, the largest part of the difference first; never empty.

    Where neither judge nor engine nor catalogue is named by its rule, the largest part alone is.
    """
    parts: dict[Cause, float] = {
        "engine": abs(differences.engine.mean),
        "catalogue": abs(differences.catalogue.mean),
        "judge": abs(differences.judge.mean),
    }
    named: list[Cause] = []
    if abs(differences.engine.t) >= ENGINE_T:
        named.append("engine")
    if abs(differences.catalogue.t) >= CATALOGUE_T:
        named.append("catalogue")
    if judge:
        named.append("judge")
    return sorted(named, key=lambda cause: -parts[cause]) or [max(parts, key=lambda cause: parts[cause])]


def judge_moved(event: date, alarm: JudgeAlarm | None) -> bool:
    """Whether the anchors alarmed of a change that can be in the labels around `event`."""
    return alarm is not None and -JUDGE_REACH_NIGHTS <= (alarm.since - event).days <= FINAL_AFTER_NIGHTS * 2


def rechecked(pairs: int, flips: int, p0: float | None) -> bool:
    """Whether enough cached pairs were judged again, and flipped beyond p0."""
    return p0 is not None and pairs >= RECHECK_PAIRS and flip_excess(flips, pairs, p0) < RECHECK_P


def event_alert(
    segment: Segment, event: Event, differences: Differences, *, judge: bool, status: Status, models: tuple[str, ...]
) -> Alert:
    """The alert of an engine or catalogue event that alarmed; ValueError for one that did not."""
    if event.alarm is None:
        raise ValueError("an event without an alarm has no alert")
    causes = name_causes(differences, judge)
    alarm = event.alarm
    evidence: Evidence = {
        "causes": [str(cause) for cause in causes],
        "detector": f"{event.source}_event",
        "event_night": event.night.isoformat(),
        "share_changed": event.rate,
        "usual_share": event.usual,
        "nights_each_side": alarm.k,
        "t": alarm.t,
        "threshold": alarm.threshold,
        "queries": alarm.queries,
        "engine_step": differences.engine.mean,
        "engine_t": differences.engine.t,
        "catalogue_step": differences.catalogue.mean,
        "catalogue_t": differences.catalogue.t,
        "judge_step": differences.judge.mean,
        "judge_t": differences.judge.t,
        "unbridged_slots": differences.unbridged,
        "models": list(models),
    }
    after = alarm.before + differences.total.mean if status == "final" else alarm.after
    name = f"{event.source}-event:{event.night.isoformat()}"
    return Alert(segment, name, causes[0], "mean_gain", alarm.before, after, alarm.detected, status, evidence)


def judge_alert(alarm: JudgeAlarm, status: Status) -> Alert:
    """The alert of the anchors' alarm. Its segment is `all`: every segment has this judge."""
    evidence: Evidence = {
        "causes": ["judge"],
        "detector": "anchor_flips",
        "since_night": alarm.since.isoformat(),
        "looks_since": alarm.looks,
        "quiet_share_bound": alarm.p0,
        "statistic": alarm.statistic,
        "threshold": alarm.threshold,
    }
    name = f"anchors:{alarm.detected.isoformat()}"
    return Alert(
        Segment(), name, "judge", "anchor_flip_rate", alarm.before, alarm.after, alarm.detected, status, evidence
    )


def traffic_alert(segment: Segment, detected: date, move: TrafficMove, status: Status) -> Alert:
    """The alert of a moved query mix; the queries whose weight moved most are its evidence."""
    evidence: Evidence = {
        "causes": ["traffic"],
        "detector": "traffic",
        "move": move.move,
        "threshold": move.threshold,
        "queries_that_moved": list(move.queries),
    }
    name = f"traffic:{detected.isoformat()}"
    return Alert(segment, name, "traffic", "weighted_mean_gain", move.before, move.after, detected, status, evidence)
