"""The planes of a picture that its figures are taken from, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

LEAST_SIDE = 16
"""Pixels: smaller pictures are enlarged by repeating theirs, so that every figure is defined; a cell has one pixel."""

GRID = 16
"""Cells a side for what is looked at by place: the item's box is then known to 6 % of the side."""

BT601 = (77, 150, 29)
"""Weights of red, green, blue in luma (ITU-R BT.601), in 256ths: those of JPEG, as Pillow's "L"."""

DARKEST = 32.0
"""Luma (of 255) above which the brightest parts are raised to white: below it noise would be raised to a picture."""


@dataclass(frozen=True, slots=True)
class Planes:
    """`grey` luma 0 to 255, `whole` the same in 16 signed bits, `luma` 0 to 1; `slope` the gradient per pixel with the
    brightest parts at white, `across` and `down` its parts; `half` red, green, blue (0 to 1) at half the size; `cells`
    the same in `GRID` x `GRID` cells; `gain` what raises the brightest parts to white."""

    grey: NDArray[np.uint8]
    whole: NDArray[np.int16]
    luma: Numbers
    slope: Numbers
    across: Numbers
    down: Numbers
    half: Numbers
    cells: Numbers
    gain: float


def planes_of(rgb: NDArray[np.uint8]) -> Planes:
    """Of a picture of any size, height x width x 3; one without a pixel is black."""
    rgb = _large_enough(rgb)
    weighted = sum((rgb[:, :, place] * np.uint16(weight) for place, weight in enumerate(BT601)), start=np.uint16(0))
    grey = (np.asarray(weighted, dtype=np.uint16) >> 8).astype(np.uint8)
    luma = grey.astype(np.float32) / np.float32(255)
    highlight = int(np.searchsorted(np.cumsum(np.bincount(grey.ravel(), minlength=256)), 0.99 * grey.size))
    gain = 255.0 / max(DARKEST, float(highlight))
    raised = np.minimum(luma * np.float32(gain), np.float32(1))
    across = raised[:-1, 1:] - raised[:-1, :-1]
    down = raised[1:, :-1] - raised[:-1, :-1]
    half = np.ascontiguousarray(rgb[::2, ::2].transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    return Planes(
        grey=grey,
        whole=grey.astype(np.int16),
        luma=luma,
        slope=np.sqrt(across * across + down * down),
        across=across,
        down=down,
        half=half,
        cells=np.stack([in_cells(plane, GRID) for plane in half]),
        gain=gain,
    )


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


def log_energy(values: Numbers) -> float:
    """Decades of the mean square; an empty or even plane has -6, below what 8 bits hold."""
    if not values.size:
        return -6.0
    flat = values.ravel()
    return float(np.log10(float(flat @ flat) / flat.size + 1e-6))


def _large_enough(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    if not height or not width:
        return np.zeros((2 * LEAST_SIDE, 2 * LEAST_SIDE, 3), dtype=np.uint8)
    times_high, times_wide = -(-2 * LEAST_SIDE // height), -(-2 * LEAST_SIDE // width)
    if times_high <= 1 and times_wide <= 1:
        return rgb
    return rgb.repeat(max(1, times_high), axis=0).repeat(max(1, times_wide), axis=1)
