"""How a student is trained: which pictures, which are held back, trees grown by scikit-learn, doubt made honest. Pure.

Extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 2006) on the overall score and the aspects at
once: of the models compared (docs/student.md) they ordered held-back pictures best, and their own spread tells where
they are wrong. A tree does not extrapolate: a strange picture gets a score that some known one has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GroupKFold

from core.domain.images.forest import MOST_DEPTH, Floats, Forest, GrownTree, forest_of
from core.domain.images.forest_student import (
    HIGHEST,
    LOWEST,
    OVERALL,
    ForestStudent,
    aspects_of,
    deciles_of,
    doubt,
    figures_of,
    packed,
    version_of,
)
from core.domain.images.labelled import LabelledPicture
from core.domain.images.phash import ALL_BITS, BITS, distance
from core.domain.task_keys import digest
from core.errors import UsageError

TREES = 100
"""From 100 to 200 trees rank correlation changes by less than 0.01 (docs/student.md), and a picture costs twice."""

LEAVES = 256
"""Most of a tree: with them a student is at most 3 MB, whatever it is trained on."""

LEAST_IN_LEAF = 2
"""Pictures: with one a tree learns its labels by heart."""

FIGURES_ASKED = 0.5
"""Share of the figures that a split may choose among; 0.33 to 1 differ by 0.02 in rank correlation."""

SEED = 7

FOLDS = 5
"""Parts of the training sellers, of which each is scored by trees grown on the others: the usual number."""

FEWEST_SELLERS = 5
"""As many as folds: held back and folds are by seller."""

ONE_SIGMA = 0.6827
"""Share of labels that lie within one standard deviation of a normal error."""

NEVER = HIGHEST - LOWEST
"""A spread that none is above: with a share of 0 no picture is unsure."""

MOST_WEIGHT = 100.0
"""Of one picture: a random share under 1 % would let single pictures decide."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train: shares are of pictures; `random_share` is the one the labels were chosen with."""

    name: str
    extractor: str
    held_back: float
    least: int
    unsure_share: float
    random_share: float
    copy_distance: int
    trees: int = TREES


@dataclass(frozen=True, slots=True)
class Parts:
    """Pictures to train on and pictures of other sellers, held back; `copies` were left out."""

    train: tuple[LabelledPicture, ...]
    held: tuple[LabelledPicture, ...]
    copies: int


def parts_of(pictures: Sequence[LabelledPicture], recipe: Recipe) -> Parts:
    """Split by seller: sellers in the order of their names' hash, the first ones held back until they have the share.
    So a seller stays on his side from one training to the next. Of pictures that several sellers show, as they are or
    nearly, one is taken, so that none is on both sides. UsageError where there is too little, with what is needed."""
    alone = without_copies(pictures, recipe.copy_distance)
    sellers = sorted({each.seller for each in alone}, key=lambda seller: digest("held_back", seller))
    if len(alone) < recipe.least or len(sellers) < FEWEST_SELLERS:
        raise UsageError(
            f"too little to train on: {len(alone):,} labelled pictures of {len(sellers):,} sellers "
            f"({len(pictures) - len(alone):,} copies left out); needed are {recipe.least:,} (--min) "
            f"of at least {FEWEST_SELLERS}"
        )
    held = _first_sellers(alone, sellers, recipe.held_back)
    return Parts(
        tuple(each for each in alone if each.seller not in held),
        tuple(each for each in alone if each.seller in held),
        len(pictures) - len(alone),
    )


def without_copies(pictures: Sequence[LabelledPicture], most_apart: int) -> list[LabelledPicture]:
    """Without those that are near one taken before of another seller, by hash of the picture. Two hashes that differ in
    k bits are the same in one of k + 1 parts, so only pictures that share one are compared."""
    kept: list[LabelledPicture] = []
    known: dict[tuple[int, int], list[tuple[int, str]]] = {}
    for picture in sorted(pictures, key=lambda each: each.image_hash):
        if picture.phash is None:
            kept.append(picture)
            continue
        parts = _bit_parts(picture.phash, most_apart + 1)
        near = (other for part in parts for other in known.get(part, ()))
        if any(seller != picture.seller and distance(picture.phash, hashed) <= most_apart for hashed, seller in near):
            continue
        kept.append(picture)
        for part in parts:
            known.setdefault(part, []).append((picture.phash, picture.seller))
    return kept


def trained(pictures: Sequence[LabelledPicture], recipe: Recipe) -> ForestStudent:
    """A student of these pictures; the same ones give the same student. UsageError where all have one score."""
    scores = np.array([each.score for each in pictures])
    if len(set(scores.tolist())) < 2:
        raise UsageError(f"every picture to train on has the score {scores[0]}: there is nothing to learn")
    figures, weights = stacked(pictures), weights_of(pictures, recipe.random_share)
    aspects = aspects_of([each.aspects for each in pictures])
    labels = np.array([[each.score, *(each.aspects[name] for name in aspects)] for each in pictures], dtype=np.float64)
    sellers = [each.seller for each in pictures]
    widen, spreads = _crossed(figures, labels, weights, sellers, recipe.trees)
    student = ForestStudent(
        version="",
        extractor=recipe.extractor,
        aspects=aspects,
        forest=grown(figures, labels, weights, recipe.trees),
        deciles=deciles_of(figures),
        usual=float(np.average(scores, weights=weights)),
        widen=widen,
        unsure_above=quantile(spreads, weights, 1 - recipe.unsure_share) if recipe.unsure_share > 0 else NEVER,
    )
    return replace(student, version=version_of(recipe.name, packed(student)))


def grown(figures: Floats, labels: Numbers, weights: Numbers, trees: int = TREES) -> Forest:
    """Trees on labels [pictures, outputs]."""
    model = ExtraTreesRegressor(
        n_estimators=trees,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_LEAF,
        max_features=FIGURES_ASKED,
        max_depth=MOST_DEPTH,
        random_state=SEED,
    ).fit(figures, labels, sample_weight=weights)
    return forest_of([_grown_tree(each.tree_) for each in model.estimators_])


def stacked(pictures: Sequence[LabelledPicture]) -> Floats:
    """float32[pictures, figures]. UsageError where they are not of one length."""
    sizes = sorted({len(each.features) for each in pictures})
    if len(sizes) != 1 or sizes[0] % 4:
        raise UsageError(f"features of one extractor have one length, these have {sizes} bytes")
    return np.stack([figures_of(each.features, sizes[0] // 4) for each in pictures])


def weights_of(pictures: Sequence[LabelledPicture], random_share: float) -> Numbers:
    """Inverse probability of having been labelled (Horvitz & Thompson 1952): 1 of those that would have been in any
    case, 1 by the random share of the others; their mean is 1."""
    other = min(MOST_WEIGHT, 1 / random_share) if random_share > 0 else 1.0
    weights = np.array([1.0 if each.certain else other for each in pictures])
    shares: Numbers = weights / weights.mean()
    return shares


def quantile(values: Numbers, weights: Numbers, share: float) -> float:
    """The smallest value that at least the share of the weight is at or below."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(sums, share * sums[-1] - 1e-9)), len(values) - 1)])


def _crossed(
    figures: Floats, labels: Numbers, weights: Numbers, sellers: Sequence[str], trees: int
) -> tuple[float, Numbers]:
    """By how much the trees' spread is to be widened, and the spreads so made, of pictures scored by trees that saw no
    picture of their seller: split conformal with residuals over spread (Lei et al., JASA 2018)."""
    errors, apart = np.zeros(len(labels)), np.zeros(len(labels))
    _, group = np.unique(np.array(sellers, dtype=str), return_inverse=True)
    folds = GroupKFold(min(FOLDS, len(set(sellers)))).split(figures, groups=group)
    for rest, fold in folds:
        forest = grown(figures[rest], labels[rest], weights[rest], trees)
        scores = forest.values[forest.leaves(figures[fold])[0]][:, :, OVERALL]
        errors[fold] = np.abs(scores.mean(axis=1) - labels[fold, OVERALL])
        apart[fold] = doubt(scores, 1.0)
    widen = quantile(errors / apart, weights, ONE_SIGMA)
    return widen, np.minimum(widen * apart, NEVER)


def _first_sellers(pictures: Sequence[LabelledPicture], sellers: Sequence[str], share: float) -> frozenset[str]:
    counts = dict.fromkeys(sellers, 0)
    for each in pictures:
        counts[each.seller] += 1
    held: set[str] = set()
    taken = 0
    for seller in sellers[: len(sellers) - 2]:  # two stay to train on, whatever the share
        if held and taken >= share * len(pictures):
            break
        held.add(seller)
        taken += counts[seller]
    return frozenset(held)


def _bit_parts(hashed: int, parts: int) -> list[tuple[int, int]]:
    bits, ends = hashed & ALL_BITS, [BITS * place // parts for place in range(parts + 1)]
    return [(place, (bits >> ends[place]) & ((1 << (ends[place + 1] - ends[place])) - 1)) for place in range(parts)]


def _grown_tree(tree: object) -> GrownTree:
    """Of scikit-learn's `sklearn.tree._tree.Tree`, whose attributes are documented ("Understanding the tree
    structure")."""
    asked = ("children_left", "children_right", "feature", "threshold", "value")
    left, right, feature, threshold, value = (np.asarray(getattr(tree, name)) for name in asked)
    return GrownTree(left, right, feature, threshold.astype(np.float64), value[:, :, 0].astype(np.float64))
