"""`assay replay`: copy a part of the live topics under a run's name; `assay replay promote`: let its panes stand."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.database import migrated
from core.adapters.clock import SystemClock
from core.adapters.kafka_reader import TopicReader
from core.adapters.kafka_sink import KafkaSink
from core.adapters.replays import Promotion, ReplayRuns
from core.domain.labels import LIVE_RUN
from core.domain.timestamps import to_milliseconds
from core.errors import StopProcess, UsageError
from core.settings import Settings, kafka_servers, load_settings
from producers import replay as producer

app = typer.Typer(help="Backfill: copy a part of the live topics onto the replay topics under a run's name.")

Name = Annotated[str | None, typer.Option("--run", help="the run's name: letters, digits, . _ -")]
From = Annotated[str | None, typer.Option("--from", help="first time, such as 2026-03-02 or 2026-03-02T06:00Z")]
To = Annotated[str | None, typer.Option("--to", help="time at which it ends, itself not included")]


@app.callback(invoke_without_command=True)
def replay(context: typer.Context, run: Name = None, start: From = None, end: To = None) -> None:
    """Copy what the live topics hold between two times (of the records themselves) under a run's name."""
    if context.invoked_subcommand is not None:
        return
    if run is None or start is None or end is None:
        raise UsageError("replay takes --run NAME --from TIME --to TIME, or promote NAME")
    sys.stdout.write(asyncio.run(_replay(load_settings(), checked_run(run), _time(start), _time(end))) + "\n")


@app.command("promote")
def promote(
    run: str, dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False
) -> None:
    """Put a run's panes in place of the live ones in the hours it covers, in one transaction."""
    done = asyncio.run(_promote(load_settings(), checked_run(run), dry=dry_run))
    would = "would replace" if dry_run else "replaced"
    sys.stdout.write(f"{run}: {would} {done.removed} live panes by {done.added} in {done.hours} hours\n")


async def _replay(settings: Settings, run: str, start: datetime, end: datetime) -> str:
    if start >= end:
        raise UsageError("--from is not before --to")
    servers, clock = kafka_servers(settings), SystemClock()
    sink = KafkaSink(servers, settings.kafka_options)
    async with _runs(settings) as runs:
        # Before the name is taken: a broker that is away would leave it begun, and a name is begun only once.
        await sink.ensure_topics([settings.topic_prefix + target for _, target in producer.TOPICS])
        known = await runs.begin(run, start, end, clock.now())
        if known is not None and known.finished_at is None:
            raise StopProcess(
                f"the run {run} was begun and not finished; its records would count twice: take another name"
            )
        if known is not None:
            return f"{run} is there already ({known.from_at.isoformat()} to {known.to_at.isoformat()}); nothing sent"
        reader = TopicReader(servers, settings.kafka_options, settings.topic_prefix)
        times = to_milliseconds(start), to_milliseconds(end)
        copied = await producer.replay(reader, sink, settings.topic_prefix, run, *times)
        await runs.finish(run, copied, clock.now())
    return f"copied {copied} records as run {run}"


async def _promote(settings: Settings, run: str, *, dry: bool) -> Promotion:
    async with _runs(settings) as runs:
        done = await runs.promote(run, SystemClock().now(), dry=dry)
    if not done.added:
        raise UsageError(f"the run {run} has no panes; has `assay run replay` read it?")
    return done


@asynccontextmanager
async def _runs(settings: Settings) -> AsyncIterator[ReplayRuns]:
    async with migrated(settings) as pool:
        yield ReplayRuns(pool)


def checked_run(name: str) -> str:
    """A run's name as CONTRACT 2 has it; UsageError."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) or name == LIVE_RUN:
        raise UsageError(f"{name!r} can't name a run: 1 to 100 letters, digits, . _ - and not {LIVE_RUN}")
    return name


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; it takes one such as 2026-03-02T06:00Z") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
