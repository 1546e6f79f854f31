"""A listing's picture score, made of the scores of its pictures. Pure; the view `assay.listing_image_scores` is this in
SQL, and a test holds both alike."""

from __future__ import annotations

from collections.abc import Sequence

PRIMARY_WEIGHT = 0.7
"""Part of the main picture. A results page shows that one alone, so it decides whether the listing is opened; the
others are seen by those who opened it. More than half, so that no gallery makes up for a bad main picture; less than
all, since the others are what a buyer decides by. A choice and no measurement: docs/pictures.md says how to measure it.
"""


def listing_score(primary: int | None, others: Sequence[int]) -> float | None:
    """Of the main picture's score and those of the other pictures that have one (1 to 10 each): 0.7 of the first and
    0.3 of the others' mean; the main picture's alone where there are no others.

    None while the main picture has no score: the others say nothing of what a results page shows. How many others there
    are does not count: that is a property of the listing, and not of its pictures."""
    if primary is None:
        return None
    if not others:
        return float(primary)
    return PRIMARY_WEIGHT * primary + (1 - PRIMARY_WEIGHT) * sum(others) / len(others)
