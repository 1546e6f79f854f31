"""nDCG of many queries at once: the figures of scikit-learn's `ndcg_score` and `core.domain.ranking` (tests hold them
equal), which go query by query and take minutes where a report has seconds."""

from __future__ import annotations

import numpy as np

from core.domain.evaluation.sample import NONE, Clusters, Grades, Mask, Numbers, Ranks, Sample

FIRST = 10
"""Results that count: the first page."""


def by_grade(query: Clusters, truth: Grades, score: Numbers, queries: int, lowest: int) -> Numbers:
    """nDCG@10 by query of its items in the order of `score`, gain the grade of `truth` above the lowest; items of one
    score share their places' discounts (McSherry and Najork 2008, as scikit-learn has it). NaN where every item has
    the same grade: any order is as good there. Items all have truth and score."""
    gain = truth.astype(np.float64) - lowest
    order = np.lexsort((-score, query))
    sorted_query = query[order]
    new = np.r_[True, (np.diff(sorted_query) != 0) | (np.diff(score[order]) != 0)][: len(order)]
    tied = np.cumsum(new) - 1
    shared = np.bincount(tied, gain[order]) / np.maximum(np.bincount(tied), 1)
    found = _sums(sorted_query, shared[tied] * _discounts(sorted_query), queries)
    ideal = _ideal(query, gain, queries)
    return _ratio(found, np.where(_one_grade(query, gain, queries), 0.0, ideal))


def by_engine(sample: Sample, grade: Grades, judged: Mask) -> Numbers:
    """nDCG@10 by query and engine, [queries, engines]: of the first ten results those that `judged` marks stand in the
    list (condensed lists, Sakai 2007), the ideal is made of all the query's marked items. 0 where the query has nothing
    relevant, as in drift; NaN where none of the engine's first ten is marked."""
    gain = grade.astype(np.float64) - sample.lowest
    ideal = _ideal(sample.query[judged], gain[judged], sample.queries)
    columns = [
        _of_engine(sample, sample.ranks[:, number], gain, ideal, judged) for number in range(len(sample.engine_names))
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((sample.queries, 0))


def _of_engine(sample: Sample, ranks: Ranks, gain: Numbers, ideal: Numbers, judged: Mask) -> Numbers:
    shown = np.flatnonzero(judged & (ranks > 0) & (ranks <= FIRST))
    order = shown[np.lexsort((ranks[shown], sample.query[shown]))]
    query = sample.query[order]
    found = _sums(query, gain[order] * _discounts(query), sample.queries)
    listed = np.bincount(query, minlength=sample.queries) > 0
    values: Numbers = np.where(listed, np.nan_to_num(_ratio(found, ideal)), np.nan)
    return values


def _discounts(sorted_query: Clusters) -> Numbers:
    """1 / log2(place + 1) of the places in each query, nothing beyond the first ten."""
    place = np.arange(len(sorted_query)) - np.searchsorted(sorted_query, sorted_query)
    return np.where(place < FIRST, 1 / np.log2(place + 2.0), 0.0)


def _ideal(query: Clusters, gain: Numbers, queries: int) -> Numbers:
    order = np.lexsort((-gain, query))
    return _sums(query[order], gain[order] * _discounts(query[order]), queries)


def _one_grade(query: Clusters, gain: Numbers, queries: int) -> Mask:
    """Whether all items of a query have one grade."""
    low, high = np.full(queries, np.inf), np.full(queries, -np.inf)
    np.minimum.at(low, query, gain)
    np.maximum.at(high, query, gain)
    alike: Mask = low >= high
    return alike


def _sums(query: Clusters, values: Numbers, queries: int) -> Numbers:
    return np.bincount(query, values, queries).astype(np.float64)


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    shares: Numbers = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return shares


def both_graded(sample: Sample, grade: Grades) -> Mask:
    """Items that have a truth and this grade."""
    both: Mask = (sample.truth != NONE) & (grade != NONE)
    return both
