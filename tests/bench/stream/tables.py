"""Tables in the form that docs/benchmarks.md shows them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Columns and rows of text; `note` is a sentence above it."""

    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(table: Table) -> None:
    """Print it as Markdown."""
    print(f"\n{table.note}\n")
    print("| " + " | ".join(table.columns) + " |")
    print("|---" * len(table.columns) + "|")
    for row in table.rows:
        print("| " + " | ".join(row) + " |", flush=True)


def say(text: str) -> None:
    """A word on how far it is."""
    print(f"  .. {text}", flush=True)
