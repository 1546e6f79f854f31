"""The figures that are shown, by the libraries: scikit-learn, krippendorff, scipy. Each function is one metric, or the
reason why the data leaves it undefined; none is ever 0 or 1 for lack of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_recall_fscore_support, roc_auc_score

from core.domain.evaluation import estimates as names
from core.domain.evaluation.metrics import TIE, engine_means
from core.domain.evaluation.order import both_graded, by_grade
from core.domain.evaluation.sample import NONE, Clusters, Grades, Mask, Numbers, Sample, Verdicts, weighted_grade
from core.domain.evaluation.tables import Sums, panel, value_counts

NO_PAIRS = "no item is graded by both"
ONE_TRUTH = "people gave one label only"
ONE_GRADE = "the judge gave one label only"
ONE_QUERY = "one query only: it says nothing of others"
ONE_ENGINE = "fewer than two engines are known"


@dataclass(frozen=True, slots=True)
class Point:
    """A figure, the items and queries it rests on, and why there is none."""

    value: float | None
    items: int
    queries: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Items that people and the judge have graded."""

    query: Clusters
    truth: Grades
    grade: Grades
    score: Numbers

    def point(self, value: float | None, why_not: str = "") -> Point:
        """Resting on all of them."""
        return Point(value, len(self.query), _queries(self.query), why_not)

    def part(self, kept: Mask, value: float | None, why_not: str = "") -> Point:
        """Resting on those that `kept` marks."""
        return Point(value, int(kept.sum()), _queries(self.query[kept]), why_not)


def points(sample: Sample, verdicts: Verdicts, whole: Sums) -> Mapping[str, Point]:
    """Every metric by name; `whole` are the sums over all queries, for what is a mean of queries' figures."""
    both = both_graded(sample, verdicts.grade)
    score = weighted_grade(sample.scale, verdicts)
    pairs = Pairs(sample.query[both], sample.truth[both], verdicts.grade[both], score[both])
    alphas = dict(_alphas(sample, verdicts))
    given = {
        names.EXACT: _exact(pairs),
        names.KAPPA: _kappa(sample, pairs, None),
        names.QUADRATIC_KAPPA: _kappa(sample, pairs, "quadratic"),
        **alphas,
        names.HARD_DISAGREEMENT: _mean(pairs, np.abs(_bias(pairs)) >= sample.scale.hard),
        **dict(_by_label(sample, pairs)),
        names.AUC: _auc(sample, pairs),
        names.RANK_CORRELATION: _rank_correlation(pairs),
        names.MEAN_BIAS: _mean(pairs, _bias(pairs)),
        names.MEAN_GRADE: _mean_grade(sample, verdicts),
        names.NDCG: _ndcg(sample, pairs),
        names.SYSTEM_TAU: _system_tau(sample, pairs, whole),
        names.COVERAGE: _coverage(sample, verdicts),
    }
    return {name: _told(point) for name, point in given.items()}


def _told(point: Point) -> Point:
    """One query says nothing of other queries, whatever the figure on it is."""
    if point.value is not None and point.queries < 2:
        return Point(None, point.items, point.queries, ONE_QUERY)
    return point


def _exact(pairs: Pairs) -> Point:
    if not len(pairs.query):
        return pairs.point(None, NO_PAIRS)
    return pairs.point(float(accuracy_score(pairs.truth, pairs.grade)))


def _kappa(sample: Sample, pairs: Pairs, weights: str | None) -> Point:
    """Where people gave one label the formula says 0 whatever the judge did: that is no finding about the judge."""
    why_not = _one_truth(pairs)
    if why_not:
        return pairs.point(None, why_not)
    labels = np.arange(sample.lowest, sample.lowest + sample.grades)
    return pairs.point(float(cohen_kappa_score(pairs.truth, pairs.grade, labels=labels, weights=weights)))


def _alphas(sample: Sample, verdicts: Verdicts) -> Iterator[tuple[str, Point]]:
    counts = value_counts(sample, panel(sample, verdicts))
    paired = counts.sum(axis=1) > 1
    items, queries = int(paired.sum()), _queries(sample.query[paired])
    why_not = "" if items else "no item has two raters"
    if items and (counts[paired].sum(axis=0) > 0).sum() < 2:
        why_not = "one label only was given"
    scale = np.arange(sample.lowest, sample.lowest + sample.grades)
    levels: tuple[tuple[str, Literal["nominal", "ordinal"]], ...]
    levels = ((names.ALPHA_NOMINAL, "nominal"), (names.ALPHA_ORDINAL, "ordinal"))
    for name, level in levels:
        value = None if why_not else krippendorff.alpha(None, counts[paired], scale, level_of_measurement=level)
        yield name, Point(None if value is None else float(value), items, queries, why_not)


def _by_label(sample: Sample, pairs: Pairs) -> Iterator[tuple[str, Point]]:
    grades = np.arange(sample.lowest, sample.lowest + sample.grades)
    if not len(pairs.query):
        for label in sample.scale.labels:
            yield from ((f"{kind}_{label}", pairs.point(None, NO_PAIRS)) for kind in ("precision", "recall"))
        return
    precision, recall, _, _ = precision_recall_fscore_support(
        pairs.truth, pairs.grade, labels=grades, zero_division=np.nan
    )
    for place, (label, grade) in enumerate(zip(sample.scale.labels, grades, strict=True)):
        called, meant = pairs.grade == grade, pairs.truth == grade
        never = "" if called.any() else f"the judge never said {label}"
        yield f"precision_{label}", pairs.part(called, None if never else float(precision[place]), never)
        never = "" if meant.any() else f"people never said {label}"
        yield f"recall_{label}", pairs.part(meant, None if never else float(recall[place]), never)


def _auc(sample: Sample, pairs: Pairs) -> Point:
    good = pairs.truth > sample.scale.middle
    if not len(good):
        return pairs.point(None, NO_PAIRS)
    if good.all() or not good.any():
        return pairs.point(None, f"people call {'every' if good.all() else 'no'} item good")
    return pairs.point(float(roc_auc_score(good, pairs.score)))


def _rank_correlation(pairs: Pairs) -> Point:
    why_not = _one_truth(pairs) or (ONE_GRADE if np.ptp(pairs.score) == 0 else "")
    if why_not:
        return pairs.point(None, why_not)
    return pairs.point(float(stats.spearmanr(pairs.truth, pairs.score).statistic))


def _mean(pairs: Pairs, values: Numbers | Mask) -> Point:
    return pairs.point(float(values.mean())) if len(values) else pairs.point(None, NO_PAIRS)


def _bias(pairs: Pairs) -> Numbers:
    return pairs.grade.astype(np.float64) - pairs.truth


def _mean_grade(sample: Sample, verdicts: Verdicts) -> Point:
    given = verdicts.grade != NONE
    items, queries = int(given.sum()), _queries(sample.query[given])
    if not items:
        return Point(None, 0, 0, "the judge answered nothing")
    return Point(float(verdicts.grade[given].mean()), items, queries)


def _ndcg(sample: Sample, pairs: Pairs) -> Point:
    values = by_grade(pairs.query, pairs.truth, pairs.score, sample.queries, sample.lowest)
    used = ~np.isnan(values)
    if not used.any():
        return pairs.point(None, "no query has items of different grades" if len(pairs.query) else NO_PAIRS)
    return pairs.part(used[pairs.query], float(values[used].mean()))


def _system_tau(sample: Sample, pairs: Pairs, whole: Sums) -> Point:
    if len(sample.engine_names) < 2:
        return pairs.point(None, ONE_ENGINE)
    judge, people = (np.round(means[:, 0], TIE) for means in engine_means(whole))
    if np.isnan(people).any():
        lost = sample.engine_names[int(np.argmax(np.isnan(people)))]
        return pairs.point(None, f"no query of {lost} has graded results among its first ten")
    if np.ptp(judge) == 0 or np.ptp(people) == 0:
        return pairs.point(None, "all engines are alike")
    return pairs.point(float(stats.kendalltau(judge, people).statistic))


def _coverage(sample: Sample, verdicts: Verdicts) -> Point:
    if not len(sample.query):
        return Point(None, 0, 0, "no item")
    return Point(float((verdicts.grade != NONE).mean()), len(sample.query), sample.queries)


def _one_truth(pairs: Pairs) -> str:
    if not len(pairs.query):
        return NO_PAIRS
    return ONE_TRUTH if np.ptp(pairs.truth) == 0 else ""


def _queries(query: Clusters) -> int:
    return len(np.unique(query))
