"""`assay replay promote | list | drop`: what becomes of a run that was copied."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli.database import migrated
from cli.replay import app, checked_run, only_one
from cli.tables import print_tables, table
from cli.times import time_of
from core.adapters.clock import SystemClock
from core.adapters.promotions import Promotion, Promotions
from core.adapters.replay_states import Dropped, ReplayStates, RunState
from core.domain.events import SEARCH_LOG
from core.domain.replays import Hours, ceil_hour, floor_hour
from core.domain.timestamps import to_milliseconds
from core.errors import UsageError
from core.settings import Settings, load_settings

__all__ = ["app"]

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of tables")]
Start = Annotated[str | None, typer.Option("--from", help="only hours from this time on")]
End = Annotated[str | None, typer.Option("--to", help="only hours before this time")]


@app.command("promote")
def promote(
    run: str,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
    start: Start = None,
    end: End = None,
    as_json: AsJson = False,
) -> None:
    """Put a run's panes in place of the live ones in the hours it covers, in one transaction."""
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together")
    within = None if start is None or end is None else whole_hours(start, end)
    done = asyncio.run(_promote(load_settings(), checked_run(run), within, dry=dry_run))
    for note in done.notes:
        sys.stderr.write(f"assay: {note}\n")
    if as_json:
        sys.stdout.write(msgspec.json.encode({**msgspec.to_builtins(done), "dry_run": dry_run}).decode() + "\n")
        return
    sys.stdout.write(said(done, dry=dry_run) + "\n")
    if done.queries:
        print_tables(_queries(done))


@app.command("list")
def runs(as_json: AsJson = False) -> None:
    """Show all runs: what was copied, and how far each is."""
    found = asyncio.run(_list(load_settings()))
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        print_tables(_table(found))


@app.command("drop")
def drop(run: str) -> None:
    """Delete a run's panes and result lists. Live panes stay as they are, and its name stays used."""
    done = asyncio.run(_drop(load_settings(), checked_run(run)))
    if done.unread is not None:
        told = done.unread.told
        sys.stderr.write(f"assay: not all of it is read ({told}): what is read from now on makes panes again\n")
    sys.stdout.write(f"{run}: dropped {done.panes} panes and {done.result_lists} result lists\n")


async def _promote(settings: Settings, run: str, within: Hours | None, *, dry: bool) -> Promotion:
    async with migrated(settings) as pool:
        promotions = Promotions(pool, settings.topic_prefix + SEARCH_LOG)
        return await promotions.promote(run, within, SystemClock().now(), dry=dry)


async def _list(settings: Settings) -> list[RunState]:
    async with migrated(settings) as pool:
        return await ReplayStates(pool).all()


async def _drop(settings: Settings, run: str) -> Dropped:
    async with migrated(settings) as pool, only_one(pool, run):
        done = await ReplayStates(pool).drop(run, SystemClock().now())
    if done is None:
        raise UsageError(f"there is no run {run}; `assay replay list` shows those there are")
    return done


def whole_hours(start: str, end: str) -> Hours:
    """The hours that lie wholly between two times; UsageError when there is none."""
    hours = Hours(ceil_hour(to_milliseconds(time_of(start))), floor_hour(to_milliseconds(time_of(end))))
    if hours.start >= hours.end:
        raise UsageError("there is no whole hour between --from and --to")
    return hours


def said(done: Promotion, *, dry: bool) -> str:
    """What a promotion did, or would do, in a few lines."""
    if done.already:
        return f"{done.run} is promoted already; nothing changed"
    live, own = done.removed + done.changed + done.unchanged, done.added + done.changed + done.unchanged
    would = "would replace" if dry else "replaced"
    covered = (
        f", {done.covers_from:%Y-%m-%dT%H:%MZ} to {done.covers_to:%Y-%m-%dT%H:%MZ}"
        if done.covers_from is not None and done.covers_to is not None
        else ""
    )
    return (
        f"{done.run}: {would} {live} live panes by {own} in {done.hours} hours{covered}\n"
        f"{done.removed} removed, {done.added} added, {done.changed} changed, {done.unchanged} unchanged; "
        f"searches {done.searches_before} -> {done.searches_after}"
    )


def _queries(done: Promotion) -> Table:
    columns = ("application", "market", "query", "searches before", "after", "all counters")
    rows = [(q.application, q.market, q.query, q.searches_before, q.searches_after, q.change) for q in done.queries]
    return table("Queries that change most", columns, rows)


def _table(found: list[RunState]) -> Table:
    columns = ("run", "state", "copied from", "from", "to", "records", "missing", "unread")
    return table("Replays", columns, [_row(run) for run in found])


def _row(run: RunState) -> tuple[object, ...]:
    times = [f"{time:%Y-%m-%d %H:%M}" if time is not None else "" for time in (run.from_at, run.to_at)]
    return run.run, run.state, run.source, *times, run.records, run.missing, run.unread
