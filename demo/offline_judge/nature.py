"""What of a picture's pixels speaks against an untouched photograph: no grain, surfaces without texture, loud colours.

A camera's sensor leaves grain in every tone; generators and smoothing filters leave none, and both like loud colours.
None of it proves anything: a clean drawing, strong noise reduction or a small, much compressed photo look so too. So
only all three together set a flag, and a picture of few pixels or much blur sets none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 512
"""Pixels of the longer side at which grain is looked for, as it came where it is smaller."""

GRAINLESS = 0.45
"""Median step of neighbours against their mean (a Laplacian), in luma steps of 255: photographs of groceries keep more,
through JPEG at quality 85 too."""

TEXTURELESS = 0.62
"""Share of neighbours without any step: drawings and smoothed surfaces."""

LOUD = 0.42
"""Mean saturation of what is coloured at all."""

COLOURED = 40
"""Difference of the largest and smallest channel (of 255) from which a pixel is coloured; grey things have no
saturation that tells anything."""


@dataclass(frozen=True, slots=True)
class Nature:
    """Measures; `grain` in luma steps of 255, the others shares 0 to 1."""

    grain: float
    even: float
    loud: float

    @property
    def signs(self) -> int:
        """How many of the three speak against a photograph."""
        return (self.grain < GRAINLESS) + (self.even > TEXTURELESS) + (self.loud > LOUD)


def nature(picture: Image.Image) -> Nature:
    """Measured where the picture is neither black nor white: there every camera has no grain."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float64)
    luma = pixels @ (0.299, 0.587, 0.114)
    inner = luma[1:-1, 1:-1]
    around = (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) / 4
    residue = np.abs(inner - around)[(inner > DARK) & (inner < BRIGHT)]
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    coloured = spread > COLOURED
    return Nature(
        grain=float(np.median(residue)) if residue.size else 0.0,
        even=float((residue < 1.0).mean()) if residue.size else 1.0,
        loud=float((spread[coloured] / pixels.max(axis=2)[coloured]).mean()) if coloured.any() else 0.0,
    )


DARK, BRIGHT = 20.0, 235.0
"""Luma between which grain can be seen."""
