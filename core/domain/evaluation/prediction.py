"""Means by the judge's grades of all items, corrected by people's grades of some: prediction-powered inference.

The estimator is PPI++ (Angelopoulos, Duchi, Zrnic 2023, "PPI++: Efficient Prediction-Powered Inference", after
Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, Science 382): mean of people's grades + power · (mean of the
judge's grades of all items - mean of its grades of those that people graded). `power` is the one with the least
variance, between 0 and 1. With power 1 it takes the judge's bias out, with power 0 it is people's own mean.

The paper's variance is that of items drawn singly. Here queries are drawn: each query adds one number to the error,
made of all its items, graded by people or not (linearised). Where each item is a query of its own, and the graded ones
are others than the rest, the two are the same; a test holds them equal. The interval is the bootstrap's over queries.
`ppi-python` has the paper's formulas too, but brings numba, pandas, statsmodels and gdown along.

People's items must be drawn by chance, whatever the judge said of them: of those that were chosen because the judges
disagree there is no mean of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.bootstrap import FEWEST, RESAMPLES, figure_of
from core.domain.evaluation.estimates import Corrected
from core.domain.evaluation.intervals import Ends, interval
from core.domain.evaluation.metrics import ratio
from core.domain.evaluation.order import both_graded, by_engine
from core.domain.evaluation.sample import NONE, Clusters, Numbers, Sample, Verdicts

NO_LABELS = "no item that the judge answered has a human grade"
NO_ANSWERS = "the judge answered nothing"


@dataclass(frozen=True, slots=True)
class Graded:
    """Items with the judge's grade, and people's where there is one."""

    query: Clusters
    judge: Numbers
    people: Numbers
    """NaN where nobody graded."""

    @property
    def queries(self) -> int:
        """Clusters."""
        return int(self.query.max()) + 1


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """A corrected mean and its standard error, linearised."""

    value: float
    error: float
    power: float


def corrected(sample: Sample, verdicts: Verdicts, resamples: int = RESAMPLES, seed: int = 7) -> tuple[Corrected, ...]:
    """`mean_grade` over the items that the judge answered, `ndcg@10:<engine>` of each engine over the queries that the
    judge's grades have one for; people's nDCG is known of queries whose every judged item they graded."""
    given = verdicts.grade != NONE
    truth = np.where(sample.truth[given] == NONE, np.nan, sample.truth[given].astype(np.float64))
    bounds = float(sample.lowest), float(sample.lowest + sample.grades - 1)
    judge = verdicts.grade[given].astype(np.float64)
    mean = _corrected(names.MEAN_GRADE, Graded(sample.query[given], judge, truth), bounds, resamples, seed)
    return (mean, *_engines(sample, verdicts, resamples, seed))


def prediction_powered(graded: Graded, power: float | None = None) -> PredictionPowered:
    """Mean over items, one of which at least people graded. `power` None: the best one."""
    known = ~np.isnan(graded.people)
    truth, guess = graded.people[known], graded.judge[known]
    own = _added(graded.query[known], truth, graded.queries)
    gain = _added(graded.query[known], guess, graded.queries) - _added(graded.query, graded.judge, graded.queries)
    spread = float((gain**2).sum())
    best = float((own * gain).sum()) / spread if spread > 0 else 0.0
    used = min(max(best, 0.0), 1.0) if power is None else power
    part = len(np.unique(graded.query[known]))
    error = float(np.sqrt(((own - used * gain) ** 2).sum() * part / max(part - 1, 1)))
    value = float(truth.mean() + used * (graded.judge.mean() - guess.mean()))
    return PredictionPowered(value, error, used)


def _added(query: Clusters, values: Numbers, queries: int) -> Numbers:
    """What each query adds to the error of a mean."""
    return np.bincount(query, values - values.mean(), queries) / len(values)


def _corrected(name: str, graded: Graded, bounds: Ends, resamples: int, seed: int) -> Corrected:
    known = ~np.isnan(graded.people)
    labelled, items, queries = int(known.sum()), len(graded.query), len(np.unique(graded.query))
    if not labelled:
        raw = float(graded.judge.mean()) if items else None
        return Corrected(name, raw, None, None, None, None, None, 0, items, queries, NO_LABELS if items else NO_ANSWERS)
    found = prediction_powered(graded)
    low, high, why_not = _ends(name, graded, found.power, bounds, resamples, seed)
    return Corrected(
        name=name,
        raw=float(graded.judge.mean()),
        people=float(graded.people[known].mean()),
        value=min(max(found.value, bounds[0]), bounds[1]),
        low=low,
        high=high,
        power=found.power,
        n_labelled=labelled,
        n_items=items,
        n_queries=queries,
        why_not=why_not,
    )


def _ends(
    name: str, graded: Graded, power: float, bounds: Ends, resamples: int, seed: int
) -> tuple[float | None, float | None, str]:
    """By the bootstrap of every other figure, the power as it was found."""
    known = ~np.isnan(graded.people)
    part = len(np.unique(graded.query[known]))
    if part < FEWEST:
        return None, None, f"human grades in {part} queries: an interval needs {FEWEST}"
    _, query = np.unique(graded.query, return_inverse=True)
    sums = (
        np.bincount(query, graded.judge),
        np.bincount(query),
        np.bincount(query, np.where(known, graded.people, 0)),
        np.bincount(query, np.where(known, graded.judge, 0)),
        np.bincount(query, known),
    )

    def figure(parts: Numbers) -> Numbers:
        judge, items, people, same, labelled = parts
        return ratio(people, labelled) + power * (ratio(judge, items) - ratio(same, labelled))

    resampled = figure_of(np.stack(sums).astype(np.float64), figure, name, resamples, seed)
    ends = interval(resampled, name, part, bounds)
    return (None, None, ends) if isinstance(ends, str) else (*ends, "")


def _engines(sample: Sample, verdicts: Verdicts, resamples: int, seed: int) -> tuple[Corrected, ...]:
    given = verdicts.grade != NONE
    judge = by_engine(sample, verdicts.grade, given)
    people = by_engine(sample, sample.truth, both_graded(sample, verdicts.grade))
    missing = np.bincount(sample.query[given & (sample.truth == NONE)], minlength=sample.queries) > 0
    found = []
    for number, engine in enumerate(sample.engine_names):
        known = ~np.isnan(judge[:, number])
        values = np.where(missing, np.nan, people[:, number])[known]
        graded = Graded(np.arange(int(known.sum()), dtype=np.int32), judge[known, number], values)
        found.append(_corrected(f"{names.NDCG}:{engine}", graded, (0.0, 1.0), resamples, seed))
    return tuple(found)
