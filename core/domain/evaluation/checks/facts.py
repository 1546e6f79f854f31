"""What a check looks at, and what it says. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from core.domain.evaluation.items import DatasetKind
from core.domain.judging import GuidelineReply
from core.domain.relevance import Product, Search

_WORD = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*")
_NUMBER = re.compile(r"(?:(?<![^\W_])|(?<=\dx))\d+(?:[.,\s]\d{3})*(?:[.,]\d+)?")
"""Not those inside a code, such as the 5 of `XM5`; both of `10x15`."""
_INCHES = re.compile(r"(?<=\d)\s?[\"″”]")
_GLUED = re.compile(r"(?<=\d)[^\W\d_]+")
"""A unit right behind its number."""
_MARKS = {ord(mark): " " for mark in "™®©℠"}
"""Marks of trade, which NFKC would make letters of: `Core™2` has no code `coretm2`."""
_DASH = re.compile(r"[-/.'’]")

NEAR = 0.03
"""Part by which two sizes may differ and be the same one: 128 GB are 0.125 TB, 50 inches "127 cm"."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text taken apart: its words, folded, also the parts of hyphened ones; all letters and digits in one; numbers
    in every reading (`1.800` is 1.8 and 1800)."""

    words: frozenset[str]
    compact: str
    numbers: frozenset[float]

    def has(self, *values: float) -> bool:
        """Whether one of the numbers stands there, `NEAR` enough or rounded to a whole one."""
        return any(math.isclose(value, each, rel_tol=NEAR) for value in values for each in self.numbers)


NOTHING = Words(frozenset(), "", frozenset())


@dataclass(frozen=True, slots=True)
class Beside:
    """What the same judge said of another product of the query."""

    listing_id: str
    title: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgement, with what the judge was given. `key` is its content key or another name that lasts."""

    kind: DatasetKind
    key: str
    judge: str
    item_id: str
    """Of a run, the dataset's; of a live label, its event id."""
    listing_id: str
    search: Search
    """Of an image its listing: `query` is the listing's id."""
    guideline: GuidelineReply | None
    """None: it is not kept any more, or there is none (images)."""
    product: Product | None
    """None: what the judge was told is not known any more; nothing is said of what a reason quotes."""
    grade: int
    """0 to 2; of an image the score, 1 to 10."""
    confidence: float | None
    reasoning: str
    verdicts: str = ""
    aspects: Mapping[str, int] = field(default_factory=dict)
    pictured: bool = False
    """The judge saw the picture itself, so that a colour or a print may come from it."""
    beside: tuple[Beside, ...] = ()
    brands: frozenset[str] = frozenset()
    """Brands of the products judged with it, as `compact_of` writes them: a reason that names one of them means it."""
    image_url: str = ""
    image_hash: str = ""
    """Of a live score; in a run `key` tells whether a picture is the one that was judged."""
    scored_with: tuple[str, str] = ("", "")
    """Prompt version and model in the key of a run's score."""

    @property
    def musts(self) -> str:
        """Letters of the `must_have` requirements; empty where verdicts do not fit the guideline."""
        return self._letters(must=True)

    @property
    def others(self) -> str:
        """Letters of the requirements that are `approximate_is_okay`; `nice_to_have` never lowers a label."""
        return self._letters(must=False)

    def _letters(self, *, must: bool) -> str:
        asked = self.guideline.requirements if self.guideline else []
        wanted = "must_have" if must else "approximate_is_okay"
        if len(asked) != len(self.verdicts):
            return ""
        return "".join(letter for letter, each in zip(self.verdicts, asked, strict=True) if each.importance == wanted)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found fault with, and by what; `why` quotes."""

    check: str
    why: str


def told(judged: Judged) -> Words:
    """What the product's data states."""
    return words_of(product_text(judged.product)) if judged.product else NOTHING


def asked(judged: Judged) -> Words:
    """What query, filters and guideline say: a reason may quote it as what is asked for."""
    search, body = judged.search, judged.guideline
    texts = [search.query, *(part for pair in search.context for part in pair)]
    if body is not None:
        guide = body.guideline
        texts += [body.translation, guide.highly_relevant, guide.acceptable_substitute, guide.irrelevant]
        texts += [part for each in body.requirements for part in (each.requirement, each.why)]
    return words_of(" ; ".join(texts))


def product_text(product: Product) -> str:
    """All that the judge was told of it in words."""
    fields = (product.title, product.brand, product.category, product.price, product.description)
    attributes = (part for pair in product.attributes for part in pair)
    return " ; ".join(text for text in (*fields, product.picture_description, *attributes) if text)


@lru_cache(maxsize=4_096)
def words_of(text: str) -> Words:
    """The last 4,096 texts are kept: every check asks for the same few, item after item."""
    flat = _INCHES.sub(" inch ", fold(text))
    found = _WORD.findall(flat)
    parts = (part for word in found for part in (*_DASH.split(word), *_GLUED.findall(word)))
    numbers = (value for match in _NUMBER.findall(flat) for value in readings(match))
    return Words(frozenset((*found, *parts)), compact_of(text), frozenset(numbers))


def fold(text: str) -> str:
    """Lower case, compatibility forms resolved; accents stay, since words of other languages are told by them."""
    return unicodedata.normalize("NFKC", text.translate(_MARKS)).casefold()


def compact_of(text: str) -> str:
    """Letters and digits alone, without accents: "WH-1000 XM5" and "wh1000xm5" are the same."""
    flat = unicodedata.normalize("NFKD", text.translate(_MARKS).casefold())
    return "".join(each for each in flat if each.isalnum())


def readings(number: str) -> Iterable[float]:
    """What a written number may mean: `1.800` is 1800 or 1.8, `24 105` is 24105, and 24 and 105."""
    pieces = re.split(r"[.,\s]", number)
    yield float("".join(pieces))
    if len(pieces) > 1:
        yield float("".join(pieces[:-1]) + "." + pieces[-1])
    if re.search(r"\s", number):
        yield from map(float, pieces)


def word_list(text: str) -> list[str]:
    """The folded words, in order."""
    return _WORD.findall(fold(text))


def shortened(text: str, letters: int = 80) -> str:
    """As it is quoted in a finding."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
