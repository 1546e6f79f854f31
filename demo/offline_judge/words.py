"""Words of queries and titles: folded, cut, stemmed a little, so that "Schuhe" meets "schuh"."""

from __future__ import annotations

import re
import unicodedata

from demo.offline_judge.lexicon import SYNONYMS

_WORD = re.compile(r"[^\W_]+(?:[.\-/][^\W_]+)*")
_SPLIT = re.compile(r"[.\-/]")
MIN_STEM = 3
"""Shorter stems meet by accident ("ipod", "ip")."""


def fold(text: str) -> str:
    """Lower case, no accents (German sharp s becomes ss), compatibility forms resolved."""
    flat = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in flat if not unicodedata.combining(c))


def compact(text: str) -> str:
    """Letters and digits of the folded text: "WH-1000 XM5" and "wh1000xm5" are the same."""
    return "".join(c for c in fold(text) if c.isalnum())


def tokens(text: str) -> list[str]:
    """Words of the folded text; a hyphenated one gives its parts too ("t-shirt": t-shirt, t, shirt)."""
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        parts = _SPLIT.split(word)
        found.extend([word, *parts] if len(parts) > 1 and not is_number(word) else [word])
    return found


def is_number(word: str) -> bool:
    """Digits, with a point perhaps."""
    return word.replace(".", "").isdigit()


def stem(word: str) -> str:
    """English plurals and German endings off, then synonyms to one word."""
    if word in SYNONYMS:
        return SYNONYMS[word]
    bare = _english(word)
    if bare in SYNONYMS:
        return SYNONYMS[bare]
    for suffix in ("en", "er", "e", "n"):
        if word.endswith(suffix) and word[: -len(suffix)] in SYNONYMS:
            return SYNONYMS[word[: -len(suffix)]]
    return bare


def _english(word: str) -> str:
    if len(word) <= MIN_STEM or any(c.isdigit() for c in word) or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word.removesuffix("s")


def stems(text: str) -> list[str]:
    """The stems of the text's words, in order."""
    return [stem(word) for word in tokens(text)]
