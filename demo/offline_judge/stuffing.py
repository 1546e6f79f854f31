"""What a listing says twice to be found, and what it says to its grader: taken out before it is read. Pure.

A shopper who sees "desk lamp led dimmable desk lamp led - ceramic mug" buys a mug: words that stand there again and
again are for the search engine, what is said once is the thing.
"""

from __future__ import annotations

import re
from collections import Counter

from demo.offline_judge.words import tokens

WORD = 3
"""Letters from which a word counts: shorter ones (of, x, GB) repeat in honest titles."""

TITLE = (3, 3)
"""So many different words said again, or one said so often, make a title stuffed: of 19,406 catalogue titles 0.8 % and
1.5 % are so; two words said twice (a monitor's "HD … Full HD") are in 5 %."""

SENTENCE = (4, 4)
"""The same in a sentence, which is longer: 1.3 % and 0.7 % of the catalogue's descriptions as a whole are so."""

_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\s*\n\s*")
_TO_THE_GRADER = re.compile(r"highly[_ ]relevant|acceptable[_ ]substitute|\birrelevant\b|\bgrader\b", re.IGNORECASE)


def title_without_stuffing(title: str) -> str:
    """The title without the words it repeats, where it is stuffed; the title itself where nothing would be left."""
    again = _repeats(title, TITLE)
    return " ".join(word for word in title.split() if not set(tokens(word)) & again) or title


def text_without_stuffing(text: str) -> str:
    """The sentences that are about the product: those said once, none that is stuffed or speaks to a grader."""
    said = Counter(sentence for sentence in _ENDS.split(text) if sentence)
    return " ".join(
        sentence
        for sentence, times in said.items()
        if times == 1 and not _TO_THE_GRADER.search(sentence) and not _repeats(sentence, SENTENCE)
    )


def _repeats(text: str, limits: tuple[int, int]) -> frozenset[str]:
    """The words that are said again, where they are so many that the text is stuffed; else none."""
    counts = Counter(word for word in tokens(text) if len(word) >= WORD)
    again = frozenset(word for word, count in counts.items() if count > 1)
    stuffed = len(again) >= limits[0] or any(counts[word] >= limits[1] for word in again)
    return again if stuffed else frozenset()
