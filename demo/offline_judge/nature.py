"""What of a picture's pixels speaks against an untouched photograph: no grain, colours pushed to their end.

A camera's sensor leaves grain in every tone; generators and smoothing filters leave none, and both like loud colours.
None of it proves anything: a clean drawing and strong noise reduction look smooth too, a toy is loud by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.domain.judging import PictureFlag

SIDE = 512
"""Pixels of the longer side at which grain is looked for; a smaller picture as it came."""

GRAINLESS = 0.45
"""Median distance of a pixel from its neighbours' mean (a Laplacian), in luma steps of 255. Of 243 phone snapshots the
smoothest has 0.53, through JPEG at quality 85; drawings have 0.25."""

LOUD = 0.35
"""Share of the coloured pixels whose colour is at its end. Of 324 photographs of groceries none has more than 0.33."""

COLOURED, STRONG, AT_END = 40 / 255, 120 / 255, 0.97
"""Difference of the largest and smallest channel, of the brightest tone, from which a pixel is coloured, and strongly
so; and the part of the largest channel that this difference makes up where no more colour would fit."""

LEAST_COLOURED = 0.01
"""Share of a picture that has to be coloured for its colours to tell anything."""

DARK, BRIGHT = 20.0, 235.0
"""Luma between which grain can be seen."""

AUTHENTIC, SMOOTH, EDITED, MADE = 8.0, 7.0, 4.0, 2.0
"""Scores of authenticity: never above 8, since a good render looks like a photograph to whoever measures pixels; 7
where it is smooth; and those that the flags ask for."""


@dataclass(frozen=True, slots=True)
class Nature:
    """Measures: `grain` in luma steps of 255, `loud` a share 0 to 1."""

    grain: float
    loud: float

    @property
    def smooth(self) -> bool:
        """As drawings, renders and smoothed photographs are."""
        return self.grain < GRAINLESS

    @property
    def flags(self) -> list[PictureFlag]:
        """Loud and smooth: as generators make them; loud with a camera's grain: a photograph pushed too far."""
        if self.loud <= LOUD:
            return []
        return ["ai_made"] if self.smooth else ["over_edited"]

    @property
    def authenticity(self) -> float:
        """The score of the aspect."""
        if self.flags:
            return MADE if self.smooth else EDITED
        return SMOOTH if self.smooth else AUTHENTIC


def nature(picture: Image.Image) -> Nature:
    """Measures of an RGB picture."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float64)
    luma = pixels @ (0.299, 0.587, 0.114)
    inner = luma[1:-1, 1:-1]
    around = (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) / 4
    residue = np.abs(inner - around)[(inner > DARK) & (inner < BRIGHT)]
    top = pixels.max(axis=2)
    spread = (top - pixels.min(axis=2)) / max(DARK, float(np.quantile(top, 0.99)))
    coloured = spread > COLOURED
    at_end = (spread > STRONG) & (top - pixels.min(axis=2) >= AT_END * top)
    return Nature(
        grain=float(np.median(residue)) if residue.size else 0.0,
        loud=float(at_end[coloured].mean()) if coloured.mean() > LEAST_COLOURED else 0.0,
    )
