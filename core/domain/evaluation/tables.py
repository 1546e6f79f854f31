"""What each query adds to each figure. A resample of queries is then a weighted sum of tables: no item is looked at
twice, and 2,000 resamples are a few products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.domain.evaluation.means import means
from core.domain.evaluation.order import both_graded, by_engine
from core.domain.evaluation.sample import NONE, Grades, Mask, Numbers, Sample, Scale, Verdicts, weighted_grade

BINS = 512
"""Scores kept apart in the resamples of AUC and rank correlation. Confidences of two decimals make at most 203 and are
exact; of more, bins of equal count take at most 1 in 512 pairs as tied, which moves an AUC by less than 0.001."""


@dataclass(frozen=True, slots=True)
class Tables:
    """One judge on a sample, by query."""

    scale: Scale
    names: tuple[str, ...]
    """Of the metrics that are means, in the order of `above` and `below`."""
    above: Numbers
    """[means, queries]"""
    below: Numbers
    confusion: Numbers
    """[truth · grade, queries], items that both have graded."""
    pairs: Numbers
    """Krippendorff's coincidences of the judge among the raters, [grade · grade, queries]."""
    by_judge: Numbers
    """nDCG@10 of the engines by the judge's grades, [engines, queries]; 0 where not listed."""
    by_people: Numbers
    listed: Numbers
    """1 where the engine has graded results among its first ten."""
    joint: sparse.csr_array
    """[truth · bin, queries], how often each truth met each score."""

    @property
    def queries(self) -> int:
        """Clusters."""
        return int(self.confusion.shape[1])


@dataclass(frozen=True, slots=True)
class Sums:
    """Tables summed over queries, once a resample: the last axis of each array is the resample."""

    scale: Scale
    names: tuple[str, ...]
    above: Numbers
    below: Numbers
    confusion: Numbers
    """[truth, grade, resample]"""
    pairs: Numbers
    """[grade, grade, resample]"""
    by_judge: Numbers
    by_people: Numbers
    listed: Numbers
    joint: Numbers
    """[truth, bin, resample]"""


def tables_of(sample: Sample, verdicts: Verdicts, among: Mask | None = None) -> Tables:
    """Of one judge. `among` marks the items that count (all where None): what else it answered counts as coverage
    alone. Its panel of raters, for Krippendorff's alpha, is those of the sample, or the truth alone."""
    counted = verdicts if among is None else verdicts.among(among)
    both = both_graded(sample, counted.grade)
    found = means(sample, counted, verdicts)
    judge, people = by_engine(sample, counted.grade, both), by_engine(sample, sample.truth, both)
    return Tables(
        scale=sample.scale,
        names=tuple(found),
        above=np.stack([each.above for each in found.values()]),
        below=np.stack([each.below for each in found.values()]),
        confusion=confusion_by_query(sample, counted.grade, both),
        pairs=coincidences(sample, panel(sample, counted)),
        by_judge=np.nan_to_num(judge).T,
        by_people=np.nan_to_num(people).T,
        listed=(~np.isnan(people)).astype(np.float64).T,
        joint=_joint(sample, weighted_grade(sample.scale, counted), both),
    )


def summed(tables: Tables, weights: Numbers) -> Sums:
    """Once a column of `weights` [queries, resamples]: how often each query is in."""
    return _shaped(tables, lambda part: part @ weights, np.asarray(tables.joint @ weights))


def left_out(tables: Tables, first: int, last: int) -> Sums:
    """Sums without one query, once for each query from `first` up to before `last` (jackknife)."""
    joint = tables.joint.sum(axis=1)[:, None] - tables.joint[:, first:last].toarray()
    return _shaped(tables, lambda part: part.sum(axis=1, keepdims=True) - part[:, first:last], joint)


def panel(sample: Sample, verdicts: Verdicts) -> Grades:
    """[items, raters]: who graded what, the judge last; of items that the judge has answered."""
    people = sample.raters if sample.raters.shape[1] else sample.truth[:, None]
    answered = verdicts.grade[:, None] != NONE
    return np.concatenate([np.where(answered, people, NONE), verdicts.grade[:, None]], axis=1)


def value_counts(sample: Sample, graded: Grades) -> npt.NDArray[np.int64]:
    """[items, grades]: how many raters gave each grade."""
    scale = range(sample.lowest, sample.lowest + sample.grades)
    return np.stack([np.count_nonzero(graded == grade, axis=1) for grade in scale], axis=1)


def coincidences(sample: Sample, graded: Grades) -> Numbers:
    """Krippendorff's coincidences by query, [grade · grade, queries]: pairs of grades within an item, each item with
    the weight 1 / (its raters - 1); an item with one rater adds nothing."""
    counts = value_counts(sample, graded).astype(np.float64)
    raters = counts.sum(axis=1)
    share = np.divide(1.0, raters - 1, out=np.zeros(len(raters)), where=raters > 1)
    found = np.zeros((sample.grades, sample.grades, sample.queries))
    for one in range(sample.grades):
        for other in range(one, sample.grades):
            pairs = counts[:, one] * (counts[:, other] - (one == other)) * share
            found[one, other] = found[other, one] = np.bincount(sample.query, pairs, sample.queries)
    return found.reshape(-1, sample.queries)


def confusion_by_query(sample: Sample, grade: Grades, both: Mask) -> Numbers:
    """[truth · grade, queries]."""
    truth, given = sample.truth[both].astype(np.int64) - sample.lowest, grade[both] - sample.lowest
    place = (truth * sample.grades + given) * sample.queries + sample.query[both]
    flat = np.bincount(place, minlength=sample.grades**2 * sample.queries)
    return flat.reshape(-1, sample.queries).astype(np.float64)


def _joint(sample: Sample, score: Numbers, both: Mask) -> sparse.csr_array:
    binned, bins = _binned(score[both])
    grade = sample.truth[both].astype(np.int64) - sample.lowest
    shape = (sample.grades * bins, sample.queries)
    return sparse.coo_array((np.ones(len(grade)), (grade * bins + binned, sample.query[both])), shape=shape).tocsr()


def _binned(score: Numbers) -> tuple[npt.NDArray[np.int64], int]:
    """Number of each score among the different ones, of the many in `BINS` of equal count."""
    different, number = np.unique(score, return_inverse=True)
    if len(different) <= BINS:
        return number, max(len(different), 1)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right"), len(edges) + 1


def _shaped(tables: Tables, sums: Callable[[Numbers], Numbers], joint: Numbers) -> Sums:
    grades = tables.scale.grades
    return Sums(
        scale=tables.scale,
        names=tables.names,
        above=sums(tables.above),
        below=sums(tables.below),
        confusion=sums(tables.confusion).reshape(grades, grades, -1),
        pairs=sums(tables.pairs).reshape(grades, grades, -1),
        by_judge=sums(tables.by_judge),
        by_people=sums(tables.by_people),
        listed=sums(tables.listed),
        joint=joint.reshape(grades, -1, joint.shape[-1]),
    )
