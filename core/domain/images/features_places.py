"""Figures of where things are: the border against the middle, cells of edges in four directions, balance, symmetry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.images.features_planes import GRID, Numbers, Planes, in_cells

STANDS_OUT = (0.08, 0.16, 0.3)
"""Distances in RGB (a channel's range is 1) from the border's colour at which a cell stands out: seen, plain, far."""

RING_CELLS = 2
"""Of 16: a ring of an eighth of the side on each edge, 44 % of the area, as `measures.RING` about."""

AREAS = 4
"""Cells a side in which edges are counted: as many as a picture has thirds and a bit, 16 in all."""

EDGE = 0.12
"""Gradient (luma of 1 per pixel) that counts as an edge at 128 pixels: what is seen at arm's length."""

DIAGONAL = 0.4142
"""Tangent of 22.5 degrees: directions nearer than that to an axis count as along it."""


def background(planes: Planes) -> dict[str, float]:
    """The ring along the edges: how even its colours are, what stands out from them, edges in it."""
    even = planes.cells * np.float32(planes.gain)
    ring = _ring(GRID)
    colours = even[:, ring]
    ground = np.median(colours, axis=1)
    away = np.sqrt(((even - ground[:, np.newaxis, np.newaxis]) ** 2).sum(axis=0))
    found = {
        "uneven": float(away[ring].mean()),
        "spread": float(colours.std(axis=1).mean()),
        "light": float(ground.mean() / planes.gain),
        "chroma": float(ground.max() - ground.min()),
        "contrast": float(away[~ring].mean() - away[ring].mean()),
        "edges": _ring_edges(planes),
    }
    for number, limit in enumerate(STANDS_OUT):
        found |= {f"{name}{number}": value for name, value in _item(away > np.float32(limit)).items()}
    return found


def layout(planes: Planes) -> dict[str, float]:
    """Edges by direction and place (after Dalal & Triggs, CVPR 2005, in four directions), the middle against the rest,
    where the weight of the edges is, and how alike the halves are."""
    steep = np.abs(planes.under) > np.float32(DIAGONAL) * np.abs(planes.right)
    flat = np.abs(planes.right) > np.float32(DIAGONAL) * np.abs(planes.under)
    rising = (planes.under * planes.right) > 0
    slope = planes.slope
    directions = {
        "upright": slope * ~steep,
        "level": slope * (steep & ~flat),
        "rising": slope * (steep & flat & rising),
        "falling": slope * (steep & flat & ~rising),
    }
    cells = {name: in_cells(values, AREAS) for name, values in directions.items()}
    total = float(sum(float(values.mean()) for values in cells.values())) + 1e-3
    found = {name: float(values.mean()) / total for name, values in cells.items()}
    energy = np.stack(list(cells.values())).sum(axis=0)
    found |= {f"edges{row}{column}": float(energy[row, column]) / total for row, column in np.ndindex(AREAS, AREAS)}
    return found | _balance(energy) | _by_cells(planes) | _symmetry(planes)


def _item(away: NDArray[np.bool_]) -> dict[str, float]:
    """Of the cells that stand out: their share, the longer side of their box, the longest part of one edge that is
    theirs, how full the box is, how far its middle is from the picture's."""
    rows, columns = np.flatnonzero(away.any(axis=1)), np.flatnonzero(away.any(axis=0))
    if not rows.size:
        return {"item": 0.0, "extent": 0.0, "cut": 0.0, "full": 0.0, "off": 0.0}
    high, wide = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    middle = (rows[0] + rows[-1] - GRID + 1) / GRID, (columns[0] + columns[-1] - GRID + 1) / GRID
    return {
        "item": float(away.mean()),
        "extent": max(high, wide) / GRID,
        "cut": max(float(edge.mean()) for edge in (away[0], away[-1], away[:, 0], away[:, -1])),
        "full": float(away.sum()) / (high * wide),
        "off": float(np.hypot(*middle)),
    }


def _balance(energy: Numbers) -> dict[str, float]:
    """Where the weight of the edges is, and how far it spreads: -1 to 1 of the half side."""
    places = (np.arange(AREAS) * 2 + 1) / AREAS - 1
    weight = energy / (energy.sum() + 1e-6)
    down, right = float(weight.sum(axis=1) @ places), float(weight.sum(axis=0) @ places)
    spread = float(weight.sum(axis=1) @ places**2 + weight.sum(axis=0) @ places**2)
    inner = float(weight[1:-1, 1:-1].sum())
    return {"down": down, "right": right, "spread": spread, "inner": inner}


def _by_cells(planes: Planes) -> dict[str, float]:
    """The middle (the inner quarter) against the rest: luma, saturation, and how luma differs among cells."""
    luma = planes.cells.mean(axis=0)
    chroma = planes.cells.max(axis=0) - planes.cells.min(axis=0)
    outer = _ring(GRID, GRID // 4)
    return {
        "middle_light": float(luma[~outer].mean() - luma[outer].mean()),
        "middle_chroma": float(chroma[~outer].mean() - chroma[outer].mean()),
        "middle_spread": float(luma[~outer].std()),
        "outer_spread": float(luma[outer].std()),
        "tilt_down": float(luma[GRID // 2 :].mean() - luma[: GRID // 2].mean()),
        "tilt_right": float(luma[:, GRID // 2 :].mean() - luma[:, : GRID // 2].mean()),
    }


def _symmetry(planes: Planes) -> dict[str, float]:
    """Mean difference of the cells from their mirror image, left-right and up-down, as a share of their spread."""
    luma = planes.cells.mean(axis=0)
    spread = float(luma.std()) + 0.02
    return {
        "mirror": float(np.abs(luma - luma[:, ::-1]).mean()) / spread,
        "flip": float(np.abs(luma - luma[::-1]).mean()) / spread,
    }


def _ring_edges(planes: Planes) -> float:
    """Share of the ring's pixels that are edges: the clutter measure of Rosenholtz et al. (J. Vision 2007) that needs
    least."""
    edges = in_cells((planes.slope > np.float32(EDGE)).astype(np.float32), GRID)
    return float(edges[_ring(GRID)].mean())


def _ring(side: int, width: int = RING_CELLS) -> NDArray[np.bool_]:
    ring = np.ones((side, side), dtype=np.bool_)
    ring[width:-width, width:-width] = False
    return ring
