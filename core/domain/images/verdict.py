"""What the technical tier may decide: that a picture is too broken to be judged. Never how good one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bounds so low that no picture a buyer could make something of is refused; bad ones go to the judge. The last two
    refuse nothing unless they are set: a blurred picture or one full of text is for the judge to mark down."""

    min_side: float = 64.0
    """Pixels of the shorter side: below it no judge can tell the item from its surroundings; thumbnails have 100."""
    blank_contrast: float = 0.008
    """RMS contrast: two luma steps of 255, less than JPEG adds to an empty picture; white on white has 0.03."""
    blank_border: float = 0.9995
    """Share of the area that is one colour: what is left is under 12 by 12 pixels of 512."""
    dark_highlight: float = 0.10
    """Luma that 99 of 100 pixels stay below: a picture taken in the dark; black items on black reach 0.3."""
    min_sharpness: float = 0.0
    """Off. A photograph out of focus by 2 % of its width has some 0.1."""
    max_text: float = 1.0
    """Off. Share of the area under lines of letters; a screen full of text has some 0.5."""


def verdict(measures: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """The reason why a picture is refused, or None: `unusable:too_small`, `unusable:too_dark`, `unusable:blank`,
    `unusable:too_blurred`, `unusable:all_text`. `measures` as `core.domain.images.measures.measure` names them."""
    if min(measures["width"], measures["height"]) < thresholds.min_side:
        return "unusable:too_small"
    if measures["highlight"] < thresholds.dark_highlight:
        return "unusable:too_dark"
    if measures["contrast"] < thresholds.blank_contrast or measures["border_share"] > thresholds.blank_border:
        return "unusable:blank"
    if thresholds.min_sharpness > 0 and measures["sharpness"] < thresholds.min_sharpness:
        return "unusable:too_blurred"
    if thresholds.max_text < 1 and measures["text_share"] > thresholds.max_text:
        return "unusable:all_text"
    return None
