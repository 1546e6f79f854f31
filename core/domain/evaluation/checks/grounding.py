"""Grounding: a reason may name what the product's data states or what is asked for, and nothing else.

Only what can be told without a model is looked at: sizes, prices, model numbers, brands, colours. A judgement whose
product is not known any more is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from math import log10

from core.domain.evaluation.checks.facts import (
    Finding,
    Judged,
    Words,
    asked,
    compact_of,
    fold,
    readings,
    told,
)
from core.domain.evaluation.checks.words import COLOURS, LETTER_SIZES, PLAIN_COLOURS, UNITS

_NUMBER = r"\d+(?:[.,]\d+)*"
_MEASURE = re.compile(
    rf"(?<![\w.,+-])({_NUMBER})[\s-]?({'|'.join(sorted(UNITS, key=len, reverse=True))})(?![\w]|[-/]\w)"
)
_SIZE = re.compile(rf"\bsizes? ({_NUMBER}|[2-5]?x{{0,3}}[sl]|m)(?![\w.,]*\w)")
_PRICE = re.compile(
    rf"(?:[$£€]|\b(?:usd|eur|gbp)) ?({_NUMBER})|(?<![\w.,])({_NUMBER}) ?(?:€|£|\$|zł|(?:eur|usd|gbp|euros?|dollars?)\b)"
)
_MODEL = re.compile(r"(?<![\w./-])(?=[\w-]*\d)(?=[\w-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*(?![\w./-]*\w)")
_PLAIN_MODEL = re.compile(r"\d+[a-z]{1,5}s?|\d+(?:st|nd|rd|th)|(?:\d+-)?[a-z]+-\d{1,2}|\d+(?:-[a-z]+)+|p\d+|\d+x\d+\w*")
"""A number with a unit, an ordinal, `size-42`, `24-port`, an item's name, a resolution: no model number."""

_STANDARDS = re.compile(
    r"mp[34]|mpeg-?\d|h\.?26[45]|(?:hdmi|usb|usb-c|wifi|wi-fi|cat|ddr|sata|pcie)-?\d+e?(?:-sdram)?|ip[x\d]\d|rj\d+|e\d\d|gu10|pm\d+|co2"
    r"|[23]in1|win1[01]|\d+-in-\d"
)
"""Names of norms: a judge may know that a thing has one, and its data say it otherwise."""

MODEL_LETTERS = 4
"""Letters and digits of a model number at least: shorter ones (`5g`, `4k`, `x2`) are said in passing."""

BRAND_LETTERS = 3
"""Of a brand's name at least: shorter ones meet words (`LG` and `HP` are looked for as words of their own)."""

BRAND_WORDS = 3
"""Words of a brand's name at most."""

_CAPITAL = re.compile(r"[^\W_]+(?:[-&'’.+][^\W_]+)*|[.!?:;“”\"']")


def size_not_stated(judged: Judged) -> Finding | None:
    """A number with a unit, or a size that is worn, of which neither product nor query has the number."""
    if judged.product is None:
        return None
    text, stated = fold(judged.reasoning), _stated(judged)
    for match in _MEASURE.finditer(text):
        if not _measured(match.group(1), match.group(2), stated):
            return _finding(size_not_stated.__name__, match.group())
    for match in _SIZE.finditer(text):
        if not _worn(match.group(1), stated):
            return _finding(size_not_stated.__name__, match.group())
    return None


def price_not_stated(judged: Judged) -> Finding | None:
    """A sum of money that neither product nor query has."""
    if judged.product is None:
        return None
    stated = _stated(judged)
    for match in _PRICE.finditer(fold(judged.reasoning)):
        values = [value for group in match.groups() if group for value in readings(group)]
        if not any(each.has(*values) for each in stated):
            return _finding(price_not_stated.__name__, match.group().strip())
    return None


def model_not_stated(judged: Judged) -> Finding | None:
    """A code of letters and digits that stands nowhere in product or query, however it is written there."""
    if judged.product is None or judged.kind == "image":
        return None
    stated = _stated(judged)
    for match in _MODEL.finditer(fold(judged.reasoning)):
        code = compact_of(match.group())
        known = _STANDARDS.fullmatch(match.group()) or _PLAIN_MODEL.fullmatch(match.group())
        if len(code) >= MODEL_LETTERS and not known and not any(code in each.compact for each in stated):
            return _finding(model_not_stated.__name__, match.group() + _whose(judged, code))
    return None


def brand_not_stated(judged: Judged) -> Finding | None:
    """The name of a brand of the catalogue, written as a name, that is neither the product's nor asked for."""
    if judged.product is None or judged.kind == "image":
        return None
    stated = _stated(judged)
    for name in _names(judged.reasoning):
        folded = compact_of(name)
        if folded in judged.brands and not any(_named(folded, each) for each in stated):
            return _finding(brand_not_stated.__name__, name)
    return None


def colour_not_stated(judged: Judged) -> Finding | None:
    """A plain colour of a family that neither product nor query names. Not of a judge that saw the picture."""
    if judged.product is None or judged.pictured or judged.kind == "image":
        return None
    named = [word for word in re.findall(r"[^\W\d_]+", fold(judged.reasoning)) if word in PLAIN_COLOURS]
    if not named:
        return None
    stated = frozenset(family for each in _stated(judged) for family in _families(each))
    wrong = next((word for word in named if not COLOURS[word] & stated), None)
    return _finding(colour_not_stated.__name__, wrong) if wrong else None


def _stated(judged: Judged) -> tuple[Words, Words]:
    return told(judged), asked(judged)


def _finding(check: str, what: str) -> Finding:
    return Finding(check, f"names “{what}”, which neither the product nor the query states")


def _measured(number: str, unit: str, stated: Iterable[Words]) -> bool:
    """In this unit or another of its dimension: attributes often give a number without one, which is a metric one
    unless inches or pounds are spoken of."""
    dimension, scale = UNITS[unit]
    for each in stated:
        scales = {
            other
            for name, (kind, other) in UNITS.items()
            if kind == dimension and (name in each.words or log10(other).is_integer())
        }
        if each.has(*(value * scale / other for value in readings(number) for other in scales | {scale})):
            return True
    return False


def _worn(size: str, stated: Iterable[Words]) -> bool:
    if size[0].isdigit() and size.replace(".", "").replace(",", "").isdigit():
        return any(each.has(*readings(size)) for each in stated)
    names = LETTER_SIZES.get(size, frozenset({size}))
    return any(names & each.words for each in stated)


def _whose(judged: Judged, code: str) -> str:
    owner = next((each.title for each in judged.beside if code in compact_of(each.title)), "")
    return f"” of “{owner}" if owner else ""


def _names(text: str) -> Iterable[str]:
    """One to three words that begin with a capital letter, not those at a sentence's start alone."""
    tokens = [".", *_CAPITAL.findall(text)]
    runs: list[list[str]] = [[]]
    for before, word in pairwise(tokens):
        if not word[0].isupper():
            runs.append([])
        elif before in {".", "!", "?", ":", ";"} and not word[1:2].isupper():
            runs.append([])  # a capital that the sentence asks for
        else:
            runs[-1].append(word)
    for run in runs:
        for start in range(len(run)):
            for end in range(start + 1, min(start + BRAND_WORDS, len(run)) + 1):
                yield " ".join(run[start:end])


def _named(brand: str, stated: Words) -> bool:
    return brand in stated.compact if len(brand) >= BRAND_LETTERS else brand in stated.words


def _families(stated: Words) -> Iterable[str]:
    """Of every colour word, inflected or with `dark` before it (`dunkelblaue`)."""
    for word in stated.words:
        for form in (word, *(word.removesuffix(end) for end in ("e", "s", "en", "er", "es", "em", "ish", "y"))):
            bare = form.removeprefix("dunkel").removeprefix("hell").removeprefix("dark").removeprefix("light")
            yield from COLOURS.get(form, frozenset()) | COLOURS.get(bare, frozenset())
