"""Rubrics: what the picture judge is told of one kind of thing, and which of them a listing's category means. Pure.

A rubric is a text whose first line says for which categories it is: `Categories: shoes, sneaker*, *schuhe`. A phrase is
one or more words; a star at a word's beginning or end stands for any letters (`*schuhe` finds `Laufschuhe`, `*靴*` any
word with that sign, which languages without spaces need); `>` in a phrase asks for levels of the path in that order
(`toys > vehicles`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from core.domain.images.category_words import CATEGORY_LIMIT, Phrase, Specificity, levels_of, phrase_of, specificity
from core.domain.prompting import prompt_version
from core.errors import UsageError

HEADING = "Categories:"
"""What the first line begins with."""

RUBRIC_LIMIT = 4_000
"""Characters of a rubric: 1,000 tokens that every call of its category pays. The longest built-in one has half of
that; what is longer repeats the rules."""

MOST_RUBRICS = 64
"""Rubrics of a judge: three times the built-in ones. A rubric for every leaf of a category tree would split the calls
among prefixes that no provider keeps in its cache."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Rubric:
    """What is said of one kind of thing. `body` is the text below the first line, as the judge reads it."""

    name: str
    phrases: tuple[Phrase, ...]
    body: str


def parsed_rubric(name: str, text: str, where: str = "") -> Rubric:
    """The rubric in `text`; UsageError with `where` (or the name) and the line for what is wrong with it."""
    where = where or f"rubric {name}"
    if not _NAME.fullmatch(name):
        raise UsageError(f"{where}: {name!r} is no name of a rubric: 1 to 40 small letters, digits, _ and -")
    if len(text) > RUBRIC_LIMIT:
        raise UsageError(
            f"{where}: {len(text):,} characters, at most {RUBRIC_LIMIT:,}: every call of the category pays"
        )
    first, _, rest = text.lstrip("\ufeff").partition("\n")
    if not first.startswith(HEADING):
        raise UsageError(
            f"{where}, line 1: begins with `{HEADING}` and the categories, such as `{HEADING} shoes, *schuhe`"
        )
    _refuse_markers(rest, where)
    if not rest.strip():
        raise UsageError(f"{where}, line 2: says nothing: after its first line comes what the judge is told")
    return Rubric(name, _phrases(first.removeprefix(HEADING), f"{where}, line 1"), rest.strip())


def parsed_rubrics(texts: Mapping[str, str]) -> tuple[Rubric, ...]:
    """All of a judge's rubrics by their names, sorted; UsageError where one is wrong or two claim one phrase: which is
    meant would be chance."""
    if len(texts) > MOST_RUBRICS:
        raise UsageError(f"{len(texts)} rubrics, at most {MOST_RUBRICS}")
    found = tuple(parsed_rubric(name, texts[name]) for name in sorted(texts))
    claims = sorted((phrase.text, rubric.name) for rubric in found for phrase in rubric.phrases)
    for text, same in groupby(claims, key=lambda claim: claim[0]):
        names = [name for _, name in same]
        if len(names) > 1:
            raise UsageError(
                f"the rubrics {names[0]} and {names[1]} both name the category {text!r}: take it out of one, or leave "
                f"the built-in one out (`{names[0]} = false`)"
            )
    return found


def rubric_of(category: str | None, rubrics: Sequence[Rubric]) -> Rubric | None:
    """The rubric whose phrase fits the category best: by most words, then deepest in the path, then most letters; None
    where no phrase fits. Two that are alike in all of it: the first by name."""
    levels = levels_of(category or "")
    ranked = [(found, rubric) for rubric in rubrics if (found := _best(rubric.phrases, levels)) is not None]
    if not ranked:
        return None
    return min(ranked, key=lambda each: (*(-part for part in each[0]), each[1].name))[1]


def _best(phrases: Iterable[Phrase], levels: Sequence[Sequence[str]]) -> Specificity | None:
    return max((found for phrase in phrases if (found := specificity(phrase, levels)) is not None), default=None)


def _phrases(told: str, where: str) -> tuple[Phrase, ...]:
    found: dict[str, Phrase] = {}
    for part in told.split(","):
        phrase = phrase_of(part)
        if phrase is None:
            raise UsageError(f"{where}: {part.strip()!r} is no category: words, with a star at most at each end of one")
        if phrase.text in found:
            raise UsageError(f"{where}: {phrase.text!r} is named twice")
        found[phrase.text] = phrase
    return tuple(found.values())


def _refuse_markers(rest: str, where: str) -> None:
    """Three hashes open a section of data: rules that did would teach the judge to take data for rules."""
    for number, line in enumerate(rest.splitlines(), 2):
        if line.startswith("###"):
            raise UsageError(f"{where}, line {number}: a line can't begin with ###, which opens a section of data")
        if any(unicodedata.category(sign) in ("Cc", "Cf", "Co") for sign in line if sign != "\t"):
            raise UsageError(f"{where}, line {number}: holds a character that nobody sees")


def rubric_for(category: str | None, texts: tuple[tuple[str, str], ...]) -> Rubric | None:
    """As `rubric_of`, of rubrics by their texts; remembered."""
    return _rubric_for(category and category[-CATEGORY_LIMIT:], texts)


@lru_cache(maxsize=4_096)
def _rubric_for(category: str | None, texts: tuple[tuple[str, str], ...]) -> Rubric | None:
    """A shop has some thousand categories, and to compare one with every phrase takes half a millisecond. At 400
    characters of each 4,096 are 2 MB at most."""
    return rubric_of(category, known_rubrics(texts))


@lru_cache(maxsize=32)
def rubrics_version(texts: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """One for all of them together; nothing where there are none. Remembered as `known_rubrics` are."""
    told = "".join(f"{name}\0{text}\0" for name, text in texts)
    return (prompt_version("rubrics", told),) if told else ()


@lru_cache(maxsize=32)
def known_rubrics(texts: tuple[tuple[str, str], ...]) -> tuple[Rubric, ...]:
    """As `parsed_rubrics`, remembered: they are asked for with every picture, and a judge keeps its own for days. 32
    are the live judge, its shadows and those of a comparison."""
    return parsed_rubrics(dict(texts))
