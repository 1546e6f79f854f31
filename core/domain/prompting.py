"""How data enters a prompt: named sections of one-line JSON, so that no text of a seller or shopper can open a section.

Layout of every user message: `### NAME` on a line of its own, then JSON objects, one a line. Two things keep the marker
ours, either enough: JSON escapes line breaks, so data never starts a line; and no text of data holds two `#` in a row.
The marker is the same in every call on purpose: what is shared by the calls of one query (rules, query, guideline)
comes first, and an exact prefix is what providers bill at a fraction.

`line` is the one place where data becomes prompt: it cleans, screens and bounds every text in every row, whatever
its caller has done before, model outputs that come back as data (guidelines, picture descriptions) included.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NewType

import msgspec

from core.domain.privacy import screened

Section = Literal["QUERY", "GUIDELINE", "PRODUCTS", "JUDGEMENTS", "LISTING"]

Line = NewType("Line", str)
"""A row as it stands in a prompt. `line` makes them, and nothing else does."""

DATA_RULES = "2"
"""Stands for all that `clean`, `screened` and `section` do to a text. It is part of every prompt version: a change of
them changes what a judge reads, as an edited prompt does."""

TEXT_LIMIT = 2_000
"""Characters of one text field in a prompt: a title needs 200, a description's first lines say the rest."""

ROW_LIMITS: Mapping[Section, int] = {
    "QUERY": 4_000,
    "GUIDELINE": 12_000,
    "PRODUCTS": 6_000,
    "JUDGEMENTS": 3_000,
    "LISTING": 6_000,
}
"""Characters of one row, names of keys included. Of 19,406 catalogue products two make more than 6,000; a guideline has
1,500 tokens at most by a model, and twice that by a person. So a call of 20 products has at most 136,000 characters of
data, some 35,000 tokens of English: within every model's context."""

MARKS_LIMIT = 6
"""Combining marks on one letter that are kept: pointed Hebrew has 4, Burmese 5; towers of them hide what is below."""

_MARKER = "### "
_WORD_LIMIT = 64
"""Characters that a cut may go back to the last space, so that no half of an address or number is left."""

_SHORT = 100
"""Characters of a text that is remembered with what became of it: names and values of attributes are most of a
product's texts, and few are new. 16,384 of them are at most 8 MB and save a third of a prompt's time."""

_UNSEEN = {"Cf", "Cc", "Co", "Cn", "Cs"}
_IGNORABLE = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0000, 0xE1000),
    )
)
"""What Unicode's Default_Ignorable_Code_Point names beyond those categories (fillers, variation selectors, tags), and
two that show nothing: the blank braille cell and the object replacement character."""

_PLAIN = re.compile(
    "[\t-\r\x1c-~\x85\xa0-\xac\xae-\u02ff\u0391-\u03a1\u03a3-\u03ff\u0400-\u0482\u048a-\u052f\u2010-\u2029\u2030-\u205e"
    "\u20a0-\u20bf\u2100-\u218b\u3001-\u3029\u3041-\u3096\u30a1-\u30ff\u4e00-\u9ffc\uac00-\ud7a3\uff01-\uff5e]*"
).fullmatch
"""Characters of which none is unseen or a combining mark, of the scripts that most catalogues are written in: a cheap
look before every character is looked at."""

_HASHES = re.compile("#{2,}")
_CHAT_TAG = re.compile(r"\[(/?[A-Z_]{3,24})\]")
"""Such as `[INST]`: control words of chat templates, which some servers obey wherever they stand."""


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` as data for a prompt: at most `limit` characters, NFKC, one line, nothing invisible, no marker.

    Idempotent. The cut comes before normalising, and towers of combining marks go before it: NFKC is quadratic in their
    height (DESIGN 11). `<` becomes `‹` and `[INST]` `(INST)`: some servers obey control words such as `<|im_start|>` in
    data too.
    """
    kept = text[: 2 * limit]
    if not (kept.isascii() and kept.isprintable()):
        kept = _normal(kept)
    return _cut(_one_line(_defanged(kept)), limit)


def section(name: Section, rows: Iterable[Mapping[str, object]], market: str = "") -> str:
    """`### NAME` and the rows, each a `line`; ends with a line break."""
    return section_of(name, (line(name, row, market) for row in rows))


def section_of(name: Section, lines: Iterable[Line]) -> str:
    """A section of lines that are made already."""
    return "\n".join((_MARKER + name, *lines)) + "\n"


def line(name: Section, row: Mapping[str, object], market: str) -> Line:
    """The row as one-line JSON, every text in it cleaned, screened for personal data and bounded. `market` tells how
    telephone numbers are written there (`core.domain.privacy`)."""
    return Line(msgspec.json.encode(_bounded(_safe(row, market), ROW_LIMITS[name])).decode())


def named_line(item: str, fields: Line) -> Line:
    """The row of `fields`, which is not empty, with our name for the product (`p1`, `p2`, …) before them."""
    return Line(f'{{"item":"{item}",{fields[1:]}')


def picture_heading(item: str, *, main: bool = False) -> str:
    """The text part that stands before picture `item` (`p1`, `p2`, …); `main`: the one that a listing shows first."""
    return f"{_MARKER}PICTURE {item}{' (main picture of the listing)' if main else ''}"


def prompt_version(name: str, text: str) -> str:
    """`name` and 8 hex digits of a SHA-256 over the text and the rules for data: an edit of either is a new version."""
    return f"{name}@{hashlib.sha256(f'{DATA_RULES} {text}'.encode()).hexdigest()[:8]}"


def _normal(text: str) -> str:
    if not _PLAIN(text):
        text = _without_towers(_visible(text))
    normal = unicodedata.normalize("NFKC", text)
    return normal if _PLAIN(normal) else _without_towers(normal)


def _one_line(text: str) -> str:
    """One space where there was white space. What is printable has no other white space than spaces."""
    if text.isprintable() and "  " not in text and not text.startswith(" ") and not text.endswith(" "):
        return text
    return " ".join(text.split())


def _defanged(text: str) -> str:
    if "#" in text:
        text = _HASHES.sub("#", text)
    if "[" in text:
        text = _CHAT_TAG.sub(r"(\1)", text)
    return text.replace("<", "‹")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = limit if text[limit] == " " else text.rfind(" ", max(0, limit - _WORD_LIMIT), limit)
    return text[: end if end > 0 else limit].rstrip()


def _safe(value: object, market: str) -> object:
    if isinstance(value, str):
        return _text(value, market)
    if isinstance(value, (dict, Mapping)):
        return {_text(str(name), market): _safe(inner, market) for name, inner in value.items()}
    if isinstance(value, (list, Sequence)):
        return [_safe(inner, market) for inner in value]
    return value


def _text(text: str, market: str) -> str:
    return _short(text, market) if len(text) <= _SHORT else screened(clean(text), market)


@lru_cache(maxsize=16_384)
def _short(text: str, market: str) -> str:
    return screened(clean(text), market)


def _bounded(row: object, limit: int) -> object:
    """The row with its largest fields cut to one length, so that all fit: a title is never the price of a long text."""
    if not isinstance(row, dict) or _size(row) <= limit:
        return row
    left, longest = limit, 0
    sizes = sorted(_size(value) + len(name) for name, value in row.items())
    for count, size in zip(range(len(sizes), 0, -1), sizes, strict=True):
        longest = left // count
        if size > longest:
            break
        left -= size
    return {name: _trimmed(value, longest - len(name)) for name, value in row.items()}


def _trimmed(value: object, limit: int) -> object:
    """`value` in so many characters; of a list or object the entries that fit, from its beginning."""
    if isinstance(value, str):
        return _cut(value, max(0, limit))
    if not isinstance(value, dict | list):
        return value
    sizes = [_size(entry) for entry in (value.items() if isinstance(value, dict) else value)]
    fitting = 0
    while fitting < len(sizes) and sum(sizes[: fitting + 1]) <= limit:
        fitting += 1
    return dict(list(value.items())[:fitting]) if isinstance(value, dict) else value[:fitting]


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(name) + _size(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return len(str(value))


def _visible(text: str) -> str:
    unseen = {ord(character): None for character in set(text) if _kind(character) == "unseen"}
    return text.translate(unseen) if unseen else text


def _without_towers(text: str) -> str:
    if not any(_kind(character) == "mark" for character in set(text)):
        return text
    kept, height = list[str](), 0
    for character in text:
        height = height + 1 if _kind(character) == "mark" else 0
        if height <= MARKS_LIMIT:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=8_192)
def _kind(character: str) -> Literal["unseen", "mark", "other"]:
    category = unicodedata.category(character)
    if ord(character) in _IGNORABLE or (category in _UNSEEN and not character.isspace()):
        return "unseen"
    return "mark" if category in {"Mn", "Me"} else "other"
