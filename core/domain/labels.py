"""The words everything else is said in: labels, modes, reasons, lanes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

LIVE_RUN = "live"
"""The run of records that come from the live topics; a replay's run has its own name."""

Mode = Literal["text", "text_and_description", "multimodal"]
"""What of a product's picture the judge sees: nothing, its description in words, or the picture."""

SelectionReason = Literal["panel", "friction", "volume", "request"]
"""Why a pair was judged. Only `panel` feeds trends: queries chosen because they are bad say nothing of the average."""

Lane = Literal["live", "panel", "backfill"]
"""Order of the work: live (new listings, friction, volume) before panel before backfill."""

LANE_RANK: dict[str, int] = {"live": 0, "panel": 1, "backfill": 2}


class Label(StrEnum):
    """A judge's grade of one product for one query (DESIGN 3)."""

    IRRELEVANT = "irrelevant"
    ACCEPTABLE_SUBSTITUTE = "acceptable_substitute"
    HIGHLY_RELEVANT = "highly_relevant"

    @property
    def grade(self) -> int:
        """0, 1 or 2."""
        return _GRADES[self]

    @property
    def gain(self) -> float:
        """Grade on the scale 0 to 1, as the drift statistics use it."""
        return _GRADES[self] / 2

    @classmethod
    def of_grade(cls, grade: int) -> Label:
        """The label of a grade 0, 1 or 2; ValueError for anything else."""
        return _BY_GRADE[grade] if grade in _BY_GRADE else cls(str(grade))


_GRADES = {Label.IRRELEVANT: 0, Label.ACCEPTABLE_SUBSTITUTE: 1, Label.HIGHLY_RELEVANT: 2}
_BY_GRADE = {grade: label for label, grade in _GRADES.items()}
