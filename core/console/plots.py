"""Plots as inline SVG, drawn on the server: pure functions from numbers to markup.

Colours and fonts are the style sheet's (by class); sizes are user units of the `viewBox`, so a plot fits its column.
Every mark carries a `<title>`, the plot itself a name, so that it can be read without seeing it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 40, 10, 10, 22
"""Margins in user units: room for `100 %` to the left and one line of dates below."""

LARGE_LEFT = 66
"""The left margin of a large plot, whose text is larger: room for `$0.0004`."""

NOTHING = 1e-12
"""Below this a value is no figure of ours, but rounding; an axis for it would be one, too."""

LARGE = 500
"""User units from which a plot is `large`: its text is drawn larger where the column is narrow."""

MAX_LABELS = 12
"""Labels below a plot before they touch; of more columns the first, middle and last are named."""

_TICKS = 4
_GAP_SHARE = 0.25
"""Share of a column's width that stays empty beside it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line: its label on the axis, its value (None: a gap) and the interval around it."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a histogram."""

    label: str
    value: float
    tone: str = ""
    """A further class, for the colour."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the data goes: maps a place (0 … count − 1) and a value (bottom … top) to user units."""

    width: int
    height: int
    count: int
    top: float
    bottom: float = 0.0

    @property
    def left(self) -> int:
        """The left margin."""
        return LARGE_LEFT if self.width > LARGE else LEFT

    def x(self, place: float) -> float:
        """Horizontal position; a single point stands in the middle."""
        inner = self.width - self.left - RIGHT
        return round(self.left + (inner * place / (self.count - 1) if self.count > 1 else inner / 2), 1)

    def y(self, value: float) -> float:
        """Vertical position, kept inside the plot."""
        inner = self.height - TOP - BOTTOM
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(TOP + inner * (1 - min(max(share, 0), 1)), 1)


def nice_top(value: float) -> float:
    """The least of 1, 2, 4, 5 times a power of ten that is not below `value`; 1 for nothing."""
    if value < NOTHING:
        return 1.0
    scale: float = 10.0 ** floor(log10(value))
    return next(step * scale for step in (1, 2, 4, 5, 10) if step * scale >= value * (1 - 1e-9))


def line_chart(
    points: Sequence[Point],
    name: str,
    show: Callable[[float], str],
    *,
    reference: float | None = None,
    reference_name: str = "baseline",
    mark: int | None = None,
    signed: bool = False,
    size: tuple[int, int] = (360, 170),
) -> Markup:
    """Points joined by a line, the band of their intervals behind, a dashed reference; gaps stay gaps.
    The axis begins at 0; of `signed` figures some of which are below it, 0 is its middle.

    `mark`: place of the point that the plot is about, with an upright line.
    """
    told = [number for point in points for number in (point.value, point.low, point.high, reference)]
    seen = [number for number in told if number is not None]
    below = signed and min(seen, default=0) < 0
    top = nice_top(max((abs(number) for number in seen), default=0) if below else max(seen, default=0))
    frame = Frame(*size, count=len(points), top=top, bottom=-top if below else 0.0)
    body = [_grid(frame, show), _dates(frame, [point.label for point in points])]
    body += [_band(frame, run) for run in _runs(points) if len(run) > 1]
    if reference is not None:
        body.append(_reference(frame, reference, f"{reference_name}: {show(reference)}"))
    if mark is not None:
        x = frame.x(mark)
        body.append(
            Markup('<line class="mark" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, x, TOP, frame.y(frame.bottom))
        )
    for run in _runs(points):
        path = " ".join(f"{frame.x(place)},{frame.y(point.value or 0.0)}" for place, point in run)
        body.append(Markup('<polyline class="line" points="{}"/>').format(path))
        body += [_dot(frame, place, point, show) for place, point in run]
    return _svg(frame, name, "lines", body)


def histogram(
    columns: Sequence[Column],
    name: str,
    show: Callable[[float], str],
    *,
    top: float | None = None,
    size: tuple[int, int] = (360, 170),
) -> Markup:
    """Columns from zero, each named below; `top`: the end of the axis, where several plots are to have one."""
    top = top or nice_top(max((column.value for column in columns), default=0))
    frame = Frame(*size, count=len(columns), top=top)
    step = (frame.width - frame.left - RIGHT) / max(1, len(columns))
    body = [_grid(frame, show)]
    shown = _shown(len(columns)) if len(columns) > MAX_LABELS else range(len(columns))
    for place, column in enumerate(columns):
        x, y = frame.left + step * (place + _GAP_SHARE / 2), frame.y(column.value)
        body.append(
            Markup('<rect class="column {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                column.tone,
                round(x, 1),
                y,
                round(step * (1 - _GAP_SHARE), 1),
                round(frame.y(0) - y, 1),
                f"{column.label}: {show(column.value)}",
            )
        )
        if place in shown:
            anchor = _ends(len(columns)).get(place, "middle") if len(columns) > MAX_LABELS else "middle"
            middle = frame.left + step * (place + 0.5)
            body.append(_text(round(middle, 1), frame.height - 6, column.label, anchor))
    return _svg(frame, name, "columns", body)


def sparkline(values: Sequence[float | None], name: str) -> Markup:
    """A word-sized line without axes; its last point is marked. Empty with fewer than two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    top, width, height = max(known) or 1, 96, 24
    step = (width - 6) / (len(values) - 1)
    spots = [
        (round(3 + step * place, 1), round(21 - 18 * value / top, 1))
        for place, value in enumerate(values)
        if value is not None
    ]
    path = " ".join(f"{x},{y}" for x, y in spots)
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>'
        '<polyline class="line" points="{}"/><circle class="dot" cx="{}" cy="{}" r="2.5"/></svg>'
    ).format(width, height, name, name, path, *spots[-1])


def bar(value: float, top: float, name: str, tone: str = "") -> Markup:
    """A small horizontal bar of `value` out of `top`."""
    filled = round(100 * min(max(value / top, 0), 1), 1) if top else 0
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>"
        '<rect class="rail" width="100" height="8"/><rect class="fill" width="{}" height="8"/></svg>'
    ).format(tone, name, name, filled)


def stack(parts: Sequence[tuple[str, float]], name: str) -> Markup:
    """One bar divided by the parts' (tone, value) shares."""
    whole = sum(value for _, value in parts) or 1
    pieces, start = [], 0.0
    for tone, value in parts:
        width = 100 * value / whole
        pieces.append(
            Markup('<rect class="{}" x="{}" width="{}" height="8"/>').format(tone, round(start, 2), round(width, 2))
        )
        start += width
    return Markup(
        '<svg class="bar stack" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    ).format(name, name, Markup("").join(pieces))


def _runs(points: Sequence[Point]) -> list[list[tuple[int, Point]]]:
    runs: list[list[tuple[int, Point]]] = [[]]
    for place, point in enumerate(points):
        if point.value is not None:
            runs[-1].append((place, point))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _band(frame: Frame, run: Sequence[tuple[int, Point]]) -> Markup:
    if any(point.low is None or point.high is None for _, point in run):
        return Markup("")
    above = [f"{frame.x(place)},{frame.y(point.high or 0.0)}" for place, point in run]
    below = [f"{frame.x(place)},{frame.y(point.low or 0.0)}" for place, point in reversed(run)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join(above + below))


def _dot(frame: Frame, place: int, point: Point, show: Callable[[float], str]) -> Markup:
    value = point.value or 0.0
    return Markup('<circle class="dot" cx="{}" cy="{}" r="2.5"><title>{}</title></circle>').format(
        frame.x(place), frame.y(value), f"{point.label}: {show(value)}"
    )


def _reference(frame: Frame, value: float, name: str) -> Markup:
    y = frame.y(value)
    return Markup('<line class="reference" x1="{}" x2="{}" y1="{}" y2="{}"><title>{}</title></line>').format(
        frame.left, frame.width - RIGHT, y, y, name
    )


def _grid(frame: Frame, show: Callable[[float], str]) -> Markup:
    lines = []
    for tick in range(_TICKS + 1):
        value = frame.bottom + (frame.top - frame.bottom) * tick / _TICKS
        y = frame.y(value)
        lines.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(frame.left, frame.width - RIGHT, y, y)
        )
        if tick % 2 == 0:
            lines.append(_text(frame.left - 6, y + 4, show(value), "end"))
    return Markup("").join(lines)


def _dates(frame: Frame, labels: Sequence[str]) -> Markup:
    if not labels:
        return Markup("")
    anchors = _ends(len(labels))
    return Markup("").join(
        _text(frame.x(place), frame.height - 6, labels[place], anchors.get(place, "middle"))
        for place in _shown(len(labels))
    )


def _ends(count: int) -> dict[int, str]:
    """The first label begins and the last ends at its place, so that none leaves the plot."""
    return {0: "start", count - 1: "end"} if count > 1 else {}


def _shown(count: int) -> list[int]:
    return sorted({0, count // 2, count - 1}) if count > 2 else list(range(count))


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _svg(frame: Frame, name: str, kind: str, body: Sequence[Markup]) -> Markup:
    kind += " large" if frame.width > LARGE else ""
    return Markup(
        '<svg class="plot {}" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(kind, frame.width, frame.height, name, name, Markup("").join(body))
