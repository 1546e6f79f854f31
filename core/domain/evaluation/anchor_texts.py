"""Anchors stay out of prompts: a prompt that shows an anchor's query beside its product would teach the judge the
answer it is measured by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnchorText:
    """An anchor as a prompt could show it. `title` is empty where the anchor's product is not known."""

    query: str
    title: str
    listing_id: str


def anchors_in_text(texts: Sequence[str], anchors: Iterable[AnchorText]) -> list[AnchorText]:
    """The anchors whose query and product title both stand in one of the texts, in the order given.

    Both sides are compared case-folded, in NFKC and with white space collapsed; the query as whole words, so that `tv`
    is not found in `tvs`. An anchor without a title is never found: a query alone gives nothing away.
    """
    folded = [_folded(text) for text in texts]
    wanted = ((anchor, _folded(anchor.query), _folded(anchor.title)) for anchor in anchors)
    return [
        anchor
        for anchor, query, title in wanted
        if query and title and any(title in text and _has_words(text, query) for text in folded)
    ]


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _has_words(text: str, words: str) -> bool:
    """Whether `words` stand in the text with no letter or digit right before or after them. Where the script puts no
    spaces between words, such as Japanese, a neighbour says nothing: being part of the text is enough."""
    if words not in text:
        return False
    return not words.isascii() or re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
