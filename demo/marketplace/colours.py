"""Colours: their names in both languages, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.marketplace.facts import Language
from demo.marketplace.pen import Rgb


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour's name per language and what it looks like."""

    names: Mapping[Language, str]
    rgb: Rgb


def _colour(en: str, de: str, rgb: Rgb) -> Colour:
    return Colour({"en": en, "de": de}, rgb)


COLOURS: Mapping[str, Colour] = {
    "black": _colour("Black", "Schwarz", (38, 38, 42)),
    "white": _colour("White", "Weiß", (240, 240, 238)),
    "red": _colour("Red", "Rot", (196, 36, 44)),
    "blue": _colour("Blue", "Blau", (38, 84, 168)),
    "green": _colour("Green", "Grün", (44, 122, 72)),
    "gray": _colour("Gray", "Grau", (132, 136, 142)),
    "brown": _colour("Brown", "Braun", (122, 78, 46)),
    "silver": _colour("Silver", "Silber", (190, 194, 200)),
    "pink": _colour("Pink", "Rosa", (236, 140, 172)),
    "yellow": _colour("Yellow", "Gelb", (240, 196, 42)),
}
