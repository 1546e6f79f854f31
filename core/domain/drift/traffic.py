"""Traffic: did the mix of queries move, while the queries themselves did not?

The statistic is the sum over queries of (mean weight of 7 nights - mean weight of 28 nights) * mean gain of 28 nights.
The gain of a query is held fixed, so neither engine nor judge nor catalogue can move it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from core.domain.drift.budget import TRAFFIC_LEAST, TRAFFIC_SD
from core.domain.drift.panel import NightAccount

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Vector = np.ndarray[tuple[int], np.dtype[np.float64]]

RECENT_NIGHTS = 7
LONG_NIGHTS = 28


class TrafficMove(msgspec.Struct, frozen=True):
    """Weighted mean gain at the 28 nights' mix and at the 7 nights' mix, and the |move| that alarms."""

    before: float
    after: float
    threshold: float
    queries: tuple[str, ...]

    @property
    def move(self) -> float:
        """The statistic."""
        return self.after - self.before

    @property
    def alarms(self) -> bool:
        """|statistic| >= max(.015, 5 sd)."""
        return abs(self.move) >= self.threshold


def traffic_move(history: Sequence[NightAccount]) -> TrafficMove | None:
    """The statistic on the newest night; None before 28 nights are stored.

    Its sd, which the drift design leaves open: that of the nightly weighted gain over the 21 earlier nights, times
    sqrt(1/7 - 1/28), as for independent nights; a weekly cycle widens it, which is the careful side.
    """
    nights = history[-LONG_NIGHTS:]
    if len(nights) < LONG_NIGHTS:
        return None
    names = sorted({row.query for night in nights for row in night.rows})
    index = {name: i for i, name in enumerate(names)}
    weights, gains = np.zeros((LONG_NIGHTS, len(names))), np.full((LONG_NIGHTS, len(names)), np.nan)
    for i, night in enumerate(nights):
        at = [index[row.query] for row in night.rows]
        weights[i, at] = [row.weight for row in night.rows]
        gains[i, at] = [math.nan if row.mean_gain is None else row.mean_gain for row in night.rows]
    looks = np.count_nonzero(~np.isnan(gains), axis=0)
    fixed = np.nansum(gains, axis=0) / np.maximum(looks, 1)
    shares = _shares(weights * (looks > 0))
    return _move(shares, fixed, names)


def _shares(
    weights: Matrix,
) -> Matrix:
    """Each night's weights over the queries that have a gain at all, to sum 1; a night without any stays 0."""
    totals = weights.sum(axis=1, keepdims=True)
    return weights / np.where(totals > 0, totals, 1.0)


def _move(
    shares: Matrix,
    fixed: Vector,
    names: Sequence[str],
) -> TrafficMove:
    nightly = shares @ fixed
    sd = float(np.std(nightly[:-RECENT_NIGHTS], ddof=1)) * math.sqrt(1 / RECENT_NIGHTS - 1 / LONG_NIGHTS)
    change = shares[-RECENT_NIGHTS:].mean(axis=0) - shares.mean(axis=0)
    most = np.argsort(-np.abs(change), kind="stable")[:5]
    return TrafficMove(
        float(nightly.mean()),
        float(nightly[-RECENT_NIGHTS:].mean()),
        max(TRAFFIC_LEAST, TRAFFIC_SD * sd),
        tuple(names[i] for i in most if abs(change[i]) > 0),
    )
