"""Who agrees with whom among reviewers, and what a judge's labels are worth by their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.estimates import EXACT, HARD_DISAGREEMENT, KAPPA, QUADRATIC_KAPPA, Estimate
from core.domain.evaluation.items import DatasetKind
from core.domain.evaluation.sample import (
    IMAGE,
    NONE,
    RELEVANCE,
    Sample,
    Scale,
    Verdicts,
    of_rater,
    sample_of,
    verdicts_of,
)

RESAMPLES = 1_000
"""Of the bootstrap on a page: its end points move by a hundredth between seeds, and fifteen pairs take a second."""

SHOWN = (EXACT, KAPPA, QUADRATIC_KAPPA, HARD_DISAGREEMENT)

SCALES: Mapping[DatasetKind, Scale] = {"relevance": RELEVANCE, "image": IMAGE}


@dataclass(frozen=True, slots=True)
class Rated:
    """An item with what reviewers said of it blind, what counts, and what one judge said."""

    query: str
    """The cluster: items of one query stand or fall together."""
    ratings: Mapping[str, int]
    truth: int | None
    judged: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class PairOfReviewers:
    """Two reviewers on the items that both have answered. `estimates` are those of `SHOWN`."""

    a: str
    b: str
    n_items: int
    n_queries: int
    estimates: tuple[Estimate, ...]


def who_agrees(kind: DatasetKind, rated: Sequence[Rated], resamples: int = RESAMPLES) -> list[PairOfReviewers]:
    """Every pair of reviewers that has an item in common, by name."""
    sample = sample_of(
        SCALES[kind], [each.query for each in rated], [each.truth for each in rated], [each.ratings for each in rated]
    )
    pairs = combinations(range(len(sample.rater_names)), 2)
    return [found for a, b in pairs if (found := _pair(sample, a, b, resamples)) is not None]


def _pair(sample: Sample, a: int, b: int, resamples: int) -> PairOfReviewers | None:
    both = (sample.raters[:, a] != NONE) & (sample.raters[:, b] != NONE)
    if not both.any():
        return None
    common = sample.only(both)
    found = agreement(replace(common, truth=common.raters[:, a]), of_rater(common, b), resamples)
    names = sample.rater_names
    return PairOfReviewers(names[a], names[b], found.n_items, found.n_queries, tuple(found.of(name) for name in SHOWN))


def judged_sample(kind: DatasetKind, rated: Sequence[Rated]) -> tuple[Sample, Verdicts]:
    """The items that the judge has graded, with the grade that counts where people have said so."""
    known = [each for each in rated if each.judged is not None]
    scale = SCALES[kind]
    sample = sample_of(
        scale, [each.query for each in known], [each.truth for each in known], [each.ratings for each in known]
    )
    return sample, verdicts_of(scale, [each.judged for each in known], [each.confidence for each in known])


def answered_share(sample: Sample) -> float | None:
    """Part of the items that people have graded; None of nothing."""
    return float(np.mean(sample.truth != NONE)) if len(sample.truth) else None
