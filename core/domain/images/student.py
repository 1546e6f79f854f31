"""What a student says of a picture: a small model that scores every new picture at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

LOWEST, HIGHEST = 1, 10
"""Ends of the scale of scores."""


@dataclass(frozen=True, slots=True)
class StudentSays:
    """A student's score of one picture. `score` 1 to 10, not rounded; `spread` its doubt, in points of the score (one
    standard deviation); `aspects` 1 to 10; `reasoning` says which measures made it."""

    score: float
    spread: float
    aspects: Mapping[str, int]
    reasoning: str

    @property
    def points(self) -> int:
        """The score as it is written: a whole number on the scale."""
        return min(HIGHEST, max(LOWEST, round(self.score)))


class Student(Protocol):
    """One version of the small model."""

    @property
    def version(self) -> str:
        """`student@` and a hash of all that makes it."""
        ...

    @property
    def extractor(self) -> str:
        """Whose features it takes, as `Picture.features` names them."""
        ...

    @property
    def unsure_above(self) -> float:
        """Pictures of a greater spread are the least sure ones, which go to the judge."""
        ...

    def says(self, features: bytes) -> StudentSays:
        """Its score of a picture with these features; quick (under a millisecond), pure."""
        ...
