"""Samples for the tests of agreement: drawn at will, with everything missing that may be."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from core.domain.evaluation.sample import IMAGE, RELEVANCE, Sample, Scale, Verdicts, sample_of


def sample(
    seed: int, scale: Scale = RELEVANCE, queries: int = 8, items: int = 40, raters: int = 3, engines: int = 3
) -> Sample:
    """Truth missing in a tenth, ratings in a third, each engine showing two thirds; queries of unequal size."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, scale.grades, items)
    near = np.where(rng.random((items, raters)) < 0.7, truth[:, None], rng.integers(0, scale.grades, (items, raters)))
    query = np.concatenate([np.arange(queries), rng.integers(0, queries, items - queries) ** 2 // queries])
    return Sample(
        scale,
        query.astype(np.int32),
        np.where(rng.random(items) < 0.9, truth + scale.lowest, -1).astype(np.int8),
        np.where(rng.random((items, raters)) < 0.67, near + scale.lowest, -1).astype(np.int8),
        tuple("abcdef"[:raters]),
        np.where(rng.random((items, engines)) < 0.67, rng.integers(1, 15, (items, engines)), 0).astype(np.int16),
        tuple(f"engine_{number}" for number in range(engines)),
    )


def answers(of: Sample, seed: int, right: float = 0.7, decimals: int = 1) -> Verdicts:
    """A judge right in so many, who leaves out a tenth and tells no confidence of another."""
    rng = np.random.default_rng(seed)
    items = len(of.query)
    guess = rng.integers(0, of.grades, items) + of.lowest
    grade = np.where((rng.random(items) < right) & (of.truth >= 0), of.truth, guess)
    confidence = np.where(rng.random(items) < 0.9, np.round(rng.random(items), decimals), np.nan)
    return Verdicts(np.where(rng.random(items) < 0.9, grade, -1).astype(np.int8), confidence)


def resampled(of: Sample, verdicts: Verdicts, times: np.ndarray) -> tuple[Sample, Verdicts]:
    """The items themselves, each query as often as drawn, each time as a query of its own."""
    parts = [np.flatnonzero(of.query == query) for query in np.repeat(np.arange(of.queries), times)]
    items = np.concatenate(parts)
    query = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int32)
    drawn = Sample(of.scale, query, of.truth[items], of.raters[items], of.rater_names, of.ranks[items], of.engine_names)
    return drawn, verdicts.only(items)


def plain(truth: list[int | None], queries: list[str], scale: Scale = RELEVANCE) -> Sample:
    """Without raters and engines."""
    return sample_of(scale, queries, truth)


SCALES = st.sampled_from([RELEVANCE, IMAGE])
SEEDS = st.integers(0, 100_000)
