"""What the student sees of a picture: some hundred figures of its pixels, by numpy alone, in one or two milliseconds.

Each figure has a name `group.figure`; the groups are the words in which a student gives its reasons. A change of any
figure is another extractor: students name theirs, and are not shown what another one made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.domain.images.features_places import background, layout
from core.domain.images.features_planes import (
    Numbers,
    Planes,
    Whole,
    decades,
    halved,
    mean_square,
    planes_of,
    shares,
)
from core.domain.images.measures import border_share, sharpness, text_share

EXTRACTOR = "pixels-1"
"""Name and version of what `features_of` makes, as `Picture.features` and students name it."""

GROUPS: Mapping[str, str] = {
    "size": "size and shape",
    "light": "light and contrast",
    "colour": "colours",
    "sharp": "sharpness and detail",
    "grain": "noise and compression",
    "background": "background and margins",
    "layout": "where the item is in the picture",
    "text": "letters laid over it",
}
"""What the figures of each group are about, in words."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

DARK, BRIGHT = 8 / 255, 247 / 255
"""Luma that counts as clipped: 3 % from either end, what camera makers' clipping warnings take."""

HUES = 12
"""Bins of hue: 30 degrees each, the twelve colours of a painter's wheel."""

PYRAMID = 5
"""Bands of frequency, each an octave: from one pixel at 256 to 16, a sixteenth of the picture."""

JPEG_BLOCK = 8


def features_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The figures of a picture in the order of `feature_names()`, all finite. `rgb`: height x width x 3, 0 to 255,
    already reduced to 256 pixels on the longer side (other sizes are taken too)."""
    return np.fromiter(described(rgb).values(), dtype=np.float32)


@cache
def feature_names() -> tuple[str, ...]:
    """The name of each figure that `features_of` makes: `group.figure`."""
    return tuple(described(np.zeros((16, 16, 3), dtype=np.uint8)))


def described(rgb: NDArray[np.uint8]) -> dict[str, float]:
    """The figures by name."""
    planes = planes_of(rgb)
    groups: dict[str, dict[str, float]] = {
        "size": _size(rgb),
        "light": _light(planes),
        "colour": _colour(planes),
        "sharp": _sharp(planes),
        "grain": _grain(planes),
        "background": background(planes) | {"border": border_share(planes.whole)},
        "layout": layout(planes),
        "text": {"share": text_share(planes.whole)},
    }
    return {f"{group}.{name}": float(value) for group, found in groups.items() for name, value in found.items()}


def _size(rgb: NDArray[np.uint8]) -> dict[str, float]:
    """Octaves: the longer side below 256 pixels, and how much wider than high."""
    height, width = rgb.shape[:2]
    return {
        "side": float(np.log2(max(height, width, 1) / 256)),
        "wide": float(np.log2(max(width, 1) / max(height, 1))),
    }


def _light(planes: Planes) -> dict[str, float]:
    """Moments, quantiles and entropy of luma (0 to 1). RMS contrast: Peli, JOSA A 1990."""
    share, levels = planes.counts / planes.counts.sum(), np.arange(256) / 255
    mean = float(share @ levels)
    spread = float(share @ (levels - mean) ** 2) ** 0.5
    skew = float(share @ (levels - mean) ** 3) / max(spread, 0.01) ** 3
    sums = np.cumsum(share)
    quantiles = {f"q{int(q * 100)}": float(levels[min(int(np.searchsorted(sums, q)), 255)]) for q in QUANTILES}
    known = share[share > 0]
    return {
        "mean": mean,
        "contrast": spread,
        "skew": skew,
        "entropy": float(-(known @ np.log2(known))) / 8,
        "dark": float(share[levels < DARK].sum()),
        "bright": float(share[levels > BRIGHT].sum()),
        **quantiles,
    }


def _colour(planes: Planes) -> dict[str, float]:
    """Saturation, opponent colours and colourfulness (Hasler & Süsstrunk, SPIE 2003), and hues weighted by chroma."""
    red, green, blue = planes.rgb
    top, low = planes.rgb.max(axis=0), planes.rgb.min(axis=0)
    chroma = top - low
    saturation = chroma / np.maximum(top, DARK)
    reds, yellows = red - green, (red + green) / 2 - blue
    means, spreads = (reds.mean(), yellows.mean()), (reds.std(), yellows.std())
    hue = np.arctan2(np.float32(3**0.5) * (green - blue), 2 * red - green - blue)
    bins = ((hue + np.float32(np.pi)) * np.float32(HUES / (2 * np.pi))).astype(np.int64) % HUES
    hues = shares(np.bincount(bins.ravel(), weights=chroma.ravel(), minlength=HUES).astype(np.float64))
    return {
        "saturation": float(saturation.mean()),
        "saturation_spread": float(saturation.std()),
        "neutral": float((chroma < 0.06).mean()),
        "vivid": float((chroma > 0.5).mean()),
        "red_green": float(means[0]),
        "yellow_blue": float(means[1]),
        "red_green_spread": float(spreads[0]),
        "yellow_blue_spread": float(spreads[1]),
        "colourfulness": float(np.hypot(*spreads) + 0.3 * np.hypot(*means)),
        **{f"hue{place}": float(value) for place, value in enumerate(hues)},
    }


def _sharp(planes: Planes) -> dict[str, float]:
    """Blur (Crété et al., SPIE 2007); gradient (the sum of both directions, brightest parts at white): its energy
    (Tenengrad) and quantiles; variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) at three scales; the energy of
    each octave of a Haar pyramid: what a plane holds beyond its means of 2 x 2. Energies are decades."""
    steps = np.abs(planes.across[:-1]) + np.abs(planes.down[:, :-1])
    counts = np.bincount(steps.ravel(), minlength=511)
    sums, sizes = np.cumsum(counts), np.arange(len(counts)) * (planes.gain / 255)
    found = {f"slope{int(q * 100)}": float(sizes[int(np.searchsorted(sums, q * sums[-1]))]) for q in (0.5, 0.9, 0.99)}
    found["crete"] = sharpness(planes.whole)
    found["tenengrad"] = decades(float(counts @ sizes**2) / sums[-1])
    found["laplace0"] = decades(mean_square(_laplace(planes.whole)) / 255**2)
    found["laplace1"], quarter = decades(mean_square(_laplace(planes.luma))), halved(planes.luma)
    found["laplace2"] = decades(mean_square(_laplace(quarter)))
    held = float(planes.counts @ (np.arange(256) / 255) ** 2) / planes.grey.size
    scale = planes.luma
    for octave in range(PYRAMID):
        rest = mean_square(scale)
        found[f"band{octave}"] = decades(held - rest)
        held, scale = rest, halved(scale)
    return found | {"fall": found["band0"] - found["band2"]}


def _grain(planes: Planes) -> dict[str, float]:
    """Noise by Immerkær (CVIU 1996), and by the median of the same filter where the picture is plain (Donoho's MAD);
    blockiness: the step at every eighth column or row over that at the others (after Wang, Bovik, Evans, ICIP 2000)."""
    bend = planes.across[:, 1:] - planes.across[:, :-1]
    down = bend[1:] - bend[:-1]
    rough = np.abs(down[1:] - down[:-1])
    return {
        "immerkaer": float(rough.mean()) * (np.pi / 2) ** 0.5 / 6 / 255,
        "median": float(np.median(rough[::3, ::3])) / (0.6745 * 6) / 255,
        "blocks_across": _blockiness(np.abs(planes.across).sum(axis=0, dtype=np.int64)),
        "blocks_down": _blockiness(np.abs(planes.down).sum(axis=1, dtype=np.int64)),
    }


def _blockiness(steps: NDArray[np.int64]) -> float:
    """Decades by which the step at block edges is above the mean one; the grid begins at the corner."""
    edges = steps[JPEG_BLOCK - 1 :: JPEG_BLOCK]
    return float(np.log10((edges.mean() + 1) / (steps.mean() + 1)))


def _laplace(plane: Whole | Numbers) -> Numbers:
    if min(plane.shape) < 3:
        return np.zeros((0, 0), dtype=np.float32)
    inside = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    return (inside - 4 * plane[1:-1, 1:-1]).astype(np.float32)
