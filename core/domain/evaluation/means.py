"""Metrics that are means: by query what stands above the line and what below it. A new one is one line in `means`, its
name in `estimates.py`, its figure in `points.py` and a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.order import both_graded, by_grade
from core.domain.evaluation.sample import NONE, Mask, Numbers, Sample, Verdicts, weighted_grade


@dataclass(frozen=True, slots=True)
class Mean:
    """Sum of `above` by sum of `below`, both by query."""

    above: Numbers
    below: Numbers


def means(sample: Sample, verdicts: Verdicts, answered: Verdicts) -> Mapping[str, Mean]:
    """By name. `answered` are all answers of the judge, of which `verdicts` may be a part: coverage goes by them."""
    both, given = both_graded(sample, verdicts.grade), verdicts.grade != NONE
    apart = verdicts.grade.astype(np.float64) - sample.truth
    pairs, answers = sum_by_query(sample, both), sum_by_query(sample, given)
    return {
        names.EXACT: Mean(sum_by_query(sample, both & (apart == 0)), pairs),
        names.HARD_DISAGREEMENT: Mean(sum_by_query(sample, both & (np.abs(apart) >= sample.scale.hard)), pairs),
        **_by_label(sample, verdicts, both),
        names.MEAN_BIAS: Mean(sum_by_query(sample, both, apart), pairs),
        names.MEAN_GRADE: Mean(sum_by_query(sample, given, verdicts.grade.astype(np.float64)), answers),
        names.NDCG: _ndcg(sample, verdicts, both),
        names.COVERAGE: Mean(
            sum_by_query(sample, answered.grade != NONE),
            sum_by_query(sample, np.ones(len(sample.query), dtype=np.bool_)),
        ),
    }


def _by_label(sample: Sample, verdicts: Verdicts, both: Mask) -> dict[str, Mean]:
    """Precision: of what the judge calls so, the share that is so. Recall: of what is so, the share it calls so."""
    found: dict[str, Mean] = {}
    for grade, label in enumerate(sample.scale.labels, sample.lowest):
        called, meant = both & (verdicts.grade == grade), both & (sample.truth == grade)
        right = sum_by_query(sample, called & meant)
        found[f"precision_{label}"] = Mean(right, sum_by_query(sample, called))
        found[f"recall_{label}"] = Mean(right, sum_by_query(sample, meant))
    return found


def _ndcg(sample: Sample, verdicts: Verdicts, both: Mask) -> Mean:
    score = weighted_grade(sample.scale, verdicts)[both]
    values = by_grade(sample.query[both], sample.truth[both], score, sample.queries, sample.lowest)
    return Mean(np.nan_to_num(values), (~np.isnan(values)).astype(np.float64))


def sum_by_query(sample: Sample, kept: Mask, values: Numbers | None = None) -> Numbers:
    """By query, of the items that `kept` marks: their number, or the sum of their values."""
    weights = None if values is None else values[kept]
    return np.bincount(sample.query[kept], weights, sample.queries).astype(np.float64)
