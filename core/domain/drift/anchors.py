"""The judge's detector: a Shiryaev-Roberts e-detector on the flips of anchors (the drift design, "Judge").

Anchors are human-labelled pairs judged again each night past every cache, so nothing but the judge can move them.
Where P(flip | past) <= p0, the expectation of each M grows by at most 1 a night, whatever the dependence between
nights; so over N nights an alarm at c is false with probability at most N / c.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
import numpy as np

from core.domain.drift.statistics import flip_bound

ALTERNATIVES = (0.02, 0.04, 0.08, 0.16, 0.32)
"""p1: flip shares after a change that the detector bets on, in equal parts."""

LEAST_P0 = 0.004
"""Floor of p0: 28 nights can't show that a judge flips less."""

LEAST_RATIO = 1.5
"""p1 is at least this many times p0: a bet closer to quiet wins too slowly to be worth its part."""

REFERENCE_LOOKS = 3
"""An anchor's reference is the middle of its first three grades."""

BASELINE_NIGHTS = 28
"""Nights p0 is estimated over."""

LEAST_BASELINE_NIGHTS = 4
"""Nights with counted anchors before the test starts. Ours, for short histories: the bound is wide then, so an early
start costs power and not false alarms."""

HELD_BACK_NIGHTS = 7
"""While the baseline grows, its newest nights are kept out of it, so that a change is not its own yardstick. Ours:
within 7 nights a change is found or is small."""

SELF_FLIP_SHARE = 0.05
"""Returns to the reference, as a share of an anchor's looks, over which it is set aside: a judge that changed does not
return, an anchor on the border does. Ours: one return excludes for 20 looks. Against waiting for two returns it found a
swap of 2.7 % at 30 a night in 87 instead of 61 of 100 simulated runs, with no false alarm in either."""

M_LIMIT = 1e12
"""Cap of M, far above any threshold: keeps it a number that JSON holds. A cap only lowers M, so the bound stays."""


class AnchorGrade(msgspec.Struct, frozen=True):
    """A row stored a night and anchor: tonight's grade (0, 1, 2). A call that failed is no row."""

    anchor_id: str
    grade: int


class Anchor(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one anchor. `fresh`: its first grades since the alarm, the next reference."""

    first: tuple[int, ...] = ()
    looks: int = 0
    returns: int = 0
    flipped: bool = False
    fresh: tuple[int, ...] = ()

    @property
    def reference(self) -> int | None:
        """The middle of the first three grades; None before there are three."""
        return sorted(self.first)[1] if len(self.first) == REFERENCE_LOOKS else None

    @property
    def set_aside(self) -> bool:
        """It flips by itself: it came back to its reference too often."""
        return self.returns > SELF_FLIP_SHARE * self.looks


class AnchorNight(msgspec.Struct, frozen=True, array_like=True):
    """Anchors counted on a night, and those of them that flipped."""

    night: date
    counted: tuple[str, ...]
    flipped: tuple[str, ...]


class JudgeAlarm(msgspec.Struct, frozen=True):
    """The judge changed: found on `detected`, most likely since `since`. Flip shares before and after it."""

    detected: date
    since: date
    before: float
    after: float
    looks: int
    p0: float
    statistic: float
    threshold: float


class JudgeState(msgspec.Struct, frozen=True):
    """State of the one judge. `last`: the newest alarm that is final; `alarm`: the one that waits for it."""

    anchors: dict[str, Anchor] = {}
    nights: tuple[AnchorNight, ...] = ()
    m: tuple[float, ...] = (0.0,) * len(ALTERNATIVES)
    alarm: JudgeAlarm | None = None
    last: JudgeAlarm | None = None


def step_judge(state: JudgeState, night: date, outcomes: Sequence[AnchorGrade], threshold: float) -> JudgeState:
    """One night of anchors: p0 and who is counted follow from earlier nights only, then tonight enters.

    After an alarm the test rests until `rearm`, and so it does on a night without a counted anchor. Of two grades of
    one anchor a night the lower counts, so that their order does not matter.
    """
    grades = {o.anchor_id: o.grade for o in sorted(outcomes, key=lambda o: (o.anchor_id, -o.grade))}
    tonight = _count(state, night, grades)
    p0 = quiet_share(state)
    rests = state.alarm is not None or not tonight.counted
    m = state.m if p0 is None or rests else update(state.m, len(tonight.flipped), len(tonight.counted), p0)
    nights = _kept((*state.nights, tonight)) if tonight.counted else state.nights
    alarm = state.alarm
    moved = JudgeState({**state.anchors, **_looked(state, grades)}, nights, m, alarm, state.last)
    if alarm is None and p0 is not None and float(np.mean(m)) >= threshold:
        alarm = describe(moved, night, p0, threshold)
    if alarm is None:
        return moved
    return msgspec.structs.replace(moved, anchors=_refreshed(moved.anchors, grades), alarm=alarm)


def update(m: Sequence[float], flips: int, looks: int, p0: float) -> tuple[float, ...]:
    """M <- (1 + M) * product of the night's likelihood ratios, for each p1."""
    return tuple(
        min(M_LIMIT, math.exp(min(700.0, math.log1p(value) + _log_ratio(p1, p0, flips, looks))))
        for value, p1 in zip(m, ALTERNATIVES, strict=True)
    )


def _log_ratio(p1: float, p0: float, flips: int, looks: int) -> float:
    if p0 >= 1.0:  # everything may flip: no number of flips is evidence
        return 0.0
    raised = min(max(p1, LEAST_RATIO * p0), (1 + p0) / 2)  # below 1, also where 1.5 p0 is not
    return flips * math.log(raised / p0) + (looks - flips) * math.log((1 - raised) / (1 - p0))


def quiet_share(state: JudgeState) -> float | None:
    """p0: floor, or Clopper-Pearson bound over the baseline; None while the baseline is too short.

    The baseline is the first 28 nights with counted anchors; while it grows, at least the first 4 and never the newest
    7. Anchors set aside are left out of it, as they are of the test.
    """
    if len(state.nights) < LEAST_BASELINE_NIGHTS:
        return None
    length = min(BASELINE_NIGHTS, max(LEAST_BASELINE_NIGHTS, len(state.nights) - HELD_BACK_NIGHTS))
    flips, looks = _tally(state, state.nights[:length])
    return max(LEAST_P0, flip_bound(flips, looks))


def describe(state: JudgeState, night: date, p0: float, threshold: float) -> JudgeAlarm:
    """The alarm of `night`: since when, by the likeliest first night; pooled flip shares before and since."""
    recent = state.nights[-BASELINE_NIGHTS:]
    p1 = ALTERNATIVES[int(np.argmax(state.m))]
    ratios = [_log_ratio(p1, p0, len(n.flipped), len(n.counted)) for n in recent]
    since = recent[int(np.argmax(np.cumsum(ratios[::-1])[::-1]))].night
    return _shares(state, JudgeAlarm(night, since, 0.0, 0.0, 0, p0, float(np.mean(state.m)), threshold))


def refresh_alarm(state: JudgeState) -> JudgeAlarm | None:
    """The waiting alarm with the flips of all nights since; None without one."""
    return _shares(state, state.alarm) if state.alarm else None


def rearm(state: JudgeState) -> JudgeState:
    """After an alarm is final: what the judge says since it is the new quiet, and anchors start from there.

    An anchor judged three times since has its new reference at once, the others gather it.
    """
    anchors = {
        name: Anchor(first=anchor.fresh, returns=_disagreement(anchor.fresh)) for name, anchor in state.anchors.items()
    }
    return JudgeState(anchors=anchors, last=refresh_alarm(state) or state.last)


def _shares(state: JudgeState, alarm: JudgeAlarm) -> JudgeAlarm:
    quiet = _tally(state, [n for n in state.nights if n.night < alarm.since])
    since = _tally(state, [n for n in state.nights if n.night >= alarm.since])
    return msgspec.structs.replace(
        alarm, before=quiet[0] / max(1, quiet[1]), after=since[0] / max(1, since[1]), looks=since[1]
    )


def _tally(state: JudgeState, nights: Iterable[AnchorNight]) -> tuple[int, int]:
    aside = {name for name, anchor in state.anchors.items() if anchor.set_aside}
    flips = looks = 0
    for night in nights:
        flips += sum(name not in aside for name in night.flipped)
        looks += sum(name not in aside for name in night.counted)
    return flips, looks


def _count(state: JudgeState, night: date, grades: dict[str, int]) -> AnchorNight:
    known = {name: state.anchors[name] for name in grades if name in state.anchors}
    counted = tuple(name for name, anchor in known.items() if anchor.reference is not None and not anchor.set_aside)
    return AnchorNight(night, counted, tuple(name for name in counted if grades[name] != known[name].reference))


def _kept(nights: tuple[AnchorNight, ...]) -> tuple[AnchorNight, ...]:
    """The baseline and as many of the newest nights: what p0 and an alarm's evidence are made of."""
    return nights[:BASELINE_NIGHTS] + nights[BASELINE_NIGHTS:][-BASELINE_NIGHTS:]


def _looked(state: JudgeState, grades: dict[str, int]) -> dict[str, Anchor]:
    return {name: _look(state.anchors.get(name, Anchor()), grade) for name, grade in grades.items()}


def _look(anchor: Anchor, grade: int) -> Anchor:
    if anchor.reference is None:
        first = (*anchor.first, grade)
        return msgspec.structs.replace(anchor, first=first, looks=anchor.looks + 1, returns=_disagreement(first))
    flipped = grade != anchor.reference
    returned = anchor.flipped and not flipped
    return msgspec.structs.replace(anchor, looks=anchor.looks + 1, returns=anchor.returns + returned, flipped=flipped)


def _disagreement(first: Sequence[int]) -> int:
    """Flips by itself that the first three grades already show: one for two values, two for three."""
    return max(0, len(set(first)) - 1)


def _refreshed(anchors: dict[str, Anchor], grades: dict[str, int]) -> dict[str, Anchor]:
    gathering = {name for name in grades if len(anchors[name].fresh) < REFERENCE_LOOKS}
    return {
        name: msgspec.structs.replace(anchor, fresh=(*anchor.fresh, grades[name])) if name in gathering else anchor
        for name, anchor in anchors.items()
    }
