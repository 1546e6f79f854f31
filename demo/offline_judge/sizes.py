"""Sizes and amounts with their units, as queries and listings write them: "27 inch", "128 gb", "42 size"."""

from __future__ import annotations

import re

from demo.offline_judge.lexicon import SHOE_WORDS, SIZE_WORDS
from demo.offline_judge.words import fold, stem, tokens

_UNITS = {
    "zoll": "inch", "in": "inch", "inch": "inch", "inches": "inch", '"': "inch", "″": "inch", "gb": "gb", "tb": "tb",
    "mb": "mb", "cm": "cm", "mm": "mm", "ml": "ml", "kg": "kg", "w": "w", "watt": "w", "mah": "mah", "hz": "hz",
}  # fmt: skip
_MEASURE = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*-?(zoll|inches|inch|in|\"|″|gb|tb|mb|cm|mm|ml|kg|watt|w|mah|hz)(?![a-z0-9])"
)
_NUMBER_SIZE = re.compile(r"\d{2}(?:[.,]5)?")
_SAID_SIZE = re.compile(r"(?:size|grosse|groesse|gr\.?|eu)\s*(\d{2}(?:[.,]5)?|xxl|xl|xs|s|m|l)(?![a-z0-9])")
_LETTERS = frozenset({"xs", "s", "m", "l", "xl", "xxl"})


def is_part(word: str) -> bool:
    """The word is a number, a unit or a letter size."""
    return word[0].isdigit() or word in _UNITS or word in _LETTERS


def is_measure(word: str) -> bool:
    """The word is a number with its unit ("128gb")."""
    return _MEASURE.fullmatch(word) is not None


def measures(text: str) -> frozenset[str]:
    """Numbers with a unit, the unit in one spelling."""
    found = _MEASURE.findall(fold(text))
    return frozenset(f"{float(number.replace(',', '.')):g} {_UNITS[unit]}" for number, unit in found)


def stated_sizes(query: str, raw: list[str]) -> frozenset[str]:
    """Sizes of shoes and clothes: numbers 16 to 60 or letters, after "size" or in a query that speaks of shoes."""
    sized = bool(set(tokens(query)) & SIZE_WORDS)
    if not sized and not any(stem(word).endswith(tuple(SHOE_WORDS)) for word in raw):
        return frozenset()
    return frozenset(size for word in raw for size in [as_size(word)] if size and (sized or word not in _LETTERS))


def as_size(word: str) -> str:
    """A size of shoes or clothes; empty when the word is none."""
    if word in _LETTERS:
        return f"{word} size"
    number = word.replace(",", ".")
    return f"{float(number):g} size" if _NUMBER_SIZE.fullmatch(word) and 16 <= float(number) <= 60 else ""


def said_sizes(title: str) -> list[str]:
    """Sizes of shoes and clothes that a title states ("Gr. 42", "Size M")."""
    return [str(size) for size in _SAID_SIZE.findall(fold(title))]
