"""Tables on a terminal, of values that strangers may have sent: nothing in them is obeyed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns of a table that goes to a file or a pipe, which have no width: a topic's name and an owner fit."""


def print_tables(*tables: Table) -> None:
    """Print tables as wide as the terminal is; one that words would have to be broken for goes row by row."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    for each in tables:
        if Measurement.get(console, console.options, each).minimum <= console.width:
            console.print(each)
        else:
            console.print(row_by_row(each), soft_wrap=False, highlight=False)


def row_by_row(wide: Table) -> Text:
    """The same values, those of a row one after the other behind their column's name; empty ones are left out."""
    names = [str(column.header) for column in wide.columns]
    told = Text(str(wide.title), style="bold")
    for row in zip(*(column.cells for column in wide.columns), strict=True):
        pairs = [f"{name} {value}".strip() for name, value in zip(names, row, strict=True) if str(value)]
        told.append(f"\n- {', '.join(pairs)}", style="none")
    return told if wide.row_count else told.append("\n- none", style="none")


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
