"""The few statistics drift needs: Student's T over queries, and bounds on a share of flips."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import stats

T_LIMIT = 1e6
"""T of differences that are all the same and not zero: stands for infinity, which JSON can't hold."""

LEAST_QUERIES = 10
"""Fewest queries a T is made of. Ours: gains have few values, and with fewer queries equal steps of two or three
of them already pass for certainty."""

CONFIDENCE = 0.99
"""Of the Clopper-Pearson bound on the quiet share of flips (the drift design)."""


class Student(msgspec.Struct, frozen=True):
    """Mean over queries of their differences (gain, 0 to 1), T and the number of queries. T is 0 below 2 queries."""

    mean: float
    t: float
    queries: int


def over_queries(differences: Sequence[float]) -> Student:
    """T = mean * sqrt(n) / sd. Over queries, since nights and slots are dependent and queries are not.

    The differences are sorted first, so that their order changes nothing, not even by rounding.
    """
    values = np.sort(np.asarray(differences, dtype=np.float64))
    n = len(values)
    if n < 2:
        return Student(float(values.sum()), 0.0, n)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if sd <= 1e-12:  # rounding of equal values
        return Student(mean, math.copysign(T_LIMIT, mean) if abs(mean) > 1e-12 else 0.0, n)
    return Student(mean, max(-T_LIMIT, min(T_LIMIT, mean * math.sqrt(n) / sd)), n)


def t_threshold(p: float, n: int) -> float:
    """t(1 - p/2, n - 1): two-sided at p. Infinite below 2 queries, where nothing can alarm."""
    return float(stats.t.ppf(1 - p / 2, n - 1)) if n >= 2 else math.inf


def flip_bound(flips: int, looks: int) -> float:
    """Clopper-Pearson 99 % upper bound of the flip probability, seen `flips` of `looks`; 1 when nothing was seen."""
    if looks <= flips:
        return 1.0
    return float(stats.beta.ppf(CONFIDENCE, flips + 1, looks - flips))


def flip_excess(flips: int, looks: int, p0: float) -> float:
    """P(at least `flips` of `looks`) when each flips with probability `p0`."""
    return float(stats.binom.sf(flips - 1, looks, p0))
