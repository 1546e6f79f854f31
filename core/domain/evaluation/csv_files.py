"""Tables as CSV: named columns, one rater a row or one rater a column; Quepid's tables of a book or a case too."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.domain import strict_json
from core.domain.evaluation.items import DatasetKind
from core.domain.evaluation.products import IDS, READ
from core.domain.evaluation.rows import FIELDS, GRADES, BadRow, Row, Usual, row_of
from core.domain.fields import Object

DELIMITERS = (",", ";", "\t")
PREFIXES = ("rater:", "rating:")
"""A column whose name begins so holds a rater's grades: `rater:anna`."""

QUEPID = ("query", "docid")
"""How the tables that Quepid exports begin; the columns after these are raters, or `rating`."""

NESTED = ("context", "listing", "attributes", "segment", "ranks", "image_urls")
"""Columns whose cells are JSON."""

OUR_COLUMNS = frozenset({*FIELDS, *READ, *IDS, "currency"})


@dataclass(frozen=True, slots=True)
class Columns:
    """What the person says of a table: our name of a column by the file's, and whose grades a column holds."""

    renamed: Mapping[str, str]
    raters: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, what was left out, and why."""

    rows: list[Row]
    notices: list[str]


@dataclass(frozen=True, slots=True)
class _Header:
    names: tuple[str, ...]
    raters: Mapping[int, str]
    fields: Mapping[int, str]

    @property
    def ignored(self) -> list[str]:
        return [name for place, name in enumerate(self.names) if place not in self.raters and place not in self.fields]


def rows_of_table(
    lines: Sequence[str], skip: int, usual: Usual, columns: Columns, products: Mapping[str, Object]
) -> Table:
    """Every row after the head and the line of names. BadRow for wrong columns and for the first row that can't be
    used."""
    place, names, cells = _opened(lines, skip)
    header = _header(place, names, columns, usual.kind)
    rows: list[Row] = []
    without = 0
    for number, row in cells:
        record = _record(header, row, f"line {number}")
        if (
            usual.kind == "relevance"
            and not any(record.get(name) for name in (*IDS, "listing"))
            and record.get("query")
        ):
            without += 1  # Quepid lists a query that nobody graded anything for
            continue
        rows.append(row_of(record, f"line {number}", usual, products))
    notices = [f"columns that are not read: {', '.join(header.ignored)}"] if header.ignored else []
    if without:
        notices.append(f"rows that name a query and no product, left out: {without}")
    return Table(rows, notices)


def products_of_table(lines: Sequence[str]) -> dict[str, Object]:
    """Records of products by id, of a table with named columns. BadRow."""
    place, names, cells = _opened(lines, 0)
    id_column = next((names.index(name) for name in IDS if name in names), None)
    if id_column is None:
        raise BadRow(place, f"no column of ids, such as listing_id; the file has {', '.join(names)}")
    found: dict[str, Object] = {}
    for number, row in cells:
        told = {name: cell for name, cell in zip(names, row, strict=True) if cell}
        found.setdefault(row[id_column], _parsed(told, f"line {number}"))
    return found


def _opened(lines: Sequence[str], skip: int) -> tuple[str, tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """Where the names of the columns stand, the names, and the rows after them with the line each ends in."""
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    place = f"line {skip + 1}"
    if skip >= len(lines):
        raise BadRow(place, "no columns: the file is empty")
    delimiter = max(DELIMITERS, key=lines[skip].count)
    cells = _cells(lines, skip, delimiter)
    _, first = next(cells)
    names = tuple(name.strip() for name in first)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadRow(place, f"two columns are called {twice[0]}")
    return place, names, cells


def _cells(lines: Sequence[str], skip: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines[skip:], delimiter=delimiter, strict=True)
    width = 0
    try:
        for row in reader:
            if not row:
                continue
            width = width or len(row)
            if len(row) != width:
                raise BadRow(f"line {skip + reader.line_num}", f"{len(row)} cells where the table has {width} columns")
            yield skip + reader.line_num, row
    except csv.Error as error:
        raise BadRow(f"line {skip + reader.line_num}", str(error)) from None


def _header(place: str, names: tuple[str, ...], columns: Columns, kind: DatasetKind) -> _Header:
    absent = [name for name in (*columns.renamed, *columns.raters) if name not in names]
    if absent:
        raise BadRow(place, f"no column {absent[0]}; the file has {', '.join(names)}")
    raters = {number: rater for number, name in enumerate(names) if (rater := _rater(name, names, columns))}
    fields = {
        number: field
        for number, name in enumerate(names)
        if number not in raters and (field := columns.renamed.get(name, name)) in OUR_COLUMNS
    }
    _complete(place, names, set(fields.values()), bool(raters), kind)
    return _Header(names, raters, fields)


def _rater(name: str, names: Sequence[str], columns: Columns) -> str:
    """Whose grades a column holds; empty for one that holds none."""
    if name in columns.raters:
        return name
    prefix = next((each for each in PREFIXES if name.casefold().startswith(each)), "")
    if prefix:
        return name[len(prefix) :].strip()
    of_quepid = tuple(names[:2]) == QUEPID and not columns.renamed and not columns.raters
    return name if of_quepid and name not in (*OUR_COLUMNS, "") else ""


def _complete(place: str, names: Sequence[str], fields: set[str], rated: bool, kind: DatasetKind) -> None:
    said = f"the file has {', '.join(names)}"
    wanted = [("image_url", {"image_url", "path"})] if kind == "image" else []
    if kind == "relevance":
        wanted = [("query", {"query"}), ("listing_id", {*IDS, "listing"})]
    for name, any_of in wanted:
        if not fields & any_of:
            raise BadRow(place, f"no column {name}; {said}; name it with --column {name}=ITS-NAME")
    if not rated and not fields & {*GRADES, "ratings"}:
        raise BadRow(
            place,
            f"no column of grades; {said}; name the raters' columns with --raters, or the one of grades with "
            "--column grade=ITS-NAME",
        )


def _record(header: _Header, row: Sequence[str], place: str) -> Object:
    told: dict[str, object] = {field: row[number].strip() for number, field in header.fields.items()}
    ratings = {rater: cell for number, rater in header.raters.items() if (cell := row[number].strip())}
    found = _parsed({name: cell for name, cell in told.items() if cell}, place)
    return {**found, "ratings": ratings} if ratings else found


def _parsed(told: Mapping[str, object], place: str) -> dict[str, object]:
    """The cells that hold JSON as what they say; a single address of a picture may stand as it is."""
    return {name: _json(name, cell, place) if name in NESTED else cell for name, cell in told.items()}


def _json(name: str, cell: object, place: str) -> object:
    written = str(cell)
    if name == "image_urls" and not written.startswith("["):
        return [written]
    try:
        return strict_json.loads(written.encode())
    except strict_json.NotJsonError as error:
        raise BadRow(place, f"{name}: no JSON: {error}") from None
