"""Judge b against judge a: paired by item, clustered by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.agreement import NO_ITEMS, bounds_of, parts_of
from core.domain.evaluation.bootstrap import RESAMPLES, Drawn, drawn_difference, of_all
from core.domain.evaluation.estimates import ComparedSegment, Comparison, Difference, metric_names
from core.domain.evaluation.intervals import NO_SPREAD, interval, rough
from core.domain.evaluation.points import ONE_QUERY, Point, points
from core.domain.evaluation.sample import NONE, Mask, Sample, Verdicts, weighted_grade
from core.domain.evaluation.tables import tables_of

FEWEST_APART = 3
"""Queries that must tell two judges apart for a difference to have an interval: of one such query 67 to 80 of 100 held
the difference of kappa, alpha, precision and rank correlation, of two 87 to 97, from three on 92 or more."""

BY_SCORE = frozenset({names.AUC, names.RANK_CORRELATION, names.NDCG})
"""Metrics that confidences move too."""

NO_SHARED = "no item is answered by both judges"


def compared(sample: Sample, a: Verdicts, b: Verdicts, resamples: int = RESAMPLES, seed: int = 7) -> Comparison:
    """Each metric of b less that of a, on the items that both have answered; coverage alone is on all."""
    shared = (a.grade != NONE) & (b.grade != NONE)
    if not shared.any():
        return _empty(sample, NO_SHARED if len(sample.query) else NO_ITEMS)
    of_a, of_b = tables_of(sample, a, shared), tables_of(sample, b, shared)
    found_a = dict(points(sample, a.among(shared), of_all(of_a)))
    found_b = dict(points(sample, b.among(shared), of_all(of_b)))
    found_a[names.COVERAGE], found_b[names.COVERAGE] = (
        Point(float((each.grade != NONE).mean()), len(sample.query), sample.queries) for each in (a, b)
    )
    resampled = drawn_difference(of_a, of_b, resamples, seed) if sample.queries > 1 else None
    apart = _telling_apart(sample, a, b, shared)
    return Comparison(
        n_items=int(shared.sum()),
        n_queries=len(np.unique(sample.query[shared])),
        changed=int((shared & (a.grade != b.grade)).sum()),
        differences=tuple(
            _difference(sample, name, found_a[name], found_b[name], resampled, apart[name])
            for name in metric_names(sample.scale)
        ),
    )


def compared_segments(
    sample: Sample,
    a: Verdicts,
    b: Verdicts,
    by: Mapping[str, Sequence[str]],
    resamples: int = RESAMPLES,
    seed: int = 7,
) -> tuple[ComparedSegment, ...]:
    """The same by segment, as `agreement.segments` has it."""
    return tuple(
        ComparedSegment(segment, value, compared(sample.only(kept), a.only(kept), b.only(kept), resamples, seed))
        for segment, value, kept in parts_of(by)
    )


def _telling_apart(sample: Sample, a: Verdicts, b: Verdicts, shared: Mask) -> Mapping[str, int]:
    """By metric: queries in which the judges say different things of an item."""
    grades, answers = shared & (a.grade != b.grade), (a.grade == NONE) != (b.grade == NONE)
    scores = shared & (weighted_grade(sample.scale, a) != weighted_grade(sample.scale, b))
    items = dict.fromkeys(BY_SCORE, scores) | {names.COVERAGE: answers}
    return {name: len(np.unique(sample.query[items.get(name, grades)])) for name in metric_names(sample.scale)}


def _difference(sample: Sample, name: str, a: Point, b: Point, resampled: Drawn | None, apart: int) -> Difference:
    items, queries = min(a.items, b.items), min(a.queries, b.queries)
    if a.value is None or b.value is None or resampled is None:
        why_not = "; ".join(dict.fromkeys(filter(None, (a.why_not, b.why_not)))) or ONE_QUERY
        return Difference(name, a.value, b.value, None, None, None, items, queries, why_not)
    if apart < FEWEST_APART:
        few = f"only {apart} of the queries tell the two apart: an interval needs {FEWEST_APART}"
        why_not = few if apart else NO_SPREAD
        return Difference(name, a.value, b.value, b.value - a.value, None, None, items, queries, why_not)
    lowest, highest = bounds_of(sample.scale, name)
    ends = interval(resampled, name, queries, (lowest - highest, highest - lowest))
    remark = rough(name, len(sample.engine_names))
    low, high, why_not = (None, None, ends) if isinstance(ends, str) else (*ends, remark)
    return Difference(name, a.value, b.value, b.value - a.value, low, high, items, queries, why_not)


def _empty(sample: Sample, why_not: str) -> Comparison:
    none = tuple(Difference(name, None, None, None, None, None, 0, 0, why_not) for name in metric_names(sample.scale))
    return Comparison(0, 0, 0, none)
