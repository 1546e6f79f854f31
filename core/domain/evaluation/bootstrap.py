"""Metrics in resamples of whole queries (Field and Welsh 2007): items of one query stand or fall together, so drawing
items alone would make intervals too narrow. `intervals.py` takes the ends from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.means import Mean
from core.domain.evaluation.metrics import metrics, ratio
from core.domain.evaluation.sample import Numbers
from core.domain.evaluation.tables import Sums, Tables, left_out, summed

RESAMPLES = 2_000
"""The 2.5 % tail is 50 of them: an interval's end moves by a thirtieth of its length from seed to seed."""

FEWEST = 10
"""Queries below which no interval is told, as in `core.domain.ranking`: of so few it holds far less than it says."""

FEWEST_ORDERED = 40
"""Queries below which a difference in the order of items (AUC, nDCG) has no interval: of judges that order nearly all
queries alike 84 of 100 held it at 20 queries, 89 at 30; the few queries that tell them apart are missed."""

UNSEEN = 0.7
"""Of a bias or difference: its error counts so much of one query more, as far out as the farthest there is. Without it
58 of 241 coverages (metrics of five pairs of judges at 20 to 150 queries) were below 93 %, with it 34; above 97 % came
26 and 41 (`tests.bench.evaluation pairs`). A whole query more put kappas beyond 97 %."""

UNSEEN_ORDERED = {names.AUC: 1.0, names.NDCG: 1.5}
"""The same of the order of items, where fewer queries tell two judges apart: with 0.7, 92 and 90 % held at 50."""

AT_ONCE = 256
"""Resamples in one go: the tables of so many stay in the cache of a core."""

ROUNDING = 1e-12
"""A standard error below it is rounding."""

CURVED = frozenset({names.KAPPA, names.QUADRATIC_KAPPA, names.AUC, names.RANK_CORRELATION})
"""Taken on Fisher's scale. Alphas hold better on their own: theirs went to 97.5 % at 20 queries."""


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
    curved: frozenset[str]
    """Metrics taken on Fisher's scale."""
    unseen: Numbers
    """[metrics], how far a query that is not among those drawn may move the figure."""
    fewest: Mapping[str, int]
    """Queries that an interval needs where it is more than `FEWEST`."""


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

    found = _collected(_names(tables), figures, _alike(tables.below, len(influence)), tables.queries, resamples, seed)
    times = np.array([UNSEEN if name == names.MEAN_BIAS else 0.0 for name in found.names])
    two_tails = frozenset(tables.names) - {names.MEAN_BIAS}
    return replace(found, two_tails=two_tails, curved=CURVED, unseen=_unseen(influence, times))


def drawn_difference(a: Tables, b: Tables, resamples: int, seed: int) -> Drawn:
    """b less a, both in the same resamples. Both go by the same queries."""
    influence = _influence(b) - _influence(a)

    def figures(drawing: Numbers) -> tuple[Numbers, Numbers]:
        return _values(b, drawing) - _values(a, drawing), _spread(influence, drawing)

    alike = np.minimum(_alike(a.below, len(influence)), _alike(b.below, len(influence)))
    found = _collected(_names(a), figures, alike, a.queries, resamples, seed)
    times = np.array([UNSEEN_ORDERED.get(name, UNSEEN) for name in found.names])
    return replace(found, unseen=_unseen(influence, times), fewest=dict.fromkeys(UNSEEN_ORDERED, FEWEST_ORDERED))


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

    found = _collected((name,), figures, np.full(1, np.inf), queries, resamples, seed)
    return replace(found, unseen=_unseen(influence, np.full(1, UNSEEN)))


def _collected(
    metric_names: tuple[str, ...],
    figures: Callable[[Numbers], tuple[Numbers, Numbers]],
    alike: Numbers,
    queries: int,
    resamples: int,
    seed: int,
) -> Drawn:
    """`figures` of all queries and of every resample; both tails alike."""
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
        two_tails=frozenset(),
        curved=frozenset(),
        unseen=np.zeros(len(metric_names)),
        fewest={},
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


def _unseen(influence: Numbers, times: Numbers) -> Numbers:
    """So many times how far the farthest query moves each figure."""
    farthest: Numbers = times * np.abs(influence).max(axis=1) / influence.shape[1]
    return farthest


def _spread(influence: Numbers, drawing: Numbers) -> Numbers:
    """Standard error of each metric in each resample, by the influences of its queries."""
    queries = influence.shape[1]
    mean = influence @ drawing / queries
    variance = np.maximum((influence**2) @ drawing / queries - mean**2, 0)
    spread: Numbers = np.sqrt(variance * _free(queries) / queries)
    return spread


def _free(queries: int) -> float:
    """Bessel's correction."""
    return queries / max(queries - 1, 1)
