"""Tables on a terminal, of values that strangers may have sent: nothing in them is obeyed."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns of a table that goes to a file or a pipe, which have no width: a topic's name and an owner fit."""

FRAME = 3
"""Columns of the terminal that a column's border and padding take; one more closes the table."""


def print_tables(*tables: Table) -> None:
    """Print tables as wide as the terminal is; one that words would have to be broken for goes row by row, an empty
    one as `none`."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    for each in tables:
        if each.row_count and fitted(each, console.width):
            console.print(each)
        else:
            console.print(Text(row_by_row(each, console.width)), soft_wrap=True)


def fitted(made: Table, width: int) -> bool:
    """Whether every column gets its longest word; what is left over goes to the columns that need least."""
    longest = [max(map(cell_len, " ".join(cells).split()), default=0) for cells in _cells(made)]
    spare = width - 1 - sum(FRAME + each for each in longest)
    if spare < 0:
        return False
    needs = [max(map(cell_len, cells)) - least for cells, least in zip(_cells(made), longest, strict=True)]
    for left, place in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        more = min(needs[place], spare // (len(needs) - left))
        made.columns[place].width = longest[place] + more
        spare -= more
    return True


def row_by_row(made: Table, width: int) -> str:
    """The same values, those of a row one after the other behind their column's name; empty ones are left out."""
    names, *rows = zip(*_cells(made), strict=True)
    told = [
        ", ".join(f"{name} {value}".strip() for name, value in zip(names, row, strict=True) if value) for row in rows
    ]
    kept = textwrap.TextWrapper(
        width, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([str(made.title), *map(kept.fill, told or ["none"])])


def _cells(made: Table) -> list[list[str]]:
    """By column: its name, then its values."""
    return [[str(column.header), *map(str, column.cells)] for column in made.columns]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A titled table; what does not fit goes on in the next line and is never cut."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(str(value))) for value in row))
    return made


def printable(text: str) -> str:
    """Without what would steer the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second; empty for none."""
    return "" if value is None else value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")[:19]


def seconds(value: float | None) -> str:
    """A whole number of seconds; empty where it is not known."""
    return "" if value is None else f"{value:.0f}"


def write_json(value: object) -> None:
    """One line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def say(*texts: str) -> None:
    """Lines without what would steer a terminal: prompts and reasons come from anybody."""
    lines = [line for text in texts for line in text.split("\n")]
    sys.stdout.write("".join(printable(line) + "\n" for line in lines))
