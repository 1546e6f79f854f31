"""What can be measured of a picture: `core`'s technical measures, and where the item is."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from core.domain.images import measures
from demo.offline_judge import drawn, edges
from demo.offline_judge.nature import Nature, nature

MAX_PIXELS = 40_000_000
"""Larger pictures are refused: decoding one takes over 100 MB, and no service sends such a one to a model."""

SHARP_STEP, MOST_GAIN = 160.0, 6.0
"""Luma step of a sharp picture's hardest edges, and how far weaker ones are raised; beyond, noise would be letters."""

DARKEST = 12.0
"""Brightest luma below which a picture is not evened out: all that is left there is noise."""

GRID = 64
"""Side of the reduced picture in which the item is looked for: fine enough for its outline, too coarse for noise."""

CLUTTER = 0.4
"""Unevenness of a border on which something is drawn: as of a cluttered one."""

STANDS_OUT = 34.0
"""Distance in RGB (of 255 a channel, brightness evened out) from the border's colour that makes a cell the item's."""

COLOUR_SHARE = 0.12
"""Share of the item's cells that a colour must have to be named."""

Value = TypeVar("Value", np.float64, np.bool_)

_PALETTE: dict[str, tuple[int, int, int]] = {
    "black": (30, 30, 32), "white": (245, 245, 245), "grey": (130, 132, 136), "silver": (190, 194, 200),
    "red": (196, 36, 44), "blue": (38, 84, 168), "green": (44, 122, 72), "yellow": (240, 196, 42),
    "brown": (122, 78, 46), "pink": (236, 140, 172), "orange": (235, 130, 40), "purple": (120, 60, 150),
    "beige": (220, 200, 165),
}  # fmt: skip


class UnreadablePicture(ValueError):
    """The bytes are no picture that can be decoded."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Measures of one picture, shares 0 to 1 unless said otherwise."""

    width: int
    height: int
    sharpness: float
    steepness: float
    blockiness: float
    """Of JPEG's borders against what lies between them; 1 none."""
    highlight: float
    exposure: float
    unevenness: float
    """Spread of the border's colours, brightness evened out: 0 a plain background; where something is drawn over it, as
    uneven as clutter."""
    text: float
    """Share of the area that drawn letters lie on."""
    item: float
    """Share of the area, as far as nothing is drawn over it, that stands out from the border's colour."""
    extent: float
    """The longer side of the item's box as a share of the picture's side."""
    cut: float
    """Share of the longest run of one edge that belongs to the item: the item goes on outside the picture."""
    colours: tuple[str, ...]
    background: str
    nature: Nature


def measure(jpeg: bytes) -> Pixels:
    """Measure a picture; UnreadablePicture when it is none."""
    picture = _decode(jpeg)
    blockiness = edges.blockiness(picture)
    luma = _even_luma(picture, drawn.SIDE)
    letters = drawn.covered(_sharpened(luma), blockiness)
    bare = drawn.without(picture, letters)
    hidden = np.kron(drawn.grown(letters), np.ones((GRID // letters.shape[0],) * 2, dtype=np.bool_))
    tones = measures.tones(np.asarray(bare.convert("L").resize((GRID * 4, GRID * 4), Image.Resampling.BOX)))
    cells = np.asarray(bare.resize((GRID, GRID), Image.Resampling.BOX), dtype=np.float64)
    even = cells * (255.0 / max(DARKEST, float(np.quantile(cells, 0.99))))
    ring, ring_hidden = _ring(even), _ring(hidden)
    ground = np.median(ring, axis=0)
    away = (np.linalg.norm(even - ground, axis=2) > STANDS_OUT) & ~hidden
    spread = np.where(ring_hidden, CLUTTER, np.linalg.norm(ring - ground, axis=1) / 255)
    return Pixels(
        width=picture.width,
        height=picture.height,
        sharpness=measures.sharpness(luma),
        steepness=edges.steepness(luma, ~hidden),
        blockiness=blockiness,
        highlight=tones[2],
        exposure=tones[0],
        unevenness=float(spread.mean()),
        text=float(letters.mean()),
        item=float(away.sum() / max(1, (~hidden).sum())),
        extent=_extent(away),
        cut=_cut(away),
        colours=_colours(even[away]),
        background=_nearest(ground),
        nature=nature(picture),
    )


def _even_luma(picture: Image.Image, side: int) -> measures.Luma:
    """Luma at a fixed size, its brightest parts at 255: neither pixels nor darkness then change what is measured.

    Smaller pictures are enlarged, so that fewer pixels never look sharper; floats keep the steps of dark ones fine.
    """
    grey = picture.convert("F").resize((side, side), Image.Resampling.BICUBIC)
    values = np.asarray(grey, dtype=np.float64)
    gain = 255.0 / max(DARKEST, float(np.quantile(values, 0.99)))
    even: measures.Luma = (values * gain).clip(0, 255).astype(np.int16)
    return even


def _sharpened(luma: measures.Luma) -> measures.Luma:
    """Steps raised to those of a sharp picture, so that blurred letters are found like sharp ones."""
    steepest = float(np.quantile(np.abs(np.diff(luma, axis=1)), 0.995))
    raised: measures.Luma = (luma * np.clip(SHARP_STEP / max(steepest, 1.0), 1.0, MOST_GAIN)).astype(np.int16)
    return raised


def _decode(jpeg: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(jpeg)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise UnreadablePicture(f"picture of more than {MAX_PIXELS} pixels")
            return opened.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadablePicture("a picture can't be decoded") from error


def _ring(cells: NDArray[Value]) -> NDArray[Value]:
    """The outermost two rows and columns, as a list of colours."""
    inside = np.zeros(cells.shape[:2], dtype=np.bool_)
    inside[2:-2, 2:-2] = True
    return cells[~inside]


def _extent(away: NDArray[np.bool_]) -> float:
    rows, columns = np.flatnonzero(away.any(axis=1)), np.flatnonzero(away.any(axis=0))
    if not rows.size:
        return 0.0
    return float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1) / GRID


def _cut(away: NDArray[np.bool_]) -> float:
    edges = (away[0], away[-1], away[:, 0], away[:, -1])
    return max(float(edge.mean()) for edge in edges)


def _colours(item: NDArray[np.float64]) -> tuple[str, ...]:
    if not len(item):
        return ()
    found = Counter(_names_of(item))
    return tuple(name for name, count in found.most_common(3) if count >= COLOUR_SHARE * len(item))


def _nearest(colour: NDArray[np.float64]) -> str:
    return _names_of(colour[np.newaxis])[0]


def _names_of(colours: NDArray[np.float64]) -> list[str]:
    """The palette's name nearest to each colour (rows of red, green, blue)."""
    names = list(_PALETTE)
    known = np.array([_PALETTE[name] for name in names], dtype=np.float64)
    away = np.linalg.norm(colours[:, np.newaxis] - known, axis=2)
    return [names[place] for place in away.argmin(axis=1)]
