"""Drawings of devices and what is sold for them."""

from __future__ import annotations

from demo.marketplace.pen import Pen


def phone(pen: Pen) -> None:
    """A phone's back beside its front."""
    pen.box((0.16, 0.08, 0.54, 0.90), "base", 0.06)
    pen.box((0.20, 0.12, 0.37, 0.30), "dark", 0.04)
    pen.oval((0.215, 0.135, 0.285, 0.205), "ink")
    pen.oval((0.285, 0.215, 0.355, 0.285), "ink")
    pen.box((0.46, 0.12, 0.86, 0.94), "base", 0.06)
    pen.box((0.48, 0.14, 0.84, 0.92), "ink", 0.045)
    pen.box((0.50, 0.20, 0.82, 0.88), "glass", 0.02)
    pen.box((0.60, 0.155, 0.72, 0.175), "ink", 0.01)
    for row in range(3):
        for column in range(3):
            x, y = 0.53 + 0.095 * column, 0.26 + 0.12 * row
            pen.box((x, y, x + 0.06, y + 0.06), "pale", 0.015)


def phone_case(pen: Pen) -> None:
    """An empty case with the opening for the camera."""
    pen.box((0.28, 0.06, 0.72, 0.94), "dark", 0.08)
    pen.box((0.30, 0.08, 0.70, 0.92), "base", 0.07)
    pen.box((0.34, 0.12, 0.52, 0.31), "pale", 0.04)
    pen.box((0.705, 0.30, 0.735, 0.42), "dark", 0.01)
    pen.oval((0.40, 0.46, 0.60, 0.66), "light")


def headphones(pen: Pen) -> None:
    """Over-ear headphones, front."""
    pen.arc((0.16, 0.08, 0.84, 0.92), 180, 360, "dark", 0.07)
    pen.arc((0.20, 0.12, 0.80, 0.88), 200, 340, "light", 0.02)
    for left in (0.10, 0.72):
        pen.box((left, 0.46, left + 0.18, 0.84), "base", 0.08)
    pen.box((0.25, 0.50, 0.33, 0.80), "ink", 0.04)
    pen.box((0.67, 0.50, 0.75, 0.80), "ink", 0.04)
    pen.oval((0.15, 0.58, 0.23, 0.72), "light")
    pen.oval((0.77, 0.58, 0.85, 0.72), "light")


def ear_pads(pen: Pen) -> None:
    """A pair of soft rings."""
    for left in (0.06, 0.52):
        pen.oval((left, 0.24, left + 0.42, 0.78), "base")
        pen.oval((left + 0.04, 0.28, left + 0.38, 0.74), "light")
        pen.oval((left + 0.11, 0.36, left + 0.31, 0.66), "ink")


def laptop(pen: Pen) -> None:
    """An open laptop, front."""
    pen.box((0.16, 0.16, 0.84, 0.66), "base", 0.03)
    pen.box((0.185, 0.185, 0.815, 0.635), "ink", 0.015)
    pen.box((0.20, 0.20, 0.80, 0.62), "glass", 0.0)
    pen.polygon([(0.20, 0.62), (0.44, 0.38), (0.58, 0.52), (0.68, 0.44), (0.80, 0.62)], "dark")
    pen.polygon([(0.16, 0.66), (0.84, 0.66), (0.96, 0.82), (0.04, 0.82)], "light")
    pen.polygon([(0.22, 0.68), (0.78, 0.68), (0.82, 0.75), (0.18, 0.75)], "ink")
    pen.polygon([(0.42, 0.765), (0.58, 0.765), (0.60, 0.805), (0.40, 0.805)], "base")
    pen.box((0.04, 0.82, 0.96, 0.85), "dark", 0.01)


def watch(pen: Pen) -> None:
    """A wristwatch with a round face."""
    pen.curve([(0.38, 0.02), (0.62, 0.02), (0.66, 0.34), (0.34, 0.34)], "base")
    pen.curve([(0.34, 0.66), (0.66, 0.66), (0.62, 0.98), (0.38, 0.98)], "base")
    for y in (0.80, 0.86, 0.92):
        pen.oval((0.485, y, 0.515, y + 0.025), "ink")
    pen.box((0.74, 0.46, 0.80, 0.54), "metal", 0.01)
    pen.oval((0.22, 0.22, 0.78, 0.78), "metal")
    pen.oval((0.26, 0.26, 0.74, 0.74), "dark")
    pen.oval((0.29, 0.29, 0.71, 0.71), "pale")
    for box in ((0.49, 0.31, 0.51, 0.36), (0.49, 0.64, 0.51, 0.69), (0.31, 0.49, 0.36, 0.51), (0.64, 0.49, 0.69, 0.51)):
        pen.box(box, "ink")
    pen.line([(0.50, 0.50), (0.42, 0.40)], "ink", 0.022)
    pen.line([(0.50, 0.50), (0.62, 0.40)], "ink", 0.014)


def watch_strap(pen: Pen) -> None:
    """Two halves of a strap, one with a buckle."""
    pen.box((0.28, 0.10, 0.44, 0.90), "base", 0.05)
    pen.box((0.56, 0.22, 0.72, 0.90), "base", 0.05)
    pen.box((0.54, 0.10, 0.74, 0.26), "metal", 0.03)
    pen.box((0.58, 0.14, 0.70, 0.22), "pale", 0.01)
    for row in range(6):
        pen.oval((0.345, 0.34 + 0.08 * row, 0.375, 0.37 + 0.08 * row), "ink")
    pen.line([(0.58, 0.30), (0.58, 0.86)], "light", 0.008)
    pen.line([(0.70, 0.30), (0.70, 0.86)], "light", 0.008)
