"""How sharp a picture's edges are, and how much of that is JPEG's blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.domain.images.measures import Luma

BLOCK = 8
"""Side of JPEG's blocks in pixels (ITU-T T.81)."""

USUAL = 0.9
"""Share of the columns that count, the least changing ones."""

LEAST = 0.35
"""Luma steps between neighbours that count as none: blurred pictures have hardly any, and the share of two nothings is
chance."""

LEAST_BARE = 0.1
"""Share of a picture that has to be free for its edges to tell anything; else those of all of it do."""

STEEP_SHARE = 0.995
"""Of all neighbours, those that change less: what is left are a picture's hardest edges, 300 of 256 by 256."""


def steepness(luma: Luma, bare: NDArray[np.bool_]) -> float:
    """The step of the hardest edges where the picture is `bare` (of any size that divides its own), as a share of 255,
    the weaker of both directions: a blurred picture has none, whatever else is in it."""
    scale = luma.shape[0] // bare.shape[0]
    seen = np.kron(bare, np.ones((scale, scale), dtype=np.bool_))
    across = np.abs(np.diff(luma, axis=1))[seen[:, 1:] & seen[:, :-1]]
    down = np.abs(np.diff(luma, axis=0))[seen[1:] & seen[:-1]]
    if min(across.size, down.size) < LEAST_BARE * luma.size:
        across, down = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0))
    return min(float(np.quantile(part, STEEP_SHARE)) for part in (across, down)) / 255


def blockiness(picture: Image.Image) -> float:
    """How much more neighbours differ across the borders of JPEG's blocks than within them; 1 where no block is seen.
    Of the picture as it came: another size has no such borders."""
    grey = np.asarray(picture.convert("L"), dtype=np.int16)
    return max(_ratio(grey), _ratio(grey.T))


def _ratio(grey: NDArray[np.int16]) -> float:
    """Of the mean change at the border columns to that at the others, the steepest columns of both left out: a straight
    edge of the item, or of a banner, may lie on a border."""
    if grey.shape[1] < 3 * BLOCK:
        return 1.0
    change = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    at_border = np.arange(change.size) % BLOCK == BLOCK - 1
    return _usual(change[at_border]) / _usual(change[~at_border])


def _usual(change: NDArray[np.float64]) -> float:
    kept = np.sort(change)[: max(1, int(USUAL * change.size))]
    return float(kept.mean()) + LEAST
