"""Words of a category path, and whether a phrase of a rubric fits them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

Specificity = tuple[int, int, int]
"""Words of the phrase, level of the path where its last part fits, letters: larger is more specific."""

CATEGORY_LIMIT = 400
"""Characters of a category that are looked at, the last ones: the deepest taxonomies (Google's, Amazon's) have under
250, and the end is what says most."""

_LEVEL = re.compile(r"[>/|\\›»→:;,]+")
"""What shops put between the levels of a path."""

_WORD = re.compile(r"[^\W_]+")
_PATTERN = re.compile(r"\*?[^\W_]+\*?")
_LOOSE = re.compile(r"[\s&+-]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a rubric names: `text` as it is shown and compared, `parts` a level each, of words with their stars."""

    text: str
    parts: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> tuple[int, int]:
        """Words, and letters without stars."""
        words = [word for part in self.parts for word in part]
        return len(words), sum(len(word.strip("*")) for word in words)


def levels_of(category: str) -> list[list[str]]:
    """The path's levels, each its words, folded: `Damen > Lauf-Schuhe` is `[[damen], [lauf, schuhe]]`."""
    folded = _folded(category[-CATEGORY_LIMIT:])
    return [words for level in _LEVEL.split(folded) if (words := _WORD.findall(level))]


def phrase_of(told: str) -> Phrase | None:
    """The phrase as it is written; None where it holds no word or a star that is not at a word's end."""
    parts = [_words(part) for part in _folded(told).split(">")]
    if any(part is None for part in parts):
        return None
    kept = tuple(part for part in parts if part)
    return Phrase(" > ".join(" ".join(part) for part in kept), kept) if kept else None


def specificity(phrase: Phrase, levels: Sequence[Sequence[str]]) -> Specificity | None:
    """How closely the phrase fits; None where it does not. Its parts have to be found at levels in their order."""
    reached = -1
    for number, part in enumerate(phrase.parts, 1):
        last = number == len(phrase.parts)
        fits = [at for at in range(reached + 1, len(levels)) if _holds(levels[at], part)]
        if not fits:
            return None
        reached = fits[-1] if last else fits[0]
    words, letters = phrase.size
    return words, reached, letters


def _holds(level: Sequence[str], part: Sequence[str]) -> bool:
    """Whether the words stand in the level next to each other."""
    width = len(part)
    return any(
        all(_fits(word, asked) for word, asked in zip(level[at : at + width], part, strict=True))
        for at in range(len(level) - width + 1)
    )


def _fits(word: str, asked: str) -> bool:
    bare = asked.strip("*")
    if asked.startswith("*"):
        return bare in word if asked.endswith("*") else word.endswith(bare)
    return word.startswith(bare) if asked.endswith("*") else word == bare


def _words(part: str) -> tuple[str, ...] | None:
    words = [word for word in _LOOSE.split(part.strip()) if word]
    return tuple(words) if words and all(_PATTERN.fullmatch(word) for word in words) else None


def _folded(text: str) -> str:
    """Without case and marks: sellers and feeds drop accents, and vowel signs of Indic scripts are no letters to
    regular expressions."""
    spread = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in spread if not unicodedata.category(sign).startswith("M"))
