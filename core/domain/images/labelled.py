"""Labels of pictures as students are trained on them and watched by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture with the newest score that one judge version gave it, and what a student sees of it."""

    image_hash: str
    listing_id: str
    image_url: str
    seller: str
    market: str
    category: str
    phash: int | None
    features: bytes
    score: int
    aspects: Mapping[str, int]
    why: str
    """`random`, `unsure`, or empty: nobody chose it, because no student was live."""
    certain: bool
    """It would have been labelled in any case: no student had scored it, or one that was unsure of it. Of the others
    only the random share was."""


@dataclass(frozen=True, slots=True)
class AgreedLabel:
    """A label of a picture that a student had scored before."""

    day: date
    version: str
    judge: str
    market: str
    category: str
    why: str
    seller: str
    student: int
    score: int
