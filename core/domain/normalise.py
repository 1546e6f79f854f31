"""The normalised query and the similarity of two of them (CONTRACT 3)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MAX_QUERY_CHARS = 256
"""A normalised query is cut here: longer ones are pasted text, and the cut keeps a pane's key small."""

SIMILAR_AT = 0.3
"""Jaccard similarity of the character n-grams from which two queries are one intent."""


@lru_cache(maxsize=65_536)
def normalised_query(text: str) -> str:
    """NFKC, case-folded, white space collapsed, at most 256 characters; may be empty."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(folded.casefold().split())[:MAX_QUERY_CHARS].strip()


def similar(one: str, other: str) -> bool:
    """Whether two normalised queries share a token, or at least 0.3 of their character n-grams."""
    if not set(one.split(" ")).isdisjoint(other.split(" ")):
        return True
    n = 2 if " " not in one or " " not in other else 3
    grams, others = _ngrams(one, n), _ngrams(other, n)
    return len(grams & others) >= SIMILAR_AT * len(grams | others)


def _ngrams(text: str, n: int) -> set[str]:
    if len(text) < n:
        return {text}
    return {text[i : i + n] for i in range(len(text) - n + 1)}
