"""How well engines rank by the labels: nDCG@k, precision@k, share of irrelevant@k, a query as the unit.

The measures are those of `ir-measures` (trec_eval's). Gain is the grade itself, linear as in drift (docs/drift.md):
highly relevant 2, acceptable substitute 1, irrelevant 0; discount 1 / log2(rank + 1). The ideal ranking is made of all
judged results of the query, over the union of the engines that are compared. What is not judged is neither relevant nor
irrelevant: it is left out of the list (condensed lists, Sakai 2007) and told as coverage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import Judged, P, Qrel, ScoredDoc, nDCG
from scipy import stats

from core.domain.engines import QueryKey

Measure = Literal["ndcg", "precision", "irrelevant"]
MEASURES: tuple[Measure, ...] = ("ndcg", "precision", "irrelevant")

RESAMPLES = 9_999
"""Bootstrap samples: the 2.5 % tail is 250 of them, which moves an interval's end by a hundredth of its length."""

BATCH_NUMBERS = 2_000_000
"""Numbers drawn at once: 16 MB, whatever the number of queries."""

FEWEST = 10
"""Queries below which there is neither interval nor p: a bootstrap of so few covers far less than it says."""

DECIMALS = 12
"""Of a difference: what is beyond is rounding, and would make ties and spreads of what is alike."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """One engine's list of one query, its first k. None where the labels do not say."""

    engine: str
    query: QueryKey
    ndcg: float | None
    precision: float | None
    irrelevant: float | None
    shown: int
    """Results among the first k."""
    judged: int
    """Those of them that have a label."""

    def value(self, measure: Measure) -> float | None:
        """One of the three."""
        return {"ndcg": self.ndcg, "precision": self.precision, "irrelevant": self.irrelevant}[measure]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % interval (bootstrap over queries, BCa); none of fewer than `FEWEST`."""

    queries: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """An engine minus the baseline, paired by query: mean, 95 % interval, two-sided p, and the queries each way."""

    queries: int
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    wins: int
    losses: int
    ties: int


def query_figures(
    lists: Mapping[tuple[str, QueryKey], Sequence[str]], grades: Mapping[QueryKey, Mapping[str, int]], k: int
) -> list[QueryFigures]:
    """Figures of every list; `lists` are listing ids in rank order, by engine and query, `grades` what is judged."""
    by_engine: dict[str, dict[QueryKey, Sequence[str]]] = {}
    for (engine, query), ids in lists.items():
        by_engine.setdefault(engine, {})[query] = ids[:k]
    return [each for engine, ranked in by_engine.items() for each in _of_engine(engine, ranked, grades, k)]


def estimate(values: Sequence[float], seed: int) -> Estimate:
    """Mean and interval of one value a query."""
    if not values:
        return Estimate(0, None, None, None)
    numbers = np.array(values, dtype=np.float64)
    low, high = _interval(numbers, seed)
    return Estimate(len(values), float(numbers.mean()), low, high)


def difference(of: Mapping[QueryKey, float], baseline: Mapping[QueryKey, float], seed: int) -> Difference:
    """Paired over the queries that both have: the interval by bootstrap over queries, p by Fisher's randomisation test
    (signs of the differences flipped), which stays honest where the bootstrap's own p is too small, with few queries
    and with differences that are all alike (Smucker, Allan and Carterette 2007 compare both)."""
    both = sorted(of.keys() & baseline.keys())
    numbers = np.array([round(of[query] - baseline[query], DECIMALS) for query in both], dtype=np.float64)
    wins, losses = int((numbers > 0).sum()), int((numbers < 0).sum())
    if not both:
        return Difference(0, None, None, None, None, 0, 0, 0)
    low, high = _interval(numbers, seed)
    ties = len(both) - wins - losses
    return Difference(len(both), float(numbers.mean()), low, high, _p_value(numbers, seed), wins, losses, ties)


def values_of(figures: Sequence[QueryFigures], engine: str, measure: Measure) -> dict[QueryKey, float]:
    """One engine's values by query, of the queries that have one."""
    found = {each.query: each.value(measure) for each in figures if each.engine == engine}
    return {query: value for query, value in found.items() if value is not None}


def _of_engine(
    engine: str, lists: Mapping[QueryKey, Sequence[str]], grades: Mapping[QueryKey, Mapping[str, int]], k: int
) -> list[QueryFigures]:
    measured = [query for query, ids in lists.items() if grades.get(query) and set(ids) & set(grades[query])]
    computed = _computed(measured, lists, grades, k)
    return [_figures(engine, query, ids, grades.get(query, {}), computed.get(query), k) for query, ids in lists.items()]


def _computed(
    queries: Sequence[QueryKey],
    lists: Mapping[QueryKey, Sequence[str]],
    grades: Mapping[QueryKey, Mapping[str, int]],
    k: int,
) -> dict[QueryKey, dict[str, float]]:
    """What the library says of each query that has something to measure."""
    if not queries:
        return {}
    names = {str(number): query for number, query in enumerate(queries)}
    qrels = [Qrel(name, i, grade) for name, query in names.items() for i, grade in grades[query].items()]
    run = [ScoredDoc(name, i, -float(rank)) for name, query in names.items() for rank, i in enumerate(lists[query])]
    asked = [nDCG(judged_only=True) @ k, P(rel=1) @ k, Judged @ k]
    found: dict[QueryKey, dict[str, float]] = {}
    for metric in ir_measures.iter_calc(asked, qrels, run):
        found.setdefault(names[str(metric.query_id)], {})[str(metric.measure.NAME)] = float(metric.value)
    return found


def _figures(
    engine: str,
    query: QueryKey,
    ids: Sequence[str],
    graded: Mapping[str, int],
    computed: Mapping[str, float] | None,
    k: int,
) -> QueryFigures:
    """An empty list shows nothing relevant (0, 0) and nothing irrelevant (no share), if anything was judged at all;
    a list of which nothing is judged says nothing."""
    shown = len(ids)
    if computed is None:
        empty = 0.0 if graded and not ids else None
        return QueryFigures(engine, query, empty, empty, None, shown, 0)
    judged = round(computed["Judged"] * min(k, shown))
    relevant = computed["P"] * k
    return QueryFigures(
        engine,
        query,
        computed["nDCG"],
        relevant / (k - (shown - judged)),
        (judged - relevant) / judged,
        shown,
        judged,
    )


def _interval(numbers: Numbers, seed: int) -> tuple[float | None, float | None]:
    """Ends of the 95 % interval of the mean; numbers that are all alike have no spread."""
    if len(numbers) < FEWEST:
        return None, None
    if np.ptp(numbers) == 0:
        return float(numbers[0]), float(numbers[0])
    found = stats.bootstrap(
        (numbers,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH_NUMBERS // len(numbers)),
        vectorized=True,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _p_value(numbers: Numbers, seed: int) -> float | None:
    if len(numbers) < FEWEST:
        return None
    found = stats.permutation_test(
        (numbers,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=max(1, BATCH_NUMBERS // len(numbers)),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)
