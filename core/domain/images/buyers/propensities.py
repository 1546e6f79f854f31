"""How much each place of a list is looked at, estimated from the log itself.

A place further down is clicked less for two reasons: it is looked at less, and worse results stand there. The two
come apart where the same listing stood in different places of the same query's list, which happens by itself as
listings come and go (intervention harvesting: Agarwal, Zaitsev, Wang, Li, Najork, Joachims, "Estimating Position Bias
without Intrusive Interventions", WSDM 2019, the position-based model). Of the estimators for such pairs this one is the
likelihood of a Poisson count with an effect of each pair, taken given the pair's clicks, so that the effects drop out
(Hausman, Hall, Griliches, "Econometric Models for Count Data with an Application to the Patents-R&D Relationship",
Econometrica 52, 1984): it weighs each pair by what it knows, where AllPairs weighs it by 1 / impressions.
docs/buyers.md compares it with AllPairs and with expectation maximisation on a market whose truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HARVESTED: Final = "harvested"
ASSUMED: Final = "assumed"

ASSUMED_EXPONENT: Final = 1.0
"""Without enough variation a place is taken to be looked at 1 / rank as often as the first: what Joachims, Swaminathan
and Schnabel ("Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017) take where nothing else is said."""

MIN_CLICKS: Final = 30
"""Clicks a place needs, of pairs that stood elsewhere too, to be estimated by itself: their root is a fifth of them."""

ROUNDS: Final = 2_000
PRECISE: Final = 1e-6
"""The rounds end when no propensity moves by more than this part of itself: a thousandth of what chance makes of it."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What came of a query's listing in a place: a row each. `pair` numbers (query, listing) from 0."""

    pair: Ints
    position: Ints
    impressions: Floats
    clicks: Floats

    def where(self, kept: NDArray[np.bool_]) -> Pairs:
        """Some of the rows, their pairs numbered anew."""
        _, pair = np.unique(self.pair[kept], return_inverse=True)
        return Pairs(pair.astype(np.int64), self.position[kept], self.impressions[kept], self.clicks[kept])


@dataclass(frozen=True, slots=True)
class Curve:
    """How much places 1, 2, … are looked at beside the first (1.0), and the clicks that each stands on. It ends where
    nothing is known any more: places further down are left out of rates, since a wrong guess there would look like a
    good or a bad listing (a second page begins anew and is no continuation of the first)."""

    propensity: Floats
    clicks: Ints
    method: str


def curve(pairs: Pairs, positions: int) -> Curve:
    """Propensities of places 1 to `positions` at most; assumed where the log says too little of the first."""
    told = _identified(_moved(pairs), positions)
    clicks = np.bincount(told.position, told.clicks, positions + 1)[1:].astype(np.int64)
    if not clicks.any():
        return assumed(positions)
    filled = _filled(_fitted(told, positions))
    return Curve(filled, clicks[: filled.size], HARVESTED)


def assumed(positions: int) -> Curve:
    """The fallback: 1 / rank."""
    ranks = np.arange(1, positions + 1, dtype=np.float64)
    return Curve(ranks**-ASSUMED_EXPONENT, np.zeros(positions, np.int64), ASSUMED)


def _moved(pairs: Pairs) -> Pairs:
    """Pairs that stood in two places at least and were clicked: the others say nothing of places."""
    places = np.bincount(pairs.pair, minlength=1)
    clicked = np.bincount(pairs.pair, pairs.clicks, len(places))
    return pairs.where((places[pairs.pair] > 1) & (clicked[pairs.pair] > 0))


def _identified(pairs: Pairs, positions: int) -> Pairs:
    """The rows of places that have enough clicks and are joined to the first by pairs; none when the first is not."""
    while pairs.pair.size:
        clicks = np.bincount(pairs.position, pairs.clicks, positions + 1)
        kept = _joined(pairs, positions) & (clicks >= MIN_CLICKS)
        rows = kept[pairs.position]
        if not kept[1]:
            return pairs.where(np.zeros_like(rows))
        if rows.all():
            return pairs
        pairs = _moved(pairs.where(rows))
    return pairs


def _joined(pairs: Pairs, positions: int) -> NDArray[np.bool_]:
    """By place: whether a chain of pairs leads from it to the first and another one back, each pair clicked where the
    chain enters it. Where places have all the clicks of the pairs that they share with the others, or none, the
    likelihood has no maximum (Ford, "Solution of a Ranking Problem from Binary Comparisons", American Mathematical
    Monthly 64, 1957)."""
    nodes, pair, clicked = positions + 1 + int(pairs.pair.max()) + 1, positions + 1 + pairs.pair, pairs.clicks > 0
    begins = np.concatenate([pairs.position[clicked], pair])
    ends = np.concatenate([pair[clicked], pairs.position])
    edges = coo_array((np.ones(begins.size), (begins, ends)), (nodes, nodes))
    _, part = connected_components(edges, connection="strong")
    return np.asarray(part[: positions + 1] == part[1])


def _fitted(pairs: Pairs, positions: int) -> Floats:
    """The likelihood's maximum, by its own fixed point in turns: how good each pair is given how much places are looked
    at, and the reverse. Each turn raises the likelihood. NaN where a place is not estimated."""
    clicks = np.bincount(pairs.position, pairs.clicks, positions + 1)
    known, of_pair = clicks > 0, np.bincount(pairs.pair, pairs.clicks)
    looked = np.where(known, 1.0, 0.0)
    for _ in range(ROUNDS):
        good = of_pair / np.bincount(pairs.pair, pairs.impressions * looked[pairs.position])
        shown = np.bincount(pairs.position, pairs.impressions * good[pairs.pair], positions + 1)
        after = np.divide(clicks, shown, out=np.zeros_like(clicks), where=known)
        after /= after[1]
        moved = np.abs(after[known] / looked[known] - 1).max()
        looked = after
        if moved < PRECISE:
            break
    return np.where(known, looked, np.nan)[1:]


def _filled(known: Floats) -> Floats:
    """Up to the last place that is known; one between two lies on the line between them, both axes logarithmic."""
    there = np.flatnonzero(np.isfinite(known))
    ranks = np.log(np.arange(1, there[-1] + 2))
    return np.asarray(np.exp(np.interp(ranks, ranks[there], np.log(known[there]))), np.float64)
