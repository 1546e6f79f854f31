"""Where something was drawn over a picture: lines of letters whose strokes and grounds are of one tone each.

Print on a product is photographed: light and noise change its tone from pixel to pixel. What a program draws does not,
and that tells a banner from a label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.domain.images.measures import TEXT_BLOCK, TEXT_JUMP, TEXT_JUMPS, TEXT_RUN, Luma

Cells = NDArray[np.bool_]

EVEN_STEP = 6
"""Luma steps (of 255) between neighbours within one tone: what JPEG at quality 85 adds beside a letter's edge."""

BLOCKS_STEP = 3.0
"""By how much that step grows with JPEG's blocks (`edges.blockiness` above 1): a banner stays one when saved badly."""

EVEN_SHARE = 0.3
"""Neighbours of a block that are of one tone. Of blocks with letters, 19 of 20 drawn ones have more (banners on 40
photographs of groceries), and 9 of 10 photographed ones less."""

SIDE = 256
"""Side of the picture that is looked at: what is spoilt in saving or shrinking it to that changes little.
Sharpness is measured at it too: blur that is not seen in a result list's tile does not matter."""

SCALES = (1, 2)
"""Every pixel and every second one: letters of 4 to 64 pixels, a sixtieth to a quarter of the picture's height."""

BANNER_ROW = 0.7
"""Of a row of cells, the share with letters from which all of it is a banner."""

MOST_COVERED = 0.6
"""Share of a picture beyond which letters lie on all of it, and nothing is left to look at alone."""

HIDDEN_BLUR = 0.06
"""Radius, as a share of the side, by which covered parts are smoothed away: more than a line of letters is high."""


def covered(luma: Luma, blockiness: float) -> Cells:
    """Cells of `TEXT_BLOCK` pixels of the picture (evened out, `SIDE` square) that drawn letters lie on."""
    side = luma.shape[0] // TEXT_BLOCK
    found = np.zeros((side, side), dtype=np.bool_)
    step_of_one_tone = EVEN_STEP + BLOCKS_STEP * max(0.0, blockiness - 1)
    for step in SCALES:
        letters = _in_runs(_letters(luma[::step, ::step], step_of_one_tone))
        found |= np.kron(letters, np.ones((step, step), dtype=np.bool_))[:side, :side]
    found[found.mean(axis=1) >= BANNER_ROW] = True
    return found


def grown(cells: Cells) -> Cells:
    """With the cells around: a banner goes beyond its letters."""
    around = np.pad(cells, 1)
    wide = np.zeros_like(cells)
    for down in range(3):
        for right in range(3):
            wide |= around[down : down + cells.shape[0], right : right + cells.shape[1]]
    return wide


def without(picture: Image.Image, cells: Cells) -> Image.Image:
    """The picture with what is covered smoothed away, softly at the rim, so that no edge of a banner is sharp."""
    if not cells.any() or cells.mean() > MOST_COVERED:
        return picture
    soft = HIDDEN_BLUR * max(picture.size)
    mask = Image.fromarray(np.where(grown(cells), 255, 0).astype(np.uint8)).resize(
        picture.size, Image.Resampling.NEAREST
    )
    smooth = picture.filter(ImageFilter.GaussianBlur(soft))
    return Image.composite(smooth, picture, mask.filter(ImageFilter.BoxBlur(soft / 4)))


def _letters(luma: Luma, one_tone: float) -> Cells:
    change = np.diff(luma, axis=1, append=luma[:, -1:])
    ups, downs = _by_block(change > TEXT_JUMP), _by_block(change < -TEXT_JUMP)
    even = _by_block(np.abs(change) <= one_tone)
    found: Cells = (np.minimum(ups, downs) >= TEXT_JUMPS) & (even >= EVEN_SHARE)
    return found


def _by_block(mask: Cells) -> NDArray[np.float64]:
    rows, columns = mask.shape[0] // TEXT_BLOCK, mask.shape[1] // TEXT_BLOCK
    whole = mask[: rows * TEXT_BLOCK, : columns * TEXT_BLOCK]
    share: NDArray[np.float64] = whole.reshape(rows, TEXT_BLOCK, columns, TEXT_BLOCK).mean(axis=(1, 3))
    return share


def _in_runs(letters: Cells) -> Cells:
    """Those that stand in a row of at least `TEXT_RUN`: shorter runs are corners of things."""
    kept: Cells = np.zeros(letters.shape, dtype=np.bool_)
    for start in range(letters.shape[1] - TEXT_RUN + 1):
        run = letters[:, start : start + TEXT_RUN].all(axis=1, keepdims=True)
        kept[:, start : start + TEXT_RUN] |= run
    return kept
