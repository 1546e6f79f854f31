"""`assay retention`: let go what is older than it is kept, now and by hand; `--dry-run` says what that would be."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cli.database import migrated
from cli.tables import print_tables, table
from consumers.retention import Due, RetentionLook, judged_days, keeps_of
from core.adapters.clock import SystemClock
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.retention import PostgresRetention
from core.errors import StopProcess
from core.settings import Settings, load_settings
from core.telemetry import Metrics

MEGABYTE = 1_000_000


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list what would go")] = False,
) -> None:
    """Drop the days of panes, dead letters and LLM calls that are past their retention, or list them."""
    due = asyncio.run(_run(load_settings(), dry_run=dry_run))
    print_tables(listed(due, "Past their retention" if dry_run else "Not gone: being read, or just written to"))
    if not dry_run and any(row.days for row in due):
        sys.stdout.write("the process retention tries these again every five minutes\n")


async def _run(settings: Settings, *, dry_run: bool) -> list[Due]:
    async with migrated(settings) as pool:
        look = _look(settings, pool)
        if not dry_run:
            sys.stdout.write(f"{await _all(look, pool)} days made or gone, and rows deleted, together\n")
        return await look.due()


async def _all(look: RetentionLook, pool: Pool) -> int:
    """Looks until one finds nothing to do."""
    total = 0
    async with PostgresLeadership(pool).lead("retention") as leads:
        if not leads:
            raise StopProcess("a process retention is at it this very moment; try again")
        while done := await look.take():
            total += done
    return total


def _look(settings: Settings, pool: Pool) -> RetentionLook:
    return RetentionLook(PostgresRetention(pool), SystemClock(), keeps_of(settings), judged_days(settings), Metrics())


def listed(due: Sequence[Due], title: str) -> Table:
    """A line a day; replaced labels and scores a line a table."""
    return table(title, ("table", "day", "rows, about", "MB"), [line for row in due for line in _lines(row)])


def _lines(row: Due) -> list[tuple[object, ...]]:
    days: list[tuple[object, ...]] = [(row.table, day.day, day.rows, _size(day.size_bytes)) for day in row.days]
    return [*days, (row.table, "replaced since", row.replaced, "")] if row.replaced else days


def _size(bytes_: int | None) -> str:
    return "in the rest" if bytes_ is None else f"{bytes_ / MEGABYTE:.1f}"
