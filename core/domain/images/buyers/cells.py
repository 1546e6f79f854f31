"""Listings as they are held against scores: by category and price band, of one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
from numpy.typing import NDArray

from core.domain.images.buyers.agreement import Listings, strata
from core.domain.images.buyers.exposures import listing_hash

Floats = NDArray[np.float64]

MOST_LISTINGS = 50_000
"""Of one figure: its interval is then 0.005 wide, narrower than any decision needs, and 400 samples of it take a second
(200,000 listings: four to six; a night weighs 26 figures a tier, market and day, and some tens of markets would pass
the 6,000 s after which a look counts as hanging)."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a listing: looks at it, corrected for its places, and what came of them."""

    listing_id: str
    category: str
    price: float | None
    impressions: int
    examined: float
    clicks: int
    carts: int
    purchases: int

    def of(self, action: str) -> tuple[int, float]:
        """How often this action was taken, and out of what: clicks out of looks, what follows a click out of clicks,
        since after a click the place no longer matters."""
        if action == "click":
            return self.clicks, self.examined
        return (self.carts if action == "add_to_cart" else self.purchases), float(self.clicks)


def at_most(
    done: Sequence[Done], scores: Mapping[str, float], action: str, most: int = MOST_LISTINGS
) -> tuple[Sequence[Done], str]:
    """The listings that a figure is made of, and what was cut off: of more than `most` with a score and anything to do
    with, those of the lowest hashes, which are the same ones every day."""
    if len(done) <= most:
        return done, ""
    there = [each for each in done if each.listing_id in scores and each.of(action)[1] > 0]
    if len(there) <= most:
        return there, ""
    return nsmallest(
        most, there, key=lambda each: listing_hash(each.listing_id)
    ), f"{most:,} of {len(there):,} listings"


def held_against(done: Sequence[Done], scores: Mapping[str, float], action: str, bands: int) -> Listings:
    """Those listings that have a score."""
    kept = [each for each in done if each.listing_id in scores]
    counts = np.array([each.of(action) for each in kept], dtype=np.float64).reshape(-1, 2)
    score = np.array([scores[each.listing_id] for each in kept], dtype=np.float64)
    return Listings(_strata(kept, bands), score, counts[:, 0], counts[:, 1])


def then_and_now(
    before: Sequence[Done],
    now: Sequence[Done],
    scores_before: Mapping[str, float],
    scores_now: Mapping[str, float],
    bands: int,
    most: int = MOST_LISTINGS,
) -> tuple[Listings, Listings]:
    """The clicks of two times over the same listings in the same order and strata; one that was not shown, or had no
    score, at one time is there without looks. Of more than `most` those of the lowest hashes."""
    told = {each.listing_id: each for each in (*before, *now)}
    there = told.keys() & (scores_before.keys() | scores_now.keys())
    taken = there if len(there) <= most else nsmallest(most, there, key=listing_hash)
    kept = [told[each] for each in sorted(taken)]
    stratum = _strata(kept, bands)
    times = ((before, scores_before, scores_now), (now, scores_now, scores_before))
    old, new = (
        Listings(stratum, *_columns(kept, {each.listing_id: each for each in of_time}, scores, others))
        for of_time, scores, others in times
    )
    return old, new


def _columns(
    kept: Sequence[Done], shown: Mapping[str, Done], scores: Mapping[str, float], others: Mapping[str, float]
) -> tuple[Floats, Floats, Floats]:
    rows = []
    for each in kept:
        there = shown.get(each.listing_id) if each.listing_id in scores else None
        score = scores.get(each.listing_id, others.get(each.listing_id, 0.0))
        rows.append((score, *(there.of("click") if there is not None else (0, 0.0))))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


def _strata(kept: Sequence[Done], bands: int) -> NDArray[np.int64]:
    prices = np.array([np.nan if each.price is None else each.price for each in kept], dtype=np.float64)
    return strata([each.category for each in kept], prices, bands)
