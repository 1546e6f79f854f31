"""Technical tier: what can be measured of a picture without knowing what it shows.

All measures are taken on the picture as reduced to `MEASURE_SIDE` on its longer side, so that they don't
depend on how many pixels a camera makes. They are shares and luma values, 0 to 1, and say how a picture is
made, not how well it sells: rank correlation of such measures with human scores is near zero (DESIGN 7).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEASURE_SIDE = 512
"""Pixels: the size at which a phone shows a picture, and blur that is not seen there does not matter."""

FLAT_STEP = 4
"""Luma steps (of 255) up to which neighbours count as equal: JPEG noise at quality 75 stays under it."""

ROUNDING_STEP = 6
"""Luma steps (of 255) between neighbours that no sharpness is seen in. Measured (docs/pictures.md): where steps of 5
count, one picture in 11 grows sharper by being blurred more."""

EDGE_STEP = 24
"""Gradient (luma of 255 per pixel) that counts as an edge: a tenth of the range, as Canny's usual low bound."""

BLUR_TAPS = 9
"""Length of the averaging filter of Crété et al., as in their paper."""

RING = 0.15
"""Width of the outer ring, as a share of each side, that counts as background: 51 % of the area."""

TEXT_BLOCK = 16
"""Side in pixels of a block that is looked at for letters: a readable line is 10 to 40 pixels high at 512."""

TEXT_JUMP = 60
"""Luma jump (of 255) between neighbours at the edge of a drawn letter. Measured (docs/pictures.md): 90 misses coloured
letters, 48 finds more letters in fruit than it gains."""

TEXT_JUMPS = 0.065
"""Share of jumps in a block of letters in each direction of change: 17 of its 256 pixels, one stroke the whole height.
Measured (docs/pictures.md): at 0.055 mosaics are text, at 0.08 one overlay in ten more is missed."""

TEXT_FLAT_STEP = 8
"""Luma step (of 255) up to which neighbours count as one stroke or one ground: an overlay is drawn, then compressed."""

TEXT_FLAT = 0.35
"""Share of such neighbours in a block of letters: strokes and ground have one colour each, a texture that jumps as
often has none."""

TEXT_RUN = 3
"""Blocks in a row that make a line: shorter runs are corners of things."""

TEXT_STRIDE = TEXT_BLOCK // 2
"""Blocks overlap by half: a line that lies across two would else be half a line in each."""

TEXT_SCALES = (1, 2, 4)
"""Every pixel, every second, every fourth: letters of 10 to 160 pixels."""

TEXT_ENOUGH = 0.7
"""Part of the largest share at which a finer scale is believed: coarse blocks reach over the letters' edges."""

PAIRED_FROM = 200_000
"""Pixels from which luma is counted by pairs: of fewer, the 65,536 kinds of pairs cost more than they spare."""

Luma = NDArray[np.int16]
"""Height x width, 0 to 255; 16 bits, so that differences keep their sign."""

Mask = NDArray[np.bool_]


def measure(grey: NDArray[np.uint8], original_width: int, original_height: int) -> dict[str, float]:
    """Every measure of a picture. `grey`: height x width, luma 0 to 255 (ITU-R BT.601, the weights of JPEG), already
    reduced; the original size in pixels as shown (after rotation). Keys: `width`, `height` (pixels), `sharpness`,
    `exposure`, `highlight`, `contrast`, `border_share`, `background_clutter`, `text_share` (0 to 1)."""
    exposure, contrast, highlight = tones(grey)
    values = grey.astype(np.int16)
    return {
        "width": float(original_width),
        "height": float(original_height),
        "sharpness": sharpness(values),
        "exposure": exposure,
        "highlight": highlight,
        "contrast": contrast,
        "border_share": border_share(values),
        "background_clutter": background_clutter(values),
        "text_share": text_share(values),
    }


def tones(grey: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Mean luma (exposure), its standard deviation (RMS contrast: Peli, JOSA A 1990) and the luma that 99 of 100 pixels
    stay at or below (highlight), as shares of 255."""
    shares = _counts(grey) / grey.size
    levels = np.arange(256) / 255
    mean = float(shares @ levels)
    variance = float(shares @ (levels - mean) ** 2)
    return mean, variance**0.5, float(levels[np.searchsorted(np.cumsum(shares), 0.99)])


def _counts(grey: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each luma. Of large pictures by pairs, which is twice as quick: half as many are counted."""
    flat = grey.ravel()
    if flat.size < PAIRED_FROM or flat.size % 2:
        return np.bincount(flat, minlength=256).astype(np.int64)
    pairs = np.bincount(flat.view(np.uint16), minlength=1 << 16).reshape(256, 256)
    both: NDArray[np.int64] = pairs.sum(axis=0) + pairs.sum(axis=1)
    return both


def sharpness(grey: Luma) -> float:
    """1 minus the perceptual blur of Crété, Dolmiere, Ladret, Nicolas (SPIE 2007): how much of the variation between
    neighbours is lost by blurring once more, the worse of both directions. 0 blurred or flat, 1 sharp."""
    return min(_directional_sharpness(grey, along=1), _directional_sharpness(grey, along=0))


def _directional_sharpness(grey: Luma, along: int) -> float:
    """The blurred neighbours of the paper need no filter: two means of 9 pixels one apart differ by the ends / 9. Steps
    that rounding makes are left out, which the paper does not do: in a picture blurred so much that its slopes are one
    luma a pixel they are all there is, and each is as sharp as can be."""
    if grey.shape[along] <= BLUR_TAPS:
        return 0.0
    inner = _part(grey, along, BLUR_TAPS // 2, -(BLUR_TAPS // 2))
    steps = _step(inner, along, 1)
    steps *= steps > ROUNDING_STEP
    total = _sum(steps)
    if total <= FLAT_STEP * grey.shape[1 - along]:
        return 0.0
    steps *= BLUR_TAPS
    steps -= _step(grey, along, BLUR_TAPS)
    return _sum(np.maximum(steps, 0, out=steps)) / (BLUR_TAPS * total)


def _step(grey: Luma, along: int, by: int) -> Luma:
    """How far apart pixels are that stand so many apart."""
    steps: Luma = _part(grey, along, by, None) - _part(grey, along, None, -by)
    return np.abs(steps, out=steps)


def _part(grey: Luma, along: int, first: int | None, last: int | None) -> Luma:
    return grey[first:last] if along == 0 else grey[:, first:last]


def _sum(values: Luma) -> int:
    """Of numbers under 2,500; in 32 bits by column, which is twice as quick as in 64."""
    return int(values.sum(axis=0, dtype=np.int32).sum(dtype=np.int64))


def border_share(grey: Luma) -> float:
    """Share of the area in bands along the four edges whose every line has one luma, the corner's: bars, frames and
    empty margins (what ImageMagick's `-trim -fuzz` takes away). 1 for a picture of one colour."""
    differs = np.abs(grey - grey[0, 0]) > FLAT_STEP
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return 1.0
    inside = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return 1.0 - float(inside) / grey.size


def background_clutter(grey: Luma) -> float:
    """Share of edge pixels in the outer ring: edge density, the simplest of the clutter measures that agree with people
    (Mack & Oliva 2004; Rosenholtz, Li, Nakano, J. Vision 2007). 0 an even background, above 0.2 a busy one."""
    edges = _step(grey[:-1], 1, 1) > EDGE_STEP
    edges |= _step(grey[:, :-1], 0, 1) > EDGE_STEP
    if not edges.size:
        return 0.0
    inside = _inside_ring(edges)
    if inside.size == edges.size:  # too small for a ring
        return float(edges.mean())
    return int(np.count_nonzero(edges) - np.count_nonzero(inside)) / (edges.size - inside.size)


def _inside_ring(mask: Mask) -> Mask:
    high, wide = (int(side * RING) for side in mask.shape)
    return mask[high : mask.shape[0] - high, wide : mask.shape[1] - wide]


def text_share(grey: Luma) -> float:
    """Share of the area covered by lines of drawn letters: blocks with many hard jumps both up and down along the rows
    and even ground between them, in runs (after the horizontal spatial variance of Zhong, Karu, Jain, Pattern
    Recognition 1995), at the picture's size and at half and a quarter of it for larger letters. Of these the finest
    that sees nearly all. Print on a product is text too: a hint for the reader of a judgement, never a score."""
    shares = [_text_share_at(grey[::step, ::step]) for step in TEXT_SCALES]
    return next(share for share in shares if share >= TEXT_ENOUGH * max(shares))


def _text_share_at(grey: Luma) -> float:
    change = np.diff(grey, axis=1)
    letters = _share_by_block(change > TEXT_JUMP) >= TEXT_JUMPS
    if not letters.any():
        return 0.0
    letters &= _share_by_block(change < -TEXT_JUMP) >= TEXT_JUMPS
    if not letters.any():
        return 0.0
    letters &= _share_by_block(np.abs(change) <= TEXT_FLAT_STEP) >= TEXT_FLAT
    return float(_in_runs(letters).sum()) * TEXT_STRIDE**2 / change.size


def _share_by_block(mask: Mask) -> NDArray[np.float64]:
    """Of each block of `TEXT_BLOCK` pixels a side, one every `TEXT_STRIDE`. Cells of a stride a side are added up
    first, rows before columns, which is quick."""
    rows, columns = mask.shape[0] // TEXT_STRIDE, mask.shape[1] // TEXT_STRIDE
    whole = mask[: rows * TEXT_STRIDE, : columns * TEXT_STRIDE].view(np.uint8)
    by_row = whole.reshape(rows, TEXT_STRIDE, columns * TEXT_STRIDE).sum(axis=1, dtype=np.uint8)
    cells = by_row.reshape(rows, columns, TEXT_STRIDE).sum(axis=2, dtype=np.int32)
    blocks: NDArray[np.int32] = cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]
    return blocks.astype(np.float64) / TEXT_BLOCK**2


def _in_runs(letters: Mask) -> Mask:
    """Those that stand in a row that is as long as `TEXT_RUN` blocks side by side."""
    run = 2 * TEXT_RUN - 1
    if letters.shape[1] < run:
        return np.zeros_like(letters)
    windows = np.lib.stride_tricks.sliding_window_view(letters, run, axis=1).all(axis=2)
    kept = np.zeros_like(letters)
    for shift in range(run):
        kept[:, shift : shift + windows.shape[1]] |= windows
    return kept
