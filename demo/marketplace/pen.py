"""A pen for product drawings: coordinates 0 to 1, tones of one product colour, drawn twice as large and reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PIL import Image, ImageDraw

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Tone = Literal["base", "light", "dark", "ink", "pale", "metal", "glass"]
Rgb = tuple[int, int, int]

OVERSAMPLE = 2
"""Twice the size and a box reduction are all the anti-aliasing that a product picture needs."""

ROUNDING_PASSES = 3
"""Corner cutting (Chaikin 1974) three times leaves corners of under two pixels at 500 pixels a side."""


def mixed(colour: Rgb, other: Rgb, share: float) -> Rgb:
    """`colour` with `share` of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


class Pen:
    """Draws filled, outlined shapes on a transparent square."""

    def __init__(self, side: int, colour: Rgb) -> None:
        self._side = side * OVERSAMPLE
        self._image = Image.new("RGBA", (self._side, self._side), (*colour, 0))
        self._draw = ImageDraw.Draw(self._image)
        self._edge = mixed(colour, (0, 0, 0), 0.45)
        self._tones: dict[Tone, Rgb] = {
            "base": colour,
            "light": mixed(colour, (255, 255, 255), 0.3),
            "dark": mixed(colour, (0, 0, 0), 0.28),
            "ink": (30, 32, 36),
            "pale": (236, 236, 232),
            "metal": (170, 174, 182),
            "glass": (92, 128, 158),
        }

    def curve(self, points: Sequence[Point], tone: Tone) -> None:
        """A closed shape with rounded corners."""
        for _ in range(ROUNDING_PASSES):
            points = _cut_corners(points)
        self.polygon(points, tone)

    def polygon(self, points: Sequence[Point], tone: Tone) -> None:
        """A closed shape with its corners as they are."""
        scaled = [(x * self._side, y * self._side) for x, y in points]
        self._draw.polygon(scaled, fill=self._tones[tone], outline=self._edge, width=3)

    def box(self, box: Box, tone: Tone, radius: float = 0.0) -> None:
        """A rectangle, its corners rounded by `radius`."""
        self._draw.rounded_rectangle(
            self._scaled(box), radius * self._side, fill=self._tones[tone], outline=self._edge, width=3
        )

    def oval(self, box: Box, tone: Tone) -> None:
        """An ellipse in the box."""
        self._draw.ellipse(self._scaled(box), fill=self._tones[tone], outline=self._edge, width=3)

    def line(self, points: Sequence[Point], tone: Tone, width: float = 0.012) -> None:
        """A line through the points."""
        scaled = [(x * self._side, y * self._side) for x, y in points]
        self._draw.line(scaled, fill=self._tones[tone], width=max(1, round(width * self._side)), joint="curve")

    def arc(self, box: Box, start: float, end: float, tone: Tone, width: float) -> None:
        """Part of an ellipse's rim, degrees clockwise from the right."""
        self._draw.arc(self._scaled(box), start, end, fill=self._tones[tone], width=round(width * self._side))

    def picture(self) -> tuple[Image.Image, Image.Image]:
        """What was drawn (RGB) and where (L), in the final size. Reduced apart, which spares Pillow two conversions;
        what lies outside has the product's colour, so its rim stays clean."""
        return self._image.convert("RGB").reduce(OVERSAMPLE), self._image.getchannel("A").reduce(OVERSAMPLE)

    def _scaled(self, box: Box) -> Box:
        left, top, right, bottom = box
        return left * self._side, top * self._side, right * self._side, bottom * self._side


def _cut_corners(points: Sequence[Point]) -> list[Point]:
    rounded: list[Point] = []
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        rounded.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
        rounded.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
    return rounded
