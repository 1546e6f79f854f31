"""Which of a student's pictures the judge looks at too. Pure: every replica chooses the same ones."""

from __future__ import annotations

from typing import Literal

from core.domain.images.student import Student, StudentSays
from core.domain.judges import in_shadow

Why = Literal["unsure", "random", "no_features"]
"""`unsure`: among the student's least sure; `random`: of the share that is compared whatever the student thinks of it;
`no_features`: the student can't see the picture, and the judge alone gives the score."""


def why_labelled(
    says: StudentSays, student: Student, image_hash: str, random_share: float
) -> Literal["unsure", "random"] | None:
    """Why the judge is to look at a picture that the student has scored, or None.

    The random share (setting `image_label_random_share`) is told first: agreement is measured on it, so a picture of it
    counts as one whether the student was sure or not. It is chosen by the picture's hash, so that a picture that ten
    listings show is chosen once. Which spread is too much was set when the student was trained
    (`image_label_unsure_share`)."""
    if in_shadow(("image_label", image_hash), random_share):
        return "random"
    return "unsure" if says.spread > student.unsure_above else None
