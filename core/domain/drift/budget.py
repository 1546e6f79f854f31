"""How much false alarm each test may spend, and the thresholds that follow (the drift design, table of parts).

One segment's budget alpha is the chance of any false alarm in 90 nights. A test owns a share of it and divides that by
the number of its looks; the e-detector instead spends its share over all nights at once.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from core.domain.drift.statistics import t_threshold

Level = Literal["fitted", "guaranteed"]

NIGHTS = 90
"""The period a budget is for, nights."""

FITTED_ALPHA = 0.10
"""Nominal alpha of the fitted level: the union bound is loose, 1,200 simulated quiet streams measured 1.75 %."""

GUARANTEED_ALPHA = 0.02
"""Alpha of the guaranteed level: holds under any dependence over nights, given independent queries."""

JUDGE_SHARE = 0.25
ENGINE_SHARE = 0.20
CATALOGUE_SHARE = 0.10
"""Shares of alpha of the parts that are built; level .20, slow .10, subset .10 and step .05 keep theirs free."""

ENGINE_WINDOWS = (1, 3, 7)
"""k: nights after an event against nights before it; 1 finds a jump at once, 7 outweighs a week's cycle."""

MOST_EVENTS = 3
"""Events tested in 90 nights: what the shares are divided by, so more would spend more than the budget."""

TRAFFIC_LEAST = 0.015
"""Smallest move of the weighted mean gain called traffic (found by simulation)."""

TRAFFIC_SD = 5.0
"""Standard deviations a traffic move has to reach (found by simulation)."""


class DriftSettings(msgspec.Struct, frozen=True):
    """What an operator chooses. `segments`: how many share one budget; 0 means as many as the night has panels."""

    level: Level = "fitted"
    segments: int = 0


def alpha(settings: DriftSettings, panels: int) -> float:
    """One segment's alpha: the level's, split evenly over the segments."""
    return _level_alpha(settings) / max(1, settings.segments or panels)


def judge_threshold(settings: DriftSettings) -> float:
    """Value of the e-detector that alarms: N nights give at most N / c false alarms. 3,600 fitted, 18,000 guaranteed.

    Not divided by segments: all segments have one judge, and its anchors are tested once.
    """
    return NIGHTS / (_level_alpha(settings) * JUDGE_SHARE)


def _level_alpha(settings: DriftSettings) -> float:
    return FITTED_ALPHA if settings.level == "fitted" else GUARANTEED_ALPHA


def engine_threshold(settings: DriftSettings, panels: int, queries: int) -> float:
    """|T| that alarms after an engine event, of `queries` paired queries. 3.11 fitted, 3.59 guaranteed at 150."""
    return t_threshold(alpha(settings, panels) * ENGINE_SHARE / (len(ENGINE_WINDOWS) * MOST_EVENTS), queries)


def catalogue_threshold(settings: DriftSettings, panels: int, queries: int) -> float:
    """|T| that alarms after a catalogue event, of `queries` touched queries. 2.98 fitted, 3.48 guaranteed at 150."""
    return t_threshold(alpha(settings, panels) * CATALOGUE_SHARE / MOST_EVENTS, queries)
