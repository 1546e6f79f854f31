"""The planes of a picture that its figures are taken from, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]
Whole = NDArray[np.int16]

LEAST_SIDE = 48
"""Pixels: smaller pictures are enlarged by repeating theirs, so that every figure is defined: each cell then has a
pixel at least, also at half the size."""

GRID = 16
"""Cells a side for what is looked at by place: the item's box is then known to 6 % of the side."""

BT601 = (77, 150, 29)
"""Weights of red, green, blue in luma (ITU-R BT.601), in 256ths: those of JPEG, as Pillow's "L"."""

DARKEST = 32.0
"""Luma (of 255) above which the brightest parts are raised to white: below it noise would be raised to a picture."""


@dataclass(frozen=True, slots=True)
class Planes:
    """`grey` luma 0 to 255, `counts` how many pixels have each; `whole` the same luma in 16 signed bits, `across` and
    `down` its steps to the next pixel. At half the size: `luma` 0 to 1, `rgb` red, green, blue 0 to 1, and `slope` the
    gradient per pixel with the brightest parts at white, `right` and `under` its parts. `cells`: red, green, blue in
    `GRID` x `GRID` cells; `gain` what raises the brightest parts to white."""

    grey: NDArray[np.uint8]
    counts: NDArray[np.int64]
    whole: Whole
    across: Whole
    down: Whole
    luma: Numbers
    rgb: Numbers
    slope: Numbers
    right: Numbers
    under: Numbers
    cells: Numbers
    gain: float


def planes_of(rgb: NDArray[np.uint8]) -> Planes:
    """Of a picture of any size, height x width x 3; one without a pixel is black."""
    rgb = _large_enough(rgb)
    weighted = sum((rgb[:, :, place] * np.uint16(weight) for place, weight in enumerate(BT601)), start=np.uint16(0))
    grey = (np.asarray(weighted, dtype=np.uint16) >> 8).astype(np.uint8)
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.int64)
    gain = 255.0 / max(DARKEST, float(np.searchsorted(np.cumsum(counts), 0.99 * grey.size)))
    whole = grey.astype(np.int16)
    luma = halved(whole) * np.float32(1 / 255)
    raised = np.minimum(luma * np.float32(gain), np.float32(1))
    right, under = raised[:-1, 1:] - raised[:-1, :-1], raised[1:, :-1] - raised[:-1, :-1]
    small = np.ascontiguousarray(rgb[::2, ::2].transpose(2, 0, 1)).astype(np.float32) * np.float32(1 / 255)
    return Planes(
        grey=grey,
        counts=counts,
        whole=whole,
        across=whole[:, 1:] - whole[:, :-1],
        down=whole[1:] - whole[:-1],
        luma=luma,
        rgb=small,
        slope=np.sqrt(right * right + under * under),
        right=right,
        under=under,
        cells=np.stack([in_cells(plane, GRID) for plane in small]),
        gain=gain,
    )


def halved(plane: Whole | Numbers) -> Numbers:
    """Means of 2 x 2; a side of one stays."""
    height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    if min(height, width) < 2:
        return plane.astype(np.float32)
    rows = plane[0:height:2, :width] + plane[1:height:2, :width]
    return (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)


def in_cells(plane: Numbers, side: int) -> Numbers:
    """Means of `side` x `side` cells, whose sizes differ by a pixel at most."""
    rows = np.arange(side) * plane.shape[0] // side
    columns = np.arange(side) * plane.shape[1] // side
    sums = np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)
    sizes = np.outer(np.diff(rows, append=plane.shape[0]), np.diff(columns, append=plane.shape[1]))
    means: Numbers = (sums / sizes).astype(np.float32)
    return means


def shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of their sum; equal ones where it is nothing."""
    total = values.sum()
    return values / total if total > 1e-9 else np.full(values.shape, 1 / values.size)


def mean_square(values: Numbers) -> float:
    """0 of an empty plane."""
    flat = values.ravel()
    return float(np.einsum("i,i->", flat, flat)) / max(1, flat.size)


def decades(energy: float) -> float:
    """Of a mean square of luma 0 to 1; nothing has -6, below what 8 bits hold."""
    return float(np.log10(max(energy, 0.0) + 1e-6))


def _large_enough(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    if not height or not width:
        return np.zeros((LEAST_SIDE, LEAST_SIDE, 3), dtype=np.uint8)
    times_high, times_wide = -(-LEAST_SIDE // height), -(-LEAST_SIDE // width)
    if times_high <= 1 and times_wide <= 1:
        return rgb
    return rgb.repeat(max(1, times_high), axis=0).repeat(max(1, times_wide), axis=1)
