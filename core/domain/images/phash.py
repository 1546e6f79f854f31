"""A perceptual hash as numbers: 64 bits, kept as Postgres keeps them, and when one means anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 64
ALL_BITS = (1 << BITS) - 1

BANDS = 4
"""Quarters of a hash: of 16 bits, a number that few of a million pictures share."""
BAND_BITS = BITS // BANDS
BAND = (1 << BAND_BITS) - 1

LEAST_SPREAD = 0.03
"""Standard deviation of the luma of a picture reduced to 32 by 32, as a share of 255, below which it is too plain.
Measured (docs/pictures.md): of pictures below it one in four is more than 2 bits away from its own JPEG of quality 40,
of those above 0.05 one in 27."""

EVEN = range(28, 37)
"""Bits set, of 64. The hash splits at its own median, which sets 32; an even gradient leaves most of the frequencies
at nothing, and ties at the median set few or many."""


def signed(bits: NDArray[np.bool_]) -> int:
    """64 bits, row by row, the first one highest, as a signed number (two's complement)."""
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), signed=True)


def is_telling(bits: NDArray[np.bool_], spread: float) -> bool:
    """Whether a hash tells one picture from others. `spread`: as `LEAST_SPREAD`."""
    return spread >= LEAST_SPREAD and int(bits.sum()) in EVEN


def distance(one: int, other: int) -> int:
    """Bits in which two hashes differ, 0 to 64."""
    return ((one ^ other) & ALL_BITS).bit_count()


def probes(phash: int, within: int) -> list[int]:
    """Which of the numbers of `assay_data.phash_bands` a hash within so many bits must have one of (multi-index
    hashing: Norouzi, Punjani, Fleet, CVPR 2012). Of at most 3 differing bits one quarter of the hash has none, of at
    most 7 one has at most one. ValueError for more than 7."""
    if within >= 2 * BANDS:
        raise ValueError(f"hashes over {2 * BANDS - 1} bits apart have no quarter alike")
    flips = (0,) if within < BANDS else (0, *(1 << bit for bit in range(BAND_BITS)))
    bands = [phash >> BAND_BITS * (BANDS - 1 - place) & BAND for place in range(BANDS)]
    return [(band ^ flip) + (place << BAND_BITS) for place, band in enumerate(bands) for flip in flips]
