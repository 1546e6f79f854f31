"""Which format a file has, and its rows: JSON lines, CSV, a book of Quepid, TREC qrels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.domain.evaluation.csv_files import Columns, products_of_table, rows_of_table
from core.domain.evaluation.heads import Head, head_of_lines, head_of_table
from core.domain.evaluation.line_files import products_of_lines, rows_of_lines
from core.domain.evaluation.quepid import rows_of_book
from core.domain.evaluation.rows import BadRow, Row, Usual
from core.domain.evaluation.trec import queries_of, rows_of_qrels
from core.domain.fields import Object

Format = Literal["jsonl", "csv", "quepid", "trec"]

ENDINGS: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "quepid",
    ".qrels": "trec",
    ".trec": "trec",
    ".txt": "trec",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the file of grades: products and queries by id, and what its columns are called."""

    products: Mapping[str, Object] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    columns: Columns = field(default_factory=lambda: Columns({}, ()))


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file holds, and what of it was left out."""

    rows: list[Row]
    notices: list[str]


def format_of(name: str) -> Format | None:
    """By the ending of a file's name, `.gz` and `.zip` aside; None where it tells nothing."""
    plain = name.casefold().removesuffix(".gz").removesuffix(".zip")
    return next((found for ending, found in ENDINGS.items() if plain.endswith(ending)), None)


def head_of(file_format: Format, lines: Sequence[bytes]) -> Head:
    """What the file says of itself. BadRow."""
    if file_format == "jsonl":
        return head_of_lines(lines)
    return Head() if file_format == "quepid" else head_of_table(decoded(lines))


def rows_of(file_format: Format, lines: Sequence[bytes], head: Head, usual: Usual, beside: Beside) -> Rows:
    """Every row. BadRow names the first that can't be used."""
    if file_format == "jsonl":
        return Rows(rows_of_lines(lines, head.lines, usual, beside.products), [])
    if file_format == "quepid":
        book = rows_of_book(b"".join(lines), usual, beside.products)
        return Rows(book.rows, book.notices)
    if file_format == "trec":
        return Rows(rows_of_qrels(decoded(lines), head.lines, usual, beside.queries, beside.products), [])
    table = rows_of_table(decoded(lines), head.lines, usual, beside.columns, beside.products)
    return Rows(table.rows, table.notices)


def products_in(lines: Sequence[bytes]) -> dict[str, Object]:
    """Records of products by id: JSON lines, or a table with named columns. BadRow."""
    first = next((line for line in lines if line.strip()), b"")
    return products_of_lines(lines) if first.lstrip().startswith(b"{") else products_of_table(decoded(lines))


def queries_in(lines: Sequence[bytes]) -> dict[str, str]:
    """Texts of queries by id. BadRow."""
    return queries_of(decoded(lines))


def decoded(lines: Sequence[bytes]) -> list[str]:
    """The lines as text, the byte order mark of spreadsheets aside. BadRow for one that is not UTF-8."""
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise BadRow(f"line {number}", f"not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    return found
