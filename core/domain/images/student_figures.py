"""How a student does on held-back pictures: the figures judges are measured by, beside two baselines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.isotonic import IsotonicRegression

from core.domain.evaluation import estimates as names
from core.domain.evaluation.agreement import agreement, bounds_of, with_ends
from core.domain.evaluation.bootstrap import RESAMPLES, mean_of
from core.domain.evaluation.comparison import compared
from core.domain.evaluation.estimates import Difference, Estimate
from core.domain.evaluation.means import Mean, sum_by_query
from core.domain.evaluation.order import both_graded
from core.domain.evaluation.points import Point
from core.domain.evaluation.sample import IMAGE, Sample, Verdicts, sample_of, verdicts_of
from core.domain.images.features import EXTRACTOR, feature_names
from core.domain.images.forest import Floats
from core.domain.images.forest_student import ForestStudent, figures_of
from core.domain.images.labelled import LabelledPicture
from core.domain.images.training import Numbers, stacked, weights_of

METRICS = (names.RANK_CORRELATION, names.QUADRATIC_KAPPA, names.MEAN_BIAS, names.EXACT)
WITHIN_ONE = "within_one"
RANK = names.RANK_CORRELATION
"""By which students are compared and promoted: a ranker needs the order, not the points."""

SMALL_RESAMPLES = 500
"""Of categories, aspects and baselines: the ends of their intervals are read to one digit."""

FEWEST_OF_PART = 10
"""Pictures of a category or of the random share below which a figure of it would only mislead."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one predictor or part: metrics by name, with intervals over sellers."""

    name: str
    pictures: int
    sellers: int
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class StudentReport:
    """A student on pictures of sellers that it was not trained on."""

    student: Figures
    chance: Figures | None
    """On the random share alone, where there are enough: what holds of it holds of all pictures."""
    baselines: tuple[Figures, ...]
    """The mean score for every picture; the one figure of the pixels that orders the training pictures best."""
    aspects: tuple[Figures, ...]
    categories: tuple[Figures, ...]
    coverage: float
    """Share of labels within one spread of the score, which 0.68 are to be; of all pictures, by weights."""
    coverage_twice: float
    """Within two, which 0.95 are to be."""
    unsure: float
    """Share of the pictures that it is too unsure of."""
    chosen: Mapping[str, int]
    """Pictures, trained on and held back, by why they were labelled; empty: nobody chose them."""


def report_on(
    student: ForestStudent, train: Sequence[LabelledPicture], held: Sequence[LabelledPicture], random_share: float
) -> StudentReport:
    """Everything about it. Shares are weighted as a training is (`weights_of`), so that they hold of all pictures."""
    told, labels = student.told(stacked(held)), _labels(held)
    off = np.abs(told.score - labels)
    whole = rounded(told.score)
    by_chance = np.array([each.why == "random" for each in held])
    weights = weights_of(held, random_share)
    return StudentReport(
        student=figures("student", held, labels, whole, RESAMPLES),
        chance=_part("random share", held, labels, whole, by_chance),
        baselines=baselines(student.extractor, train, held),
        aspects=tuple(
            figures(name, held, _labels(held, name), rounded(told.aspects[:, place]), SMALL_RESAMPLES)
            for place, name in enumerate(student.aspects)
            if all(name in each.aspects for each in held)
        ),
        categories=_by_category(held, labels, whole),
        coverage=float(np.average(off <= told.spread, weights=weights)),
        coverage_twice=float(np.average(off <= 2 * told.spread, weights=weights)),
        unsure=float(np.average(told.spread > student.unsure_above, weights=weights)),
        chosen=dict(Counter(each.why for each in (*train, *held))),
    )


def figures(
    name: str, pictures: Sequence[LabelledPicture], labels: NDArray[np.int64], scores: NDArray[np.int64], resamples: int
) -> Figures:
    """Scores against labels, both 1 to 10; clusters are sellers."""
    sample = sample_of(IMAGE, [each.seller for each in pictures], labels.tolist())
    verdicts = _verdicts(scores)
    found = agreement(sample, verdicts, resamples)
    metrics = {metric: found.of(metric) for metric in METRICS}
    return Figures(
        name, len(pictures), sample.queries, metrics | {WITHIN_ONE: _within_one(sample, verdicts, resamples)}
    )


def baselines(extractor: str, train: Sequence[LabelledPicture], held: Sequence[LabelledPicture]) -> tuple[Figures, ...]:
    """What is to be beaten: the training mean, and one figure of the pixels with the curve that fits it best
    (isotonic)."""
    labels, mean = _labels(held), float(_labels(train).mean())
    constant = figures("the mean score", held, labels, rounded(np.full(len(held), mean)), SMALL_RESAMPLES)
    best, curve = _best(stacked(train), _labels(train))
    name = feature_names()[best] if extractor == EXTRACTOR else f"figure {best}"
    single = figures(f"{name} alone", held, labels, rounded(curve(stacked(held)[:, best])), SMALL_RESAMPLES)
    return constant, single


def difference(
    student: ForestStudent, other: ForestStudent, both: Sequence[tuple[LabelledPicture, bytes]]
) -> Difference:
    """Rank correlation of `student` less that of `other` on the same pictures; with each comes what `other` sees."""
    pictures = [picture for picture, _ in both]
    shown = np.stack([figures_of(seen, other.deciles.shape[1]) for _, seen in both])
    sample = sample_of(IMAGE, [each.seller for each in pictures], _labels(pictures).tolist())
    one, two = student.told(stacked(pictures)).score, other.told(shown).score
    found = compared(sample, _verdicts(rounded(two)), _verdicts(rounded(one)))
    return next(each for each in found.differences if each.name == RANK)


def rounded(scores: Floats | Numbers) -> NDArray[np.int64]:
    """As scores are stored: whole points, 1 to 10."""
    return np.clip(np.rint(scores), 1, 10).astype(np.int64)


def _best(seen: Floats, labels: NDArray[np.int64]) -> tuple[int, Callable[[Floats], Numbers]]:
    """The figure that orders the labels best, either way round, and its curve."""
    moving = np.flatnonzero(seen.std(axis=0) > 0)
    order = [abs(float(spearmanr(seen[:, place], labels).statistic)) for place in moving]
    best = int(moving[int(np.argmax(order))])
    curve = IsotonicRegression(increasing="auto", out_of_bounds="clip").fit(seen[:, best], labels)
    return best, curve.predict


def _within_one(sample: Sample, verdicts: Verdicts, resamples: int) -> Estimate:
    both = both_graded(sample, verdicts.grade)
    near = both & (np.abs(verdicts.grade.astype(np.int64) - sample.truth) <= 1)
    mean = Mean(sum_by_query(sample, near), sum_by_query(sample, both))
    point = Point(float(mean.above.sum() / mean.below.sum()), int(both.sum()), sample.queries)
    if sample.queries < 2:
        return Estimate(WITHIN_ONE, point.value, None, None, point.items, point.queries, "one seller only")
    return with_ends(point, WITHIN_ONE, mean_of(mean, WITHIN_ONE, resamples, 7), bounds_of(IMAGE, WITHIN_ONE))


def _by_category(
    held: Sequence[LabelledPicture], labels: NDArray[np.int64], scores: NDArray[np.int64]
) -> tuple[Figures, ...]:
    of = np.array([each.category for each in held], dtype=object)
    found = (_part(str(name), held, labels, scores, of == name) for name in sorted(set(of)) if name)
    return tuple(each for each in found if each is not None)


def _part(
    name: str,
    held: Sequence[LabelledPicture],
    labels: NDArray[np.int64],
    scores: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> Figures | None:
    if kept.sum() < FEWEST_OF_PART:
        return None
    return figures(name, [held[int(at)] for at in np.flatnonzero(kept)], labels[kept], scores[kept], SMALL_RESAMPLES)


def _labels(pictures: Sequence[LabelledPicture], aspect: str = "") -> NDArray[np.int64]:
    return np.array([each.aspects[aspect] if aspect else each.score for each in pictures], dtype=np.int64)


def _verdicts(scores: NDArray[np.int64]) -> Verdicts:
    return verdicts_of(IMAGE, scores.tolist(), [None] * len(scores))
