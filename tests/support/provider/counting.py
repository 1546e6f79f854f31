"""Tokens by a fixed cheap rule, and the prompt cache that bills a known prefix at less."""

from __future__ import annotations

from collections.abc import Callable, Sequence

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English."""

PICTURE_TOKENS = 765
"""A picture of 768 pixels square, as OpenAI bills four tiles."""

FIRST, STEP = 1_024, 128
"""A prefix is cached from so many tokens on, in such steps: OpenAI's."""

MOST_PREFIXES = 2_000_000
"""Kept: some 200 MB. More are looked through for those that are too old."""


def tokens_of(text: str) -> int:
    """At least one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


class PromptCache:
    """Prefixes by chained hashes of their steps. A prefix is there once a call that had it has been answered: calls
    that start together do not help each other."""

    def __init__(self, lasts_s: float, clock: Callable[[], float]) -> None:
        self._lasts, self._clock = lasts_s, clock
        self._seen: dict[int, float] = {}

    @staticmethod
    def prefixes(organisation: str, text: str) -> list[int]:
        """One number for each prefix that may be cached, shortest first."""
        size, first = STEP * CHARACTERS_PER_TOKEN, FIRST * CHARACTERS_PER_TOKEN
        if len(text) < first:
            return []
        found = [hash((organisation, text[:first]))]
        for at in range(first, len(text) - size + 1, size):
            found.append(hash((found[-1], text[at : at + size])))
        return found

    def cached(self, prefixes: Sequence[int]) -> int:
        """Tokens of the longest prefix that is known."""
        oldest = self._clock() - self._lasts
        known = 0
        for number, prefix in enumerate(prefixes):
            if self._seen.get(prefix, -1.0) < oldest:
                break
            known = FIRST + number * STEP
        return known

    def keep(self, prefixes: Sequence[int]) -> None:
        """They were just answered."""
        now = self._clock()
        if len(self._seen) > MOST_PREFIXES:
            self._seen = {prefix: at for prefix, at in self._seen.items() if at >= now - self._lasts}
        self._seen.update(dict.fromkeys(prefixes, now))
