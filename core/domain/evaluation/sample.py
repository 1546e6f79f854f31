"""What a judge is measured on, as arrays: items in clusters, grades of people, ranks of engines; a judge's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.domain.labels import Label

NONE = -1
"""A grade that is missing."""

Grades = npt.NDArray[np.int8]
Clusters = npt.NDArray[np.int32]
Ranks = npt.NDArray[np.int16]
Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

RELEVANCE_LABELS: tuple[str, ...] = tuple(label.value for label in Label)
IMAGE_LABELS: tuple[str, ...] = tuple(str(score) for score in range(1, 11))


@dataclass(frozen=True, slots=True)
class Scale:
    """The grades there are: `lowest` and on, one a label."""

    labels: tuple[str, ...]
    lowest: int = 0

    @property
    def grades(self) -> int:
        """How many."""
        return len(self.labels)

    @property
    def middle(self) -> float:
        """Between the ends: 1 of relevance, 5.5 of pictures. What lies above counts as good (AUC)."""
        return self.lowest + (self.grades - 1) / 2

    @property
    def hard(self) -> int:
        """Grades so far apart are a hard disagreement: two thirds of the scale. Highly relevant against irrelevant; of
        pictures seven points."""
        return -(-2 * self.grades // 3)


RELEVANCE = Scale(RELEVANCE_LABELS)
IMAGE = Scale(IMAGE_LABELS, lowest=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """n items with r raters and e engines. Arrays are by item; `query` numbers the clusters from 0 without gaps."""

    scale: Scale
    query: Clusters
    """int32[n]: items of one number stand or fall together."""
    truth: Grades
    """int8[n], -1: nobody graded it."""
    raters: Grades
    """int8[n, r], -1: the rater did not see it."""
    rater_names: tuple[str, ...]
    ranks: Ranks
    """int16[n, e], place among the engine's results from 1; 0: not shown."""
    engine_names: tuple[str, ...]

    @property
    def grades(self) -> int:
        """Grades of the scale."""
        return self.scale.grades

    @property
    def lowest(self) -> int:
        """The lowest grade: 0 of relevance, 1 of pictures."""
        return self.scale.lowest

    @property
    def queries(self) -> int:
        """Clusters."""
        return int(self.query.max()) + 1 if len(self.query) else 0

    def only(self, kept: Mask) -> Sample:
        """The items that `kept` marks; clusters are numbered anew, in their order."""
        _, query = np.unique(self.query[kept], return_inverse=True)
        return Sample(
            self.scale,
            query.astype(np.int32),
            self.truth[kept],
            self.raters[kept],
            self.rater_names,
            self.ranks[kept],
            self.engine_names,
        )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One judge's answers, by item of a sample."""

    grade: Grades
    """int8[n], -1: no answer."""
    confidence: Numbers
    """float64[n], 0 to 1; NaN where the judge told none: the grade then counts as it stands."""

    def only(self, kept: Mask) -> Verdicts:
        """Of the items that `kept` marks."""
        return Verdicts(self.grade[kept], self.confidence[kept])

    def among(self, kept: Mask) -> Verdicts:
        """The same items, with no answer to those that `kept` does not mark."""
        return Verdicts(np.where(kept, self.grade, np.int8(NONE)), self.confidence)


def sample_of(
    scale: Scale,
    queries: Sequence[str],
    truth: Sequence[int | None],
    ratings: Sequence[Mapping[str, int]] = (),
    ranks: Sequence[Mapping[str, int]] = (),
) -> Sample:
    """Arrays of records, all by item. ValueError names the first grade that the scale does not have."""
    _, query = np.unique(np.array(queries, dtype=object).astype(str), return_inverse=True)
    raters = tuple(sorted({name for each in ratings for name in each}))
    engines = tuple(sorted({name for each in ranks for name in each}))
    return Sample(
        scale,
        query.astype(np.int32),
        _grades(scale, truth),
        _by_name(scale, ratings, raters, len(queries)),
        raters,
        np.array(
            [[each.get(name, 0) for name in engines] for each in ranks or [{}] * len(queries)], dtype=np.int16
        ).reshape(len(queries), len(engines)),
        engines,
    )


def verdicts_of(scale: Scale, grades: Sequence[int | None], confidences: Sequence[float | None]) -> Verdicts:
    """Arrays of one judge's answers. ValueError names a grade that the scale does not have, or a confidence that is
    not between 0 and 1."""
    confidence = np.array([np.nan if each is None else each for each in confidences], dtype=np.float64)
    wrong = (confidence < 0) | (confidence > 1)
    if wrong.any():
        raise ValueError(f"confidence {confidence[wrong][0]:g} of item {int(np.argmax(wrong))}: 0 to 1 is known")
    return Verdicts(_grades(scale, grades), confidence)


def of_rater(sample: Sample, number: int) -> Verdicts:
    """A person's grades as a judge's answers: nobody told a confidence."""
    return Verdicts(sample.raters[:, number], np.full(len(sample.query), np.nan))


def weighted_grade(scale: Scale, verdicts: Verdicts) -> Numbers:
    """The confidence-weighted grade: middle + confidence · (grade - middle), NaN without an answer.

    It sorts from surely irrelevant over unsurely irrelevant, substitute and unsurely relevant to surely relevant: a
    grade of which the judge is sure stands as it is, one of which it knows nothing says nothing.
    """
    sure = np.where(np.isnan(verdicts.confidence), 1.0, verdicts.confidence)
    weighted = scale.middle + sure * (verdicts.grade - scale.middle)
    return np.where(verdicts.grade == NONE, np.nan, weighted)


def _grades(scale: Scale, given: Sequence[int | None]) -> Grades:
    found = np.array([NONE if each is None else each for each in given], dtype=np.int64)
    known = np.array([each is not None for each in given], dtype=bool)
    wrong = known & ((found < scale.lowest) | (found >= scale.lowest + scale.grades))
    if wrong.any():
        at = int(np.argmax(wrong))
        top = scale.lowest + scale.grades - 1
        raise ValueError(f"grade {found[at]} of item {at}: {scale.lowest} to {top} are known")
    return found.astype(np.int8)


def _by_name(scale: Scale, ratings: Sequence[Mapping[str, int]], names: Sequence[str], items: int) -> Grades:
    if not names:
        return np.zeros((items, 0), dtype=np.int8)
    return np.stack([_grades(scale, [each.get(name) for each in ratings]) for name in names], axis=1)
