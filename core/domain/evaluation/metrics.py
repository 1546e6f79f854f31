"""The metrics of summed tables, all resamples at once: NaN where a resample leaves one undefined.

Each is held equal to the library's figure (scikit-learn, krippendorff, scipy) on resampled items by
tests/unit/domain/evaluation; the figures that are shown come from the libraries themselves (`points.py`).
Those that are means are made in `means.py`. A new metric is one function here, its name in `estimates.py`, its figure
in `points.py` and its test.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.sample import Numbers, Scale
from core.domain.evaluation.tables import Sums


def metrics(sums: Sums) -> Mapping[str, Numbers]:
    """Every metric by name, [resamples]."""
    nominal, quadratic = _nominal(sums.scale.grades), _quadratic(sums.scale.grades)
    return dict(zip(sums.names, ratio(sums.above, sums.below), strict=True)) | {
        names.KAPPA: kappa(sums.confusion, nominal),
        names.QUADRATIC_KAPPA: kappa(sums.confusion, quadratic),
        names.ALPHA_NOMINAL: alpha(sums.pairs, nominal[:, :, None]),
        names.ALPHA_ORDINAL: alpha(sums.pairs, ordinal(sums.pairs.sum(axis=1))),
        names.AUC: auc(sums.joint, sums.scale),
        names.RANK_CORRELATION: rank_correlation(sums.joint),
        names.SYSTEM_TAU: system_tau(*engine_means(sums)),
    }


def ratio(above: Numbers, below: Numbers) -> Numbers:
    """NaN where there is nothing below."""
    shares: Numbers = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return shares


def kappa(confusion: Numbers, weights: Numbers) -> Numbers:
    """Cohen's (1960; weighted 1968): 1 the same, 0 no better than chance. Undefined where people gave one label only:
    the formula then says 0 whatever the judge did."""
    truth, given = confusion.sum(axis=1), confusion.sum(axis=0)
    chance = np.einsum("ij,ir,jr->r", weights, truth, given)
    found = 1 - ratio(np.einsum("ij,ijr->r", weights, confusion) * truth.sum(axis=0), chance)
    found[(truth > 0).sum(axis=0) < 2] = np.nan
    return found


def alpha(pairs: Numbers, distance: Numbers) -> Numbers:
    """Krippendorff's (2011): 1 less observed by expected disagreement. Undefined where one grade only was given."""
    given = pairs.sum(axis=1)
    observed = (distance * pairs).sum(axis=(0, 1)) * (given.sum(axis=0) - 1)
    expected = (distance * given[:, None] * given[None, :]).sum(axis=(0, 1))
    return 1 - ratio(observed, expected)


def ordinal(given: Numbers) -> Numbers:
    """Krippendorff's ordinal distance, [grade, grade, resample]: how many grades were given from one to the other."""
    upto = np.cumsum(given, axis=0) - given / 2
    distance: Numbers = np.square(upto[:, None] - upto[None, :])
    return distance


def auc(joint: Numbers, scale: Scale) -> Numbers:
    """That a good item (truth above the middle) has a higher score than another, a tie counting half."""
    good = np.arange(scale.lowest, scale.lowest + scale.grades) > scale.middle
    above, below = joint[good].sum(axis=0), joint[~good].sum(axis=0)
    won = (above * (np.cumsum(below, axis=0) - below / 2)).sum(axis=0)
    return ratio(won, above.sum(axis=0) * below.sum(axis=0))


def rank_correlation(joint: Numbers) -> Numbers:
    """Spearman's of score and truth, ties at their middle rank."""
    truth, score = _ranks(joint.sum(axis=1)), _ranks(joint.sum(axis=0))
    together = np.zeros(joint.shape[-1])
    for grade, counts in enumerate(joint):
        together += truth[grade] * np.einsum("br,br->r", counts, score)
    spread = np.sqrt(
        np.einsum("gr,gr->r", joint.sum(axis=1), truth**2) * np.einsum("br,br->r", joint.sum(axis=0), score**2)
    )
    return ratio(together, spread)


def engine_means(sums: Sums) -> tuple[Numbers, Numbers]:
    """Mean nDCG@10 of each engine by the judge and by people, [engines, resamples]."""
    return ratio(sums.by_judge, sums.listed), ratio(sums.by_people, sums.listed)


def system_tau(judge: Numbers, people: Numbers) -> Numbers:
    """Kendall's tau-b of the engines' means. Undefined of fewer than two engines, and where all are alike."""
    one, other = np.triu_indices(len(judge), 1)
    ways = np.sign(np.round(judge[one] - judge[other], TIE)), np.sign(np.round(people[one] - people[other], TIE))
    return ratio((ways[0] * ways[1]).sum(axis=0), np.sqrt((ways[0] ** 2).sum(axis=0) * (ways[1] ** 2).sum(axis=0)))


TIE = 12
"""Decimals of a difference of means: what is beyond is rounding, as in `core.domain.ranking`."""


def _ranks(counts: Numbers) -> Numbers:
    """Middle ranks of values that occur so often, less their mean."""
    ranks: Numbers = np.cumsum(counts, axis=0) - counts / 2 - counts.sum(axis=0) / 2
    return ranks


def _nominal(grades: int) -> Numbers:
    return 1 - np.eye(grades)


def _quadratic(grades: int) -> Numbers:
    number = np.arange(grades, dtype=np.float64)
    squares: Numbers = (number[:, None] - number[None, :]) ** 2
    return squares
