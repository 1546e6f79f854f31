"""How far scores of pictures agree with what buyers did, inside category and price band.

Two figures. The rank correlation says whether the order is the same: ranks are taken inside each stratum and pooled,
after Taylor ("Kendall's and Spearman's Correlation Coefficients in the Presence of a Blocking Variable", Biometrics 43,
1987), rather than averaged over strata, since a stratum of three listings has a correlation of nearly any value. It is
pulled towards 0 by chance in the counts, so it falls with the traffic. The lift says how much more is done per point of
score: a Poisson regression with the exposure as offset and an effect of each stratum, which few clicks do not pull
towards 0. Intervals of both are by bootstrap over listings, the unit that has a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import kendalltau

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_LISTINGS: Final = 30
"""Listings that figures need: a rank correlation of fewer has an interval wider than 0.7."""

MIN_DONE: Final = 50
"""Actions that figures need: their root is a seventh of them."""

INTERVAL: Final = (0.025, 0.975)

NEWTON_ROUNDS: Final = 25
LARGEST_STEP: Final = 0.5
"""In log per point of score: beyond it the curvature at the old place says little of the new."""
LARGEST_LOG: Final = 2.0
"""A lift of 640 % per point: past it the counts hold no maximum (all that was done was done with the best scores)."""

CHUNK_CELLS: Final = 2_000_000
"""Numbers in one block of bootstrap multiplicities: 16 MB."""


@dataclass(frozen=True, slots=True)
class Listings:
    """Listings with a score, what was done with them and out of what: clicks out of looks, or carts out of clicks."""

    stratum: Ints
    score: Floats
    done: Floats
    base: Floats

    def with_base(self) -> Listings:
        """Those that there was anything to do with, in strata of two at least."""
        kept = self.base > 0
        sizes = np.bincount(self.stratum[kept], minlength=1)
        kept &= np.isin(self.stratum, np.flatnonzero(sizes > 1))
        return Listings(self.stratum[kept], self.score[kept], self.done[kept], self.base[kept])


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found; None where there was too little, which `note` says."""

    listings: int
    correlation: Interval | None
    kendall: float | None
    lift: Interval | None
    note: str = ""


def agreement(given: Listings, replicates: int, rng: Generator) -> Agreement:
    """Both figures with their intervals."""
    held = given.with_base()
    count, done = held.score.size, int(held.done.sum())
    if count < MIN_LISTINGS or done < MIN_DONE:
        return Agreement(count, None, None, None, f"{count} listings and {done} actions; {MIN_LISTINGS} and {MIN_DONE}")
    if not _varies(held):
        return Agreement(count, None, None, None, "one score in every stratum")
    ranks, lifts = Ranks(held), Lifts(held)
    drawn = [
        (ranks.correlation(times), lift)
        for block in multiplicities(count, replicates, rng)
        for times, lift in zip(block, lifts.logs(block), strict=True)
    ]
    correlations, logs = np.array(drawn).T
    one = np.ones((1, count))
    correlation = _interval(ranks.correlation(one[0]), correlations)
    lift = _interval(float(np.expm1(lifts.logs(one)[0])), np.expm1(logs))
    notes = (
        "" if correlation else "one rate in every stratum",
        "" if lift else "all done with the best or worst scores",
    )
    return Agreement(count, correlation, kendall(held), lift, "; ".join(filter(None, notes)))


def _varies(held: Listings) -> bool:
    return bool(np.unique(np.stack([held.stratum, held.score]), axis=1).shape[1] > np.unique(held.stratum).size)


def _interval(value: float, drawn: Floats) -> Interval | None:
    """None where the figure is not defined, or not in so many samples that its ends would be of the others alone."""
    there = _defined(drawn)
    if there is None or not np.isfinite(value):
        return None
    low, high = np.quantile(there, INTERVAL)
    return Interval(value, float(low), float(high))


def _defined(drawn: Floats) -> Floats | None:
    """The samples in which a figure is defined; None where those without it are more than lie in one tail."""
    there: Floats = drawn[np.isfinite(drawn)]
    return there if there.size >= (1 - INTERVAL[0]) * drawn.size else None


def multiplicities(count: int, replicates: int, rng: Generator) -> Iterator[Floats]:
    """How often each listing is in each bootstrap sample, in blocks that fit in memory. Drawn one by one: ten times as
    fast as a multinomial of as many classes."""
    rows = max(1, CHUNK_CELLS // count)
    for at in range(0, replicates, rows):
        drawn = np.empty((min(rows, replicates - at), count))
        for row in drawn:
            row[:] = np.bincount(rng.integers(0, count, count), minlength=count)
        yield drawn


def strata(categories: Sequence[str], prices: Floats, bands: int) -> Ints:
    """A number for each category and price band. Bands hold equally many of a category's listings; those without a
    price (NaN) are a band of their own."""
    category = np.unique(np.asarray(categories, dtype=str), return_inverse=True)[1].astype(np.int64)
    band = np.full(prices.size, bands, dtype=np.int64)
    for each in np.unique(category):
        of_it = (category == each) & np.isfinite(prices)
        if of_it.any():
            edges = np.quantile(prices[of_it], np.arange(1, bands) / bands)
            band[of_it] = np.searchsorted(edges, prices[of_it], side="right")
    number = np.unique(category * (bands + 1) + band, return_inverse=True)[1]
    return np.asarray(number, np.int64)


class Ranks:
    """Weighted Spearman correlation of ranks inside strata."""

    def __init__(self, held: Listings) -> None:
        self._score = _Order(held.stratum, held.score)
        self._rate = _Order(held.stratum, held.done / held.base)
        self._weight = reliability(held)
        _, self._stratum = np.unique(held.stratum, return_inverse=True)

    def correlation(self, times: Floats) -> float:
        """Of a sample that holds each listing so many times."""
        weight = self._weight * times
        score = self._centred(self._score.ranks(times), weight)
        rate = self._centred(self._rate.ranks(times), weight)
        spread = float((weight * score**2).sum() * (weight * rate**2).sum())
        return float((weight * score * rate).sum()) / spread**0.5 if spread > 0 else np.nan

    def _centred(self, ranks: Floats, weight: Floats) -> Floats:
        sums = np.bincount(self._stratum, weight * ranks)
        weights = np.bincount(self._stratum, weight)
        means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
        centred: Floats = ranks - means[self._stratum]
        return centred


class _Order:
    """Values in the order of stratum and value, so that a sample's ranks need no sorting."""

    def __init__(self, stratum: Ints, value: Floats) -> None:
        self._order = np.lexsort((value, stratum))
        by_stratum, by_value = stratum[self._order], value[self._order]
        begins = np.diff(by_stratum, prepend=by_stratum[0] - 1) != 0
        ties = begins | (np.diff(by_value, prepend=by_value[0]) != 0)
        self._ties, self._strata = np.flatnonzero(ties), np.flatnonzero(begins)
        self._tie_of = np.cumsum(ties) - 1
        self._stratum_of_tie = np.cumsum(begins)[self._ties] - 1

    def ranks(self, times: Floats) -> Floats:
        """Midranks as parts of the stratum's size, 0 to 1, of a sample that holds each value so many times."""
        sorted_times = times[self._order]
        tied = np.add.reduceat(sorted_times, self._ties)
        sizes = np.add.reduceat(sorted_times, self._strata)
        before = np.cumsum(tied) - tied - (np.cumsum(sizes) - sizes)[self._stratum_of_tie]
        middles = (before + tied / 2) / np.maximum(sizes, 1)[self._stratum_of_tie]
        ranks = np.empty_like(times)
        ranks[self._order] = middles[self._tie_of]
        return ranks


def reliability(held: Listings) -> Floats:
    """The weight of each listing's rate, 0 to 1: the part of its variance that is the listing's own and not chance's. A
    listing looked at ten times says little, one looked at ten thousand times no more than one looked at a thousand.

    Counts are taken as Poisson with a gamma-distributed rate around the stratum's; its variance by the method of
    moments (Clayton, Kaldor, "Empirical Bayes Estimates of Age-standardized Relative Risks", Biometrics 43, 1987)."""
    done, base = (np.bincount(held.stratum, each) for each in (held.done, held.base))
    rates = np.divide(done, base, out=np.zeros_like(done), where=base > 0)
    expected = rates[held.stratum] * held.base
    total = float((expected**2).sum())
    spread = float(((held.done - expected) ** 2 - held.done).sum()) / total if total > 0 else 0.0
    return spread * expected / (1 + spread * expected) if spread > 0 else expected


def kendall(held: Listings) -> float | None:
    """Kendall's tau-b inside strata, each weighted by its pairs of listings; chance in the rates is not weighed."""
    rate, total, pairs = held.done / held.base, 0.0, 0.0
    for stratum in np.unique(held.stratum):
        of_it = held.stratum == stratum
        if np.ptp(held.score[of_it]) > 0 and np.ptp(rate[of_it]) > 0:
            size = int(of_it.sum())
            weight = size * (size - 1) / 2
            total += weight * float(kendalltau(held.score[of_it], rate[of_it]).statistic)
            pairs += weight
    return total / pairs if pairs else None


class Lifts:
    """Poisson regression of what was done on the score, with the base as offset and the strata's effects profiled out.

    The counts of a stratum's listings with one score are enough, so a bootstrap sample is a few hundred numbers."""

    def __init__(self, held: Listings) -> None:
        self._order = np.lexsort((held.score, held.stratum))
        stratum, score = held.stratum[self._order], held.score[self._order]
        begins = np.diff(stratum, prepend=stratum[0] - 1) != 0
        groups = np.flatnonzero(begins | (np.diff(score, prepend=score[0]) != 0))
        self._groups, self._strata = groups, np.flatnonzero(begins[groups])
        self._score = score[groups] - score.mean()
        self._sizes = np.diff(np.append(self._strata, groups.size))
        self._done, self._base = held.done[self._order], held.base[self._order]

    def logs(self, times: Floats) -> Floats:
        """Log of the rate gained per point of score: one number a sample, a row each. NaN where there is no maximum."""
        sorted_times = times[:, self._order]
        done = np.add.reduceat(sorted_times * self._done, self._groups, axis=1)
        base = np.add.reduceat(sorted_times * self._base, self._groups, axis=1)
        of_stratum = np.add.reduceat(done, self._strata, axis=1)
        slope = (done * self._score).sum(axis=1)
        found = np.zeros(len(times))
        for _ in range(NEWTON_ROUNDS):
            mean, variance = self._moments(base, found)
            curvature = np.maximum((of_stratum * variance).sum(axis=1), np.finfo(np.float64).tiny)
            step = np.clip((slope - (of_stratum * mean).sum(axis=1)) / curvature, -LARGEST_STEP, LARGEST_STEP)
            found += step
            if not np.any(np.abs(step) > 1e-9) or np.all(np.abs(found) > LARGEST_LOG):
                break
        return np.where(np.abs(found) < LARGEST_LOG, found, np.nan)

    def _moments(self, base: Floats, log: Floats) -> tuple[Floats, Floats]:
        """By sample and stratum: mean and variance of the score, weighted by what is expected of each group."""
        weight = base * np.exp(np.clip(log[:, None], -LARGEST_LOG, LARGEST_LOG) * self._score)
        total = np.maximum(np.add.reduceat(weight, self._strata, axis=1), np.finfo(np.float64).tiny)
        mean = np.add.reduceat(weight * self._score, self._strata, axis=1) / total
        from_mean = self._score - np.repeat(mean, self._sizes, axis=1)
        return mean, np.add.reduceat(weight * from_mean**2, self._strata, axis=1) / total


@dataclass(frozen=True, slots=True)
class Fall:
    """The lift of before and of now, as parts per point of score, and how far it fell in standard errors."""

    before: float
    now: float
    deviations: float


def fall(before: Listings, now: Listings, replicates: int, rng: Generator) -> Fall | None:
    """How far the lift fell between two times, of the same listings in the same order; None when either has too little.

    A bootstrap sample is one of listings, which are in it with both their times: what a listing has besides its picture
    is the same before and now and does not count as a change."""
    if min(before.done.sum(), now.done.sum()) < MIN_DONE or before.score.size < MIN_LISTINGS or not _varies(before):
        return None
    olds, news = Lifts(before), Lifts(now)
    drawn = [olds.logs(block) - news.logs(block) for block in multiplicities(before.score.size, replicates, rng)]
    there = _defined(np.concatenate(drawn))
    one = np.ones((1, before.score.size))
    old, new = float(olds.logs(one)[0]), float(news.logs(one)[0])
    if there is None or not (np.isfinite(old) and np.isfinite(new) and there.std() > 0):
        return None
    return Fall(float(np.expm1(old)), float(np.expm1(new)), (old - new) / float(there.std()))
