"""Drawings of what stands at home."""

from __future__ import annotations

from demo.marketplace.pen import Pen


def coffee_machine(pen: Pen) -> None:
    """An espresso machine with a cup under its spout."""
    pen.box((0.14, 0.14, 0.40, 0.88), "dark", 0.03)
    pen.box((0.14, 0.12, 0.86, 0.42), "base", 0.04)
    pen.box((0.14, 0.80, 0.88, 0.90), "base", 0.02)
    pen.box((0.42, 0.79, 0.86, 0.82), "metal", 0.005)
    pen.box((0.30, 0.06, 0.70, 0.13), "glass", 0.02)
    pen.box((0.48, 0.19, 0.64, 0.29), "ink", 0.01)
    for x in (0.20, 0.30, 0.70):
        pen.oval((x, 0.20, x + 0.07, 0.27), "metal")
    pen.box((0.53, 0.42, 0.73, 0.50), "ink", 0.01)
    pen.line([(0.60, 0.50), (0.60, 0.56)], "metal", 0.02)
    pen.line([(0.67, 0.50), (0.67, 0.56)], "metal", 0.02)
    pen.arc((0.70, 0.65, 0.80, 0.74), 270, 90, "pale", 0.018)
    pen.polygon([(0.53, 0.62), (0.74, 0.62), (0.71, 0.79), (0.56, 0.79)], "pale")


def desk_lamp(pen: Pen) -> None:
    """A lamp with a jointed arm."""
    pen.oval((0.18, 0.82, 0.62, 0.94), "dark")
    pen.line([(0.40, 0.86), (0.26, 0.50), (0.60, 0.22)], "metal", 0.030)
    pen.oval((0.225, 0.465, 0.295, 0.535), "dark")
    pen.oval((0.58, 0.36, 0.86, 0.54), "pale")
    pen.curve([(0.56, 0.12), (0.68, 0.10), (0.92, 0.40), (0.88, 0.48), (0.60, 0.52), (0.54, 0.46)], "base")
    pen.oval((0.37, 0.83, 0.43, 0.88), "light")


def office_chair(pen: Pen) -> None:
    """A swivel chair with arms and castors."""
    pen.line([(0.50, 0.64), (0.50, 0.84)], "metal", 0.045)
    for x in (0.22, 0.36, 0.50, 0.64, 0.78):
        pen.line([(0.50, 0.82), (x, 0.90)], "ink", 0.025)
        pen.oval((x - 0.03, 0.89, x + 0.03, 0.95), "ink")
    pen.box((0.28, 0.06, 0.72, 0.52), "base", 0.09)
    for y in (0.16, 0.26, 0.36):
        pen.line([(0.34, y), (0.66, y)], "dark", 0.010)
    pen.line([(0.22, 0.62), (0.20, 0.44), (0.32, 0.44)], "ink", 0.025)
    pen.line([(0.78, 0.62), (0.80, 0.44), (0.68, 0.44)], "ink", 0.025)
    pen.curve([(0.24, 0.54), (0.76, 0.54), (0.80, 0.64), (0.74, 0.69), (0.26, 0.69), (0.20, 0.64)], "light")


def bottle(pen: Pen) -> None:
    """A bottle of cleaner with a label."""
    pen.box((0.42, 0.06, 0.58, 0.18), "ink", 0.02)
    pen.curve(
        [(0.43, 0.16), (0.57, 0.16), (0.70, 0.34), (0.70, 0.92), (0.66, 0.94), (0.34, 0.94), (0.30, 0.34)], "base"
    )
    pen.box((0.315, 0.46, 0.685, 0.78), "pale", 0.02)
    pen.line([(0.37, 0.55), (0.63, 0.55)], "dark", 0.030)
    pen.line([(0.37, 0.63), (0.63, 0.63)], "metal", 0.014)
    pen.line([(0.37, 0.69), (0.55, 0.69)], "metal", 0.014)
