"""The head of a file: what a dataset says of itself before its rows.

JSON lines begin with an object that has `assay_dataset`; a table begins with lines such as `# rule: 0=0 1=1 2=1 3=2`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.evaluation.items import DatasetKind
from core.domain.evaluation.rows import BadRow
from core.domain.fields import BadFieldError, Object, Unusable, parsed_object, text

MARK = "assay_dataset"
FORMAT = 1
"""Of the head and the lines after it; a later one may hold what this reader does not know."""

WORDS = ("name", "kind", "source", "licence", "rule")
SPOKEN = {"license": "licence"}


@dataclass(frozen=True, slots=True)
class Head:
    """What the file says; empty where it says nothing. `mapped`: its grades are ours already."""

    name: str = ""
    kind: DatasetKind | None = None
    source: str = ""
    licence: str = ""
    rule: str = ""
    anchors: bool = False
    mapped: bool = False
    lines: int = 0
    """Lines that it takes at the beginning of the file."""


def head_of_lines(lines: Sequence[bytes]) -> Head:
    """Of JSON lines; one that says nothing where the first line is a row. BadRow."""
    first = next((number for number, line in enumerate(lines, 1) if line.strip()), 0)
    if not first or MARK.encode() not in lines[first - 1]:
        return Head()
    record = parsed_object(lines[first - 1])
    if isinstance(record, Unusable):
        raise BadRow(f"line {first}", f"{record.reason}: {record.detail}")
    return _head(record, first) if MARK in record else Head()


def head_of_table(lines: Sequence[str]) -> Head:
    """Of a table: its first lines, each of which begins with `#`. BadRow."""
    said = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    told: dict[str, object] = {}
    for line in said:
        name, colon, value = line[1:].partition(":")
        word = SPOKEN.get(name.strip().casefold(), name.strip().casefold())
        if colon and word in WORDS:
            told[word] = value.strip()
    return _head({MARK: FORMAT, **told}, len(said))


def _head(record: Object, lines: int) -> Head:
    place = f"line {lines or 1}"
    if record[MARK] != FORMAT:
        raise BadRow(place, f"{MARK}: {record[MARK]!s:.20}, but this version reads {FORMAT}")
    try:
        said = {word: text({**record, **_spoken(record)}, word, None) or "" for word in WORDS}
    except BadFieldError as error:
        raise BadRow(place, str(error)) from None
    return Head(
        name=said["name"],
        kind=_kind(said["kind"], place),
        source=said["source"],
        licence=said["licence"],
        rule=said["rule"],
        anchors=record.get("anchors") is True,
        mapped=record.get("mapped") is True,
        lines=lines,
    )


def _spoken(record: Object) -> Object:
    return {ours: record[theirs] for theirs, ours in SPOKEN.items() if theirs in record and ours not in record}


def _kind(said: str, place: str) -> DatasetKind | None:
    if said not in ("", "relevance", "image"):
        raise BadRow(place, f"kind: {said:.40}, which is neither relevance nor image")
    return "relevance" if said == "relevance" else "image" if said == "image" else None
