"""The normalised query and the similarity of two of them (CONTRACT 3)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise

MAX_QUERY_CHARS = 256
"""A normalised query is cut here: longer ones are pasted text, and the cut keeps a pane's key small."""

SIMILAR_TENTHS = 3
"""Jaccard similarity of the character n-grams from which two queries are one intent, in tenths: exact in integers."""


CACHED_CHARS = 256
"""Texts up to this long are kept with their normalised form: the head of the traffic. 16,384 of them, all of the
longest and of four bytes a character, are 34 MB; of usual ones 4 MB."""


CACHED_NGRAMS_CHARS = 48
"""Queries up to this long are kept with their n-grams: 2,048 of them, some 5 MB, are most of what is asked twice."""


def normalised_query(text: str) -> str:
    """NFKC, case-folded, white space collapsed, at most 256 characters; may be empty."""
    return _known(text) if len(text) <= CACHED_CHARS else _normalised(text)


def _normalised(text: str) -> str:
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(folded.casefold().split())[:MAX_QUERY_CHARS].strip()


_known = lru_cache(maxsize=16_384)(_normalised)


def similar(one: str, other: str) -> bool:
    """Whether two normalised queries share a token, or at least 0.3 of their character n-grams."""
    if not set(one.split(" ")).isdisjoint(other.split(" ")):
        return True
    n = 2 if " " not in one or " " not in other else 3
    grams, others = _ngrams(one, n), _ngrams(other, n)
    shared = len(grams & others)
    return 10 * shared >= SIMILAR_TENTHS * (len(grams) + len(others) - shared)


def _ngrams(text: str, n: int) -> frozenset[tuple[str, ...]]:
    return _known_ngrams(text, n) if len(text) <= CACHED_NGRAMS_CHARS else _new_ngrams(text, n)


def _new_ngrams(text: str, n: int) -> frozenset[tuple[str, ...]]:
    """Its n-grams, 2 or 3 characters each; a text that is shorter is its own."""
    if len(text) < n:
        return frozenset(((text,),))
    return frozenset(pairwise(text) if n == 2 else zip(text, text[1:], text[2:], strict=False))


_known_ngrams = lru_cache(maxsize=2_048)(_new_ngrams)
