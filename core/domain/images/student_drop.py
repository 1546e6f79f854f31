"""Whether student and judge agree less than they did: rank correlation and mean bias, with errors by seller. Pure.

Errors are by the delete-a-group jackknife over sellers (Kott, J. Official Statistics 2001), rank correlation on
Fisher's scale, where its error does not hang on its value; the rule is a t test of the two (docs/student.md has its
false alarms and power by simulation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from scipy.stats import t as student_t

from core.domain.images.labelled import AgreedLabel
from core.domain.task_keys import digest

Metric = Literal["rank_correlation", "mean_bias"]
Against = Literal["earlier labels", "held-back pictures"]
METRICS: tuple[Metric, ...] = ("rank_correlation", "mean_bias")

GROUPS = 20
"""Of sellers, by hash: the test has one degree of freedom less, and with 20 its bound is not far from normal's."""

Z_END = 0.9999
"""Farthest that Fisher's scale is asked for: it is infinite at 1."""


@dataclass(frozen=True, slots=True)
class DropRules:
    """When less agreement is told."""

    recent_days: int = 7
    """Weekdays even out."""
    base_days: int = 28
    """Before them: four of each weekday."""
    least: int = 60
    """Labels on either side: the rank correlation of fewer has an error over 0.13, and nothing would be found."""
    chance: float = 1e-4
    """Of a false alarm by one test; shared out among segments. Two tests a night are 0.07 expected ones a year;
    simulated (docs/student.md) there was none in seven years."""
    drop: float = 0.05
    """Of rank correlation: less changes no order that a ranker would notice, however sure it is."""
    shift: float = 0.3
    """Points of mean bias: a third of what a label can tell apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the two agree on some pictures: `value` as it is told, `at` on the scale of the test, `error` there."""

    value: float
    at: float
    error: float
    labels: int
    freedom: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Agreement that fell further than chance and matters: segment, metric, then and now."""

    market: str
    """Empty: all markets."""
    metric: Metric
    before: Standing
    after: Standing
    chance: float
    """Of so large a difference where nothing changed, by the test."""
    against: Against


def standing(labels: Sequence[AgreedLabel], metric: Metric) -> Standing | None:
    """Of these labels; None where it is not defined or sellers are too few."""
    student = np.array([each.student for each in labels], dtype=np.float64)
    judge = np.array([each.score for each in labels], dtype=np.float64)
    _, group = np.unique(
        [int(digest("agreement", each.seller)[:8], 16) % GROUPS for each in labels], return_inverse=True
    )
    groups = int(group.max()) + 1 if len(labels) else 0
    if groups < GROUPS // 2:
        return None
    whole = _figure(student, judge, metric)
    without = np.array([_figure(student[group != out], judge[group != out], metric) for out in range(groups)])
    if np.isnan(whole) or np.isnan(without).any():
        return None
    error = float(((groups - 1) / groups * ((without - whole) ** 2).sum()) ** 0.5)
    value = float(np.tanh(whole)) if metric == "rank_correlation" else float(whole)
    return Standing(value, float(whole), error, len(labels), groups - 1)


def told_standing(
    value: float | None, low: float | None, high: float | None, labels: int, metric: Metric
) -> Standing | None:
    """Of a figure with its 95 % interval, as a training tells it; without an interval there is nothing to test."""
    if value is None or low is None or high is None:
        return None
    at, ends = _scaled(value, metric), (_scaled(low, metric), _scaled(high, metric))
    return Standing(value, at, (ends[1] - ends[0]) / (2 * 1.96), labels, GROUPS - 1)


def dropped(
    before: Standing | None, after: Standing | None, metric: Metric, rules: DropRules, tests: int
) -> float | None:
    """The chance of such a difference where it is below the bound for so many tests and large enough to matter; else
    None. Rank correlation counts when it falls, bias when it moves either way."""
    if before is None or after is None:
        return None
    apart, error = before.at - after.at, float(np.hypot(before.error, after.error))
    freedom = min(before.freedom, after.freedom)
    if metric == "rank_correlation":
        chance = float(student_t.sf(apart / max(error, 1e-9), freedom))
        matters = before.value - after.value >= rules.drop
    else:
        chance = 2 * float(student_t.sf(abs(apart) / max(error, 1e-9), freedom))
        matters = abs(apart) >= rules.shift
    return chance if matters and chance < rules.chance / tests else None


def _figure(student: NDArray[np.float64], judge: NDArray[np.float64], metric: Metric) -> float:
    """On the scale of the test; NaN where one side says the same of all."""
    if metric == "mean_bias":
        return float((student - judge).mean()) if len(student) else np.nan
    if len(student) < 3 or np.ptp(student) == 0 or np.ptp(judge) == 0:
        return np.nan
    return _scaled(float(np.corrcoef(rankdata(student), rankdata(judge))[0, 1]), metric)


def _scaled(value: float, metric: Metric) -> float:
    return float(np.arctanh(np.clip(value, -Z_END, Z_END))) if metric == "rank_correlation" else value
