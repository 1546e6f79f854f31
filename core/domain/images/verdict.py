"""What the technical tier may decide: that a picture is too broken to be judged. Never how good one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bounds so low that no picture a buyer could make something of is refused; bad ones go to the judge."""

    min_side: float = 64.0
    """Pixels of the shorter side: below it no judge can tell the item from its surroundings; thumbnails have 100."""
    blank_contrast: float = 0.008
    """RMS contrast: two luma steps of 255, less than JPEG adds to an empty picture; white on white has 0.03."""
    blank_border: float = 0.9995
    """Share of the area that is one colour: what is left is under 12 by 12 pixels of 512."""
    dark_highlight: float = 0.10
    """Luma that 99 of 100 pixels stay below: a picture taken in the dark; black items on black reach 0.3."""


def verdict(measures: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """The reason why a picture is refused, or None: `unusable:too_small`, `unusable:too_dark`, `unusable:blank`.
    `measures` as `core.domain.images.measures.measure` names them."""
    if min(measures["width"], measures["height"]) < thresholds.min_side:
        return "unusable:too_small"
    if measures["highlight"] < thresholds.dark_highlight:
        return "unusable:too_dark"
    if measures["contrast"] < thresholds.blank_contrast or measures["border_share"] > thresholds.blank_border:
        return "unusable:blank"
    return None
