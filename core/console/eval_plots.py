"""Intervals beside one another as inline SVG: where a figure lies, how sure it is, and where people's lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, LANE, EDGE = 200, 12, 6
"""User units: the plot's width, a mark's height, and the room to the left and right of the ends for a whole dot."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure with its interval; `tone` is its class. `value` None: nothing is drawn."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    tone: str = ""


def ends_of(marks: Iterable[Mark], least: tuple[float, float]) -> tuple[float, float]:
    """Both ends of an axis that shows every mark whole, and `least` at least."""
    seen = [each for mark in marks for each in (mark.value, mark.low, mark.high) if each is not None]
    return min([least[0], *seen]), max([least[1], *seen])


def even_ends(marks: Iterable[Mark], least: float) -> tuple[float, float]:
    """Ends of an axis with 0 in its middle."""
    low, high = ends_of(marks, (-least, least))
    top = max(-low, high)
    return -top, top


def whiskers(marks: Sequence[Mark], ends: tuple[float, float], name: str) -> Markup:
    """One lane a mark: a dot at the figure, a line over its interval; an upright line at 0 where 0 lies inside."""
    shown = [mark for mark in marks if mark.value is not None]
    if not shown:
        return Markup("")
    height = LANE * len(shown)
    body = []
    if ends[0] < 0 < ends[1]:
        zero = _x(0.0, ends)
        body.append(Markup('<line class="zero" x1="{}" x2="{}" y1="0" y2="{}"/>').format(zero, zero, height))
    for lane, mark in enumerate(shown):
        body.append(_lane(mark, ends, LANE * lane + LANE / 2))
    return Markup('<svg class="whiskers" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, name, Markup("").join(body)
    )


def _lane(mark: Mark, ends: tuple[float, float], y: float) -> Markup:
    value = mark.value or 0.0
    said = f"{mark.name}: {value:.3f}"
    line = Markup("")
    if mark.low is not None and mark.high is not None:
        said += f" ({mark.low:.3f} to {mark.high:.3f})"
        line = Markup('<line class="range" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _x(mark.low, ends), _x(mark.high, ends), y, y
        )
    return Markup(
        '<g class="{}"><title>{}</title><line class="rail" x1="{}" x2="{}" y1="{}" y2="{}"/>{}'
        '<circle class="dot" cx="{}" cy="{}" r="3.5"/></g>'
    ).format(mark.tone, said, EDGE, WIDTH - EDGE, y, y, line, _x(value, ends), y)


def _x(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    share = (value - low) / (high - low) if high > low else 0.5
    return round(EDGE + (WIDTH - 2 * EDGE) * min(max(share, 0.0), 1.0), 1)
