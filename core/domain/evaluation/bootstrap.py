"""Intervals over queries by a bootstrap that draws whole queries (Field and Welsh 2007): items of one query stand or
fall together, so drawing items alone would make them too narrow.

The plain percentile interval held the truth in 81 to 93 of 100 draws at 20 queries of real data. What is used instead
(docs/metrics-of-agreement.md has the simulation):

- means and shares: studentised, both tails by themselves (Efron and Tibshirani 1993, 12.5), the error of each resample
  by linearisation of the ratio, wider where few queries hold most items;
- what is curved (kappas, alphas, AUC, rank correlation), biases and differences: studentised, symmetric (Hall 1988),
  the error of each resample by the jackknife's influences of its queries;
- Kendall's tau of engines, which takes few values: percentiles, expanded for the number of queries (Hesterberg 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from core.domain.evaluation import estimates as names
from core.domain.evaluation.means import Mean
from core.domain.evaluation.metrics import metrics, ratio
from core.domain.evaluation.sample import Mask, Numbers
from core.domain.evaluation.tables import Sums, Tables, left_out, summed

RESAMPLES = 2_000
"""The 2.5 % tail is 50 of them: an interval's end moves by a thirtieth of its length from seed to seed."""

FEWEST = 10
"""Queries below which no interval is told, as in `core.domain.ranking`: of so few it holds far less than it says."""

FEWEST_ALIKE = 7
"""Below which a mean has no interval, in queries of equal size that would spread its items as far. A label found in few
queries had its recall held by 83 of 100 intervals at 20 queries, by 91 of those that this leaves."""

DEFINED = 0.95
"""Of the resamples a metric is defined in: with fewer, the interval would be that of the lucky ones."""

TAIL = 0.025

AT_ONCE = 256
"""Resamples in one go: the tables of so many stay in the cache of a core."""

ROUNDING = 1e-12
"""A standard error below it is rounding."""

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Of one judge, or of the difference of two: by metric what resamples say."""

    names: tuple[str, ...]
    whole: Numbers
    """[metrics], of all queries."""
    error: Numbers
    """[metrics], its standard error."""
    values: Numbers
    """[metrics, resamples]"""
    errors: Numbers
    """Standard error of each value."""
    queries: int
    """Drawn each time."""
    alike: Numbers
    """[metrics], queries of equal size that would spread a mean's items as far; infinite of what is no mean."""
    two_tails: frozenset[str]
    """Metrics whose tails go by themselves."""


def weights(queries: int, resamples: int, seed: int) -> Iterator[Numbers]:
    """How often each query is in each resample, [queries, at most `AT_ONCE`] at a time."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, AT_ONCE):
        count = min(AT_ONCE, resamples - first)
        drawn = rng.integers(0, queries, (count, queries)) * count + np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=queries * count).reshape(queries, count).astype(np.float64)


def of_all(tables: Tables) -> Sums:
    """Every query once."""
    return summed(tables, np.ones((tables.queries, 1)))


def drawn(tables: Tables, resamples: int, seed: int) -> Drawn:
    """One judge's metrics in each resample. Means come first, with errors of their own."""
    influence, means = _influence(tables), len(tables.names)

    def figures(drawing: Numbers) -> tuple[Numbers, Numbers]:
        values, errors = _values(tables, drawing), _spread(influence, drawing)
        errors[:means] = _errors_of_means(tables.above, tables.below, drawing, values[:means])
        return values, errors

    two_tails = frozenset(tables.names) - {names.MEAN_BIAS}
    alike = _alike(tables.below, len(influence))
    return _collected(_names(tables), figures, alike, tables.queries, resamples, seed, two_tails)


def drawn_difference(a: Tables, b: Tables, resamples: int, seed: int) -> Drawn:
    """b less a, both in the same resamples. Both go by the same queries."""
    influence = _influence(b) - _influence(a)

    def figures(drawing: Numbers) -> tuple[Numbers, Numbers]:
        return _values(b, drawing) - _values(a, drawing), _spread(influence, drawing)

    alike = np.minimum(_alike(a.below, len(influence)), _alike(b.below, len(influence)))
    return _collected(_names(a), figures, alike, a.queries, resamples, seed)


def mean_of(mean: Mean, name: str, resamples: int, seed: int) -> Drawn:
    """One mean by itself, as `drawn` has those of a judge; both tails together."""
    above, below = mean.above[None, :], mean.below[None, :]

    def figures(drawing: Numbers) -> tuple[Numbers, Numbers]:
        values = ratio(above @ drawing, below @ drawing)
        return values, _errors_of_means(above, below, drawing, values)

    return _collected((name,), figures, _alike(below, 1), len(mean.above), resamples, seed)


def figure_of(parts: Numbers, figure: Callable[[Numbers], Numbers], name: str, resamples: int, seed: int) -> Drawn:
    """One figure of sums of `parts` [parts, queries]; `figure` takes [parts, resamples] to [resamples]."""
    queries = parts.shape[1]
    influence = _influence_of(figure(parts.sum(axis=1, keepdims=True) - parts)[None, :])

    def figures(drawing: Numbers) -> tuple[Numbers, Numbers]:
        return figure(parts @ drawing)[None, :], _spread(influence, drawing)

    return _collected((name,), figures, np.full(1, np.inf), queries, resamples, seed)


def interval(found: Drawn, name: str, queries: int, bounds: Ends) -> Ends | str:
    """95 % ends of one metric that rests on so many queries, or why there are none. `bounds`: the metric's own ends,
    which an interval never leaves."""
    at = found.names.index(name)
    if queries < FEWEST:
        return f"{queries} queries: an interval needs {FEWEST}"
    if found.alike[at] < FEWEST_ALIKE:
        alike = f"as in {found.alike[at]:.1f} of equal size"
        return f"most of its items lie in few queries, {alike}: an interval needs {FEWEST_ALIKE}"
    if name == names.SYSTEM_TAU:
        return _expanded(found.values[at], queries, bounds)
    if not found.error[at] > ROUNDING:
        return "the same in every query: no spread to take an interval from"
    return _studentised(found, at, bounds)


def _studentised(found: Drawn, at: int, bounds: Ends) -> Ends | str:
    whole, error, values, errors = found.whole[at], found.error[at], found.values[at], found.errors[at]
    known = np.isfinite(values) & (errors > ROUNDING)
    if known.mean() < DEFINED:
        return _lost(known)
    away = (values[known] - whole) / errors[known] * _for_uneven(found, at)
    if found.names[at] in found.two_tails:
        low, high = np.quantile(away, [TAIL, 1 - TAIL])
        return _inside((whole - high * error, whole - low * error), bounds)
    reach = float(np.quantile(np.abs(away), 1 - 2 * TAIL)) * error
    return _inside((whole - reach, whole + reach), bounds)


def _for_uneven(found: Drawn, at: int) -> float:
    """Where few queries hold most items, the error is known as well as from fewer queries: Student's t of those to
    Student's t of all (degrees of freedom of uneven clusters: Carter, Schnepel and Steigerwald 2017)."""
    if not np.isfinite(found.alike[at]):
        return 1.0
    few, every = (float(stats.t.ppf(1 - TAIL, queries - 1)) for queries in (found.alike[at], found.queries))
    return few / every


def _collected(
    metric_names: tuple[str, ...],
    figures: Callable[[Numbers], tuple[Numbers, Numbers]],
    alike: Numbers,
    queries: int,
    resamples: int,
    seed: int,
    two_tails: frozenset[str] = frozenset(),
) -> Drawn:
    """`figures` of all queries and of every resample."""
    whole, error = figures(np.ones((queries, 1)))
    parts = [figures(drawing) for drawing in weights(queries, resamples, seed)]
    return Drawn(
        names=metric_names,
        whole=whole[:, 0],
        error=error[:, 0],
        values=np.concatenate([values for values, _ in parts], axis=1),
        errors=np.concatenate([errors for _, errors in parts], axis=1),
        queries=queries,
        alike=alike,
        two_tails=two_tails,
    )


def _names(tables: Tables) -> tuple[str, ...]:
    return tuple(metrics(of_all(tables)))


def _values(tables: Tables, drawing: Numbers) -> Numbers:
    return np.stack(list(metrics(summed(tables, drawing)).values()))


def _alike(below: Numbers, width: int) -> Numbers:
    """Effective number of clusters (Kish 1965): that of equal ones with the same loss. Means come first."""
    found = np.full(width, np.inf)
    found[: len(below)] = ratio(below.sum(axis=1) ** 2, (below**2).sum(axis=1))
    return found


def _errors_of_means(above: Numbers, below: Numbers, drawing: Numbers, means: Numbers) -> Numbers:
    """Of ratios of sums over queries, linearised (Cochran 1977, 6.4)."""
    squares = (above**2) @ drawing - 2 * means * ((above * below) @ drawing) + means**2 * ((below**2) @ drawing)
    return ratio(np.sqrt(np.maximum(squares, 0) * _free(above.shape[1])), below @ drawing)


def _influence(tables: Tables) -> Numbers:
    """How much each query moves each metric (jackknife), [metrics, queries], mean 0."""
    parts = [
        np.stack(list(metrics(left_out(tables, first, min(first + AT_ONCE, tables.queries))).values()))
        for first in range(0, tables.queries, AT_ONCE)
    ]
    return _influence_of(np.concatenate(parts, axis=1))


def _influence_of(without: Numbers) -> Numbers:
    """From figures without each query, [figures, queries]; 0 where there is none without it."""
    known = np.isfinite(without)
    centre = ratio(np.where(known, without, 0).sum(axis=1), known.sum(axis=1).astype(np.float64))
    return np.where(known, (without.shape[1] - 1) * (centre[:, None] - without), 0.0)


def _spread(influence: Numbers, drawing: Numbers) -> Numbers:
    """Standard error of each metric in each resample, by the influences of its queries."""
    queries = influence.shape[1]
    mean = influence @ drawing / queries
    variance = np.maximum((influence**2) @ drawing / queries - mean**2, 0)
    spread: Numbers = np.sqrt(variance * _free(queries) / queries)
    return spread


def _expanded(values: Numbers, queries: int, bounds: Ends) -> Ends | str:
    known = np.isfinite(values)
    if known.mean() < DEFINED:
        return _lost(known)
    reach = np.sqrt(queries / (queries - 1)) * stats.t.ppf(1 - TAIL, queries - 1)
    tail = float(stats.norm.cdf(-reach))
    return _inside((float(np.quantile(values[known], tail)), float(np.quantile(values[known], 1 - tail))), bounds)


def _lost(known: Mask) -> str:
    return f"{1 - known.mean():.0%} of the resamples leave it undefined: too few queries have a part in it"


def _inside(ends: Ends, bounds: Ends) -> Ends:
    return max(float(ends[0]), bounds[0]), min(float(ends[1]), bounds[1])


def _free(queries: int) -> float:
    """Bessel's correction."""
    return queries / max(queries - 1, 1)
