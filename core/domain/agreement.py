"""How far two graders of the same pairs agree, with intervals over queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GRADES = 3
"""0 irrelevant, 1 acceptable substitute, 2 highly relevant."""

RESAMPLES = 1_000
"""Resamples of queries for an interval: its ends move by under 0.005 from seed to seed at 100 queries."""

LEVEL = 0.95

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between its 95 % ends; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two graders. `confusion[a][b]` pairs were graded a by the first and b by the second."""

    pairs: int
    queries: int
    exact: Interval
    kappa: Interval
    """Cohen's kappa with quadratic weights: 1 the same, 0 no better than chance."""
    confusion: tuple[tuple[int, ...], ...]


def agreement(one: Sequence[int], other: Sequence[int], queries: Sequence[str], seed: int) -> Agreement:
    """Grades 0 to 2 of the same pairs by two graders, and the query of each pair.

    Intervals are percentiles over resampled queries (Field and Welsh 2007, cluster bootstrap): pairs of one query stand
    or fall together, so pairs alone would make them too narrow.
    """
    names = sorted(set(queries))
    place = {name: number for number, name in enumerate(names)}
    tables = np.zeros((len(names), GRADES, GRADES))
    for first, second, query in zip(one, other, queries, strict=True):
        tables[place[query], first, second] += 1
    whole = tables.sum(axis=0)
    samples: Sequence[Counts] = list(np.tensordot(_times_drawn(len(names), seed), tables, 1)) if names else []
    return Agreement(
        pairs=len(one),
        queries=len(names),
        exact=_interval(_exact(whole), [_exact(sample) for sample in samples]),
        kappa=_interval(quadratic_kappa(whole), [quadratic_kappa(sample) for sample in samples]),
        confusion=tuple(tuple(int(count) for count in row) for row in whole),
    )


def _times_drawn(queries: int, seed: int) -> Counts:
    """How often each query is in each resample."""
    drawn = np.random.Generator(np.random.PCG64(seed)).multinomial(queries, [1 / queries] * queries, RESAMPLES)
    return drawn.astype(np.float64)


def quadratic_kappa(table: Counts) -> float | None:
    """Weighted kappa (Cohen 1968) with weights (a - b)²; None where chance alone leaves nothing to disagree on."""
    total = table.sum()
    if not total:
        return None
    grades = np.arange(len(table))
    weights = (grades[:, None] - grades[None, :]) ** 2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    by_chance = float((weights * expected).sum())
    return None if by_chance == 0 else 1 - float((weights * table).sum()) / by_chance


def _exact(table: Counts) -> float | None:
    total = float(table.sum())
    return float(np.trace(table)) / total if total else None


def _interval(value: float | None, samples: Sequence[float | None]) -> Interval:
    known = [sample for sample in samples if sample is not None]
    if value is None or not known:
        return Interval(value, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
