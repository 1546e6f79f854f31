"""Pictures judged by what can be measured on the pixels: scores per aspect, overall, and a description in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from core.domain.judging import PictureAspects, PictureJudgement
from demo.offline_judge.pixels import Pixels, measure
from demo.offline_judge.reasons import NAME

__all__ = ["describe", "measure", "score"]

Aspect = Literal["focus", "lighting", "background", "framing", "completeness", "overlays", "honesty", "authenticity"]

# Each curve is (measure, score) points with straight lines between. Anchors are those of the rubric (9-10 as a
# professional would do it, 5-6 ordinary, 1-2 unusable), set by looking at photographs and drawings of products.
_FOCUS = ((0.15, 1.0), (0.22, 2.0), (0.36, 3.5), (0.45, 5.5), (0.55, 8.0), (0.62, 9.5), (0.7, 10.0))
_STEEP = ((0.02, 1.0), (0.05, 2.0), (0.08, 4.0), (0.11, 7.0), (0.15, 10.0))
_SIDE = ((60, 1.0), (100, 2.5), (150, 4.0), (200, 5.5), (300, 8.0), (400, 10.0))
_LIGHT = ((0.05, 1.0), (0.15, 2.0), (0.25, 3.0), (0.35, 4.0), (0.6, 7.0), (0.8, 9.0), (0.92, 10.0))
_EVEN = ((0.01, 10.0), (0.05, 8.0), (0.1, 6.5), (0.2, 4.0), (0.3, 2.5), (0.4, 1.5))
_EXTENT = ((0.05, 1.0), (0.2, 3.0), (0.35, 5.5), (0.5, 8.0), (0.6, 9.5), (0.9, 9.5), (1.0, 6.0))
_CUT = ((0.0, 10.0), (0.06, 8.0), (0.15, 5.0), (0.4, 3.5), (0.6, 2.5), (0.8, 2.0))
_TEXT = ((0.0, 10.0), (0.05, 10.0), (0.09, 6.0), (0.14, 4.0), (0.25, 3.0), (0.4, 2.0))

FILLED = 0.6
"""Share of the picture from which the item can't be told from its surroundings by colour."""

UNSURE_COMPLETENESS = 5.0
HONESTY, HONESTY_WITH_CLAIMS = 8, 5
"""Pixels can't tell a stock photo or another item: never above 8; words laid over the item lower trust."""

BLOCKS_FROM, BLOCKS_LOOK_SHARP, BLOCKS_LOOK_STEEP = 1.3, 0.12, 0.015
"""Blockiness from which it is JPEG's doing (quality 85 makes up to 1.3), and by how much sharpness and steepness rise
with it on pictures that have neither (measured at qualities 20, 7 and 2 on blurred drawings)."""

NOISE_LOOKS_SHARP = 0.03
"""Sharpness that a dark picture gains by each time its tones are stretched: its noise is stretched too."""

OVERLAYS_COST = 2.0
"""Points of the overall score that a picture full of letters loses beside what its aspects say."""

SPOILT_COST = 0.6
"""Points that a picture without sharpness or light loses beside: what can't be seen may have been worse."""

WORST_WEIGHT = 0.6
"""Of the overall score that the worst aspect makes up: one grave fault spoils a picture that is good otherwise."""

_GRAVE: tuple[Aspect, ...] = ("focus", "lighting", "completeness", "honesty")
_TROUBLING: tuple[Aspect, ...] = ("overlays", "background", "authenticity")


def score(item: str, pixels: Pixels) -> PictureJudgement:
    """Scores of a picture; the same pixels get the same scores, whatever the listing says."""
    raw = _aspects(pixels)
    aspects = PictureAspects(**{name: _whole(value) for name, value in raw.items()})
    flags = pixels.nature.flags
    return PictureJudgement(
        item=item, reasoning=_reasoning(pixels), aspects=aspects, flags=flags, overall=_overall(raw)
    )


def _aspects(pixels: Pixels) -> dict[Aspect, float]:
    overlays = _on(_TEXT, pixels.text)
    cut = _on(_CUT, pixels.cut)
    return {
        "focus": _focus(pixels),
        "lighting": _on(_LIGHT, pixels.highlight),
        "background": _on(_EVEN, pixels.unevenness),
        "framing": min(_on(_EXTENT, pixels.extent), max(cut, 3.0)),
        "completeness": UNSURE_COMPLETENESS if pixels.item > FILLED else cut,
        "overlays": overlays,
        "honesty": float(HONESTY if overlays >= 5 else HONESTY_WITH_CLAIMS),
        "authenticity": pixels.nature.authenticity,
    }


def _focus(pixels: Pixels) -> float:
    """The worst of how sharp, how steep and how large; blocks and the noise of dark pictures look sharp and are not."""
    blocks = max(0.0, pixels.blockiness - BLOCKS_FROM)
    noise = 1 / max(pixels.highlight, 0.05) - 1
    sharp = _on(_FOCUS, pixels.sharpness - BLOCKS_LOOK_SHARP * blocks - NOISE_LOOKS_SHARP * noise)
    steep = _on(_STEEP, pixels.steepness - BLOCKS_LOOK_STEEP * blocks)
    return min(sharp, steep, _on(_SIDE, min(pixels.width, pixels.height)))


def _overall(raw: dict[Aspect, float]) -> int:
    """Between the worst aspect and the mean, capped by grave faults as the rubric says.

    Never above focus: what blur hides (clutter, letters) must not make a picture better. And what is drawn over a
    picture costs for itself: it may hide what was worse.
    """
    worst, mean = min(raw.values()), sum(raw.values()) / len(raw)
    value = min(WORST_WEIGHT * worst + (1 - WORST_WEIGHT) * mean, raw["focus"])
    value -= OVERLAYS_COST * (1 - raw["overlays"] / 10)
    value -= SPOILT_COST * (2 - (raw["focus"] + raw["lighting"]) / 10)
    if min(raw[name] for name in _GRAVE) < 2.5:
        value = min(value, 3.0)
    if min(raw[name] for name in _TROUBLING) < 2.5:
        value = min(value, 5.0)
    return _whole(value)


def _on(curve: Sequence[tuple[float, float]], value: float) -> float:
    places, scores = zip(*curve, strict=True)
    return float(np.interp(value, places, scores))


def _whole(value: float) -> int:
    return max(1, min(10, int(value + 0.5)))


def _reasoning(pixels: Pixels) -> str:
    """The measures behind the scores, in the aspects' order."""
    where = (
        f"item spans {pixels.extent:.0%} of the side"
        if pixels.item <= FILLED
        else "item not told from its surroundings"
    )
    cut = f"runs over {pixels.cut:.0%} of an edge" if pixels.cut > 0.05 else "touches no edge"
    return (
        f"{NAME}, by pixels alone: sharpness {pixels.sharpness:.2f} at {pixels.width}x{pixels.height}; "
        f"brightest parts at {pixels.highlight:.0%} of full; border uneven by {pixels.unevenness:.2f}; {where}, {cut}; "
        f"letters drawn over {pixels.text:.0%}; {_nature(pixels)}. Whether it is the listed item "
        "or a good render, and what letters in it say, can't be measured."
    )


def _nature(pixels: Pixels) -> str:
    seen = pixels.nature
    measured = f"grain {seen.grain:.1f} steps, colours at their end {seen.loud:.0%}"
    if not seen.flags:
        return f"{measured}: smooth as a drawing or render" if seen.smooth else f"{measured}: as a photograph"
    told = "as generators make them" if seen.smooth else "as an over-edited photograph"
    return f"{measured}: smooth or not, colours {told}; no proof"


def describe(pixels: Pixels) -> str:
    """What the pixels show: the item's colours first, `Background` after them."""
    colours = ", ".join(pixels.colours) or "not told from the background"
    light = "dark" if pixels.highlight < 0.5 else "bright" if pixels.exposure > 0.6 else "of medium brightness"
    ground = "plain" if pixels.unevenness < 0.05 else "uneven" if pixels.unevenness < 0.2 else "cluttered"
    size = "cut off at an edge" if pixels.cut > 0.1 else f"filling {pixels.extent:.0%} of the side"
    text = " Letters seem to be laid over it." if pixels.text >= 0.08 else ""
    return (
        f"Item colours: {colours}; {size}. Background {pixels.background}, {ground}; picture {light}.{text} ({NAME}.)"
    )
