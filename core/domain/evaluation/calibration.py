"""What people say where the judge gives one label, and the mean grade with each label counted so.

A correction of the judge's bias by its own labels (post-stratification, Cochran 1977, 5A.2). It stands beside the raw
figure, never instead of it. Within a label the graded items must be like the others: of a review queue, its random
share.
"""

from __future__ import annotations

import numpy as np

from core.domain.evaluation.agreement import with_ends
from core.domain.evaluation.bootstrap import RESAMPLES, figure_of, mean_of
from core.domain.evaluation.estimates import Calibration, Estimate, LabelBias
from core.domain.evaluation.means import Mean, sum_by_query
from core.domain.evaluation.metrics import ratio
from core.domain.evaluation.order import both_graded
from core.domain.evaluation.points import ONE_QUERY, Point
from core.domain.evaluation.sample import NONE, Mask, Numbers, Sample, Verdicts

CALIBRATED = "calibrated_mean"
BIAS = "bias"


def calibrated(sample: Sample, verdicts: Verdicts, resamples: int = RESAMPLES, seed: int = 7) -> Calibration:
    """Of one judge: people's grades by its label, and the mean over all items that it answered."""
    given = verdicts.grade != NONE
    return Calibration(
        labels=tuple(
            _of_label(sample, verdicts, grade, label, resamples, seed)
            for grade, label in enumerate(sample.scale.labels, sample.lowest)
        ),
        raw_mean=float(verdicts.grade[given].mean()) if given.any() else None,
        calibrated_mean=_mean(sample, verdicts, resamples, seed),
    )


def _of_label(sample: Sample, verdicts: Verdicts, grade: int, label: str, resamples: int, seed: int) -> LabelBias:
    kept = both_graded(sample, verdicts.grade) & (verdicts.grade == grade)
    items = int(kept.sum())
    if not items:
        why_not = f"people graded nothing that the judge calls {label}"
        return LabelBias(label, 0, (), Estimate(BIAS, None, None, None, 0, 0, why_not))
    truth = sample.truth[kept].astype(np.int64)
    people = np.bincount(truth - sample.lowest, minlength=sample.grades) / items
    queries = len(np.unique(sample.query[kept]))
    return LabelBias(
        label,
        items,
        tuple(float(share) for share in people),
        _bias(sample, kept, grade, Point(grade - float(truth.mean()), items, queries), resamples, seed),
    )


def _bias(sample: Sample, kept: Mask, grade: int, point: Point, resamples: int, seed: int) -> Estimate:
    if point.queries < 2:
        return Estimate(BIAS, None, None, None, point.items, point.queries, ONE_QUERY)
    apart = Mean(sum_by_query(sample, kept, grade - sample.truth.astype(np.float64)), sum_by_query(sample, kept))
    widest = float(sample.grades - 1)
    return with_ends(point, BIAS, mean_of(apart, BIAS, resamples, seed), (-widest, widest))


def _mean(sample: Sample, verdicts: Verdicts, resamples: int, seed: int) -> Estimate:
    both, given = both_graded(sample, verdicts.grade), verdicts.grade != NONE
    items, queries = int(both.sum()), len(np.unique(sample.query[both]))
    grades = range(sample.lowest, sample.lowest + sample.grades)
    of_grade = [verdicts.grade == grade for grade in grades]
    why_not = ONE_QUERY if queries < 2 else ""
    for mask, label in zip(of_grade, sample.scale.labels, strict=True):
        if mask.any() and not (mask & both).any():
            why_not = f"people graded nothing that the judge calls {label}"
    if not given.any():
        why_not = "the judge answered nothing"
    if why_not:
        return Estimate(CALIBRATED, None, None, None, items, queries, why_not)
    truth = sample.truth.astype(np.float64)
    parts = np.stack(
        [sum_by_query(sample, mask) for mask in of_grade]
        + [sum_by_query(sample, mask & both, truth) for mask in of_grade]
        + [sum_by_query(sample, mask & both) for mask in of_grade]
    )
    value = float(post_stratified(parts.sum(axis=1, keepdims=True))[0])
    resampled = figure_of(parts, post_stratified, CALIBRATED, resamples, seed)
    bounds = (float(sample.lowest), float(sample.lowest + sample.grades - 1))
    return with_ends(Point(value, items, queries), CALIBRATED, resampled, bounds)


def post_stratified(parts: Numbers) -> Numbers:
    """Mean of people's mean where each label is given, weighed by how often it is given. [3 · labels, resamples]: how
    often given, sum of people's grades there, their number. NaN where a label that is given has no grade."""
    given, grades, graded = np.split(parts, 3)
    by_label = ratio(grades, graded)
    lost = ((given > 0) & (graded <= 0)).any(axis=0)
    value = ratio((given * np.nan_to_num(by_label)).sum(axis=0), given.sum(axis=0))
    return np.where(lost, np.nan, value)
