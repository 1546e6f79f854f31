"""How data enters a prompt: named sections of one-line JSON, so that no text of a seller or shopper can open a section.

Layout of every user message: `### NAME` on a line of its own, then JSON objects, one a line. JSON escapes
line breaks, so data never starts a line; a section can't be forged. What is shared by the calls of one query
(rules, query, guideline) comes first: an exact prefix is what providers bill at a fraction.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Section = Literal["QUERY", "GUIDELINE", "PRODUCTS", "LISTING"]

TEXT_LIMIT = 2_000
"""Characters of one text field in a prompt: a title needs 200, a description's first lines say the rest."""

_INVISIBLE = {"Cf", "Cc", "Co", "Cn", "Cs"}


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` as data for a prompt: cut to `limit`, NFKC, without control and invisible characters.

    The cut comes before normalising because NFKC of long runs of combining marks is quadratic (DESIGN 11).
    """
    kept = text[: 2 * limit]
    if kept.isascii() and kept.isprintable():
        return " ".join(kept.split())[:limit]
    visible = (" " if c in "\n\r\t" else c for c in kept if c in "\n\r\t" or not _invisible(c))
    return " ".join(unicodedata.normalize("NFKC", "".join(visible)).split())[:limit]


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def section(name: Section, rows: Iterable[Mapping[str, object]]) -> str:
    """`### NAME` and the rows as one-line JSON; ends with a line break."""
    lines = (msgspec.json.encode(dict(row)).decode() for row in rows)
    return "\n".join((f"### {name}", *lines)) + "\n"


def picture_heading(item: str) -> str:
    """The text part that stands before picture `item` (`p1`, `p2`, …)."""
    return f"### PICTURE {item}"


def prompt_version(name: str, text: str) -> str:
    """`name` and the first 8 hex digits of the text's SHA-256: an edited prompt is another version."""
    return f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:8]}"
