"""`assay replay`: copy a part of the live topics, or files, under a run's name. Sub-commands are in `replay_runs`."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from cli.database import migrated
from cli.replay_files import KeyedFiles
from cli.times import time_of
from core.adapters.clock import SystemClock
from core.adapters.kafka_reader import TopicReader
from core.adapters.kafka_sink import KafkaSink
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.replays import ReplayRuns
from core.domain.labels import LIVE_RUN
from core.domain.replays import Asked, lock_of
from core.domain.timestamps import to_milliseconds
from core.errors import StopProcess, UsageError
from core.settings import Settings, kafka_servers, load_settings
from producers.replay import Tools
from producers.replay_copy import Outcome, told
from producers.replay_copy import replay as copy

app = typer.Typer(help="Backfill: copy a part of the live topics onto the replay topics under a run's name.")

NEVER_GIVE_UP = {"delivery.timeout.ms": 0}
"""A copy that librdkafka gave up would be missing before its successors: it tries on, and the command ends instead."""

Name = Annotated[str | None, typer.Option("--run", help="the run's name: letters, digits, . _ -")]
From = Annotated[str | None, typer.Option("--from", help="first time, such as 2026-03-02 or 2026-03-02T06:00Z")]
To = Annotated[str | None, typer.Option("--to", help="time at which it ends, itself not included")]
SearchLog = Annotated[str | None, typer.Option("--search-log", metavar="FILE", help="a JSON-lines file in their place")]
Listings = Annotated[str | None, typer.Option("--listings", metavar="FILE", help="as --search-log; .gz, - too")]
Rate = Annotated[int | None, typer.Option("--rate", min=1, help="records a second [ASSAY_STREAM_REPLAY_RATE]")]


@app.callback(invoke_without_command=True)
def replay(
    context: typer.Context,
    run: Name = None,
    start: From = None,
    end: To = None,
    search_log: SearchLog = None,
    listings: Listings = None,
    rate: Rate = None,
) -> None:
    """Copy what the live topics, or files, hold between two times (of the records themselves) under a run's name.

    Cut off and started again it goes on; finished and started again it does nothing."""
    if context.invoked_subcommand is not None:
        return
    asked = _asked(run, start, end, search_log, listings)
    settings = load_settings()
    done = asyncio.run(_replay(settings, asked, rate or settings.stream_replay_rate))
    for note in done.notes:
        sys.stderr.write(f"assay: {note}\n")
    sys.stdout.write(_said(asked, done) + "\n")


def _asked(run: str | None, start: str | None, end: str | None, search_log: str | None, listings: str | None) -> Asked:
    files = search_log is not None or listings is not None
    if run is None or ((start is None or end is None) and not files):
        raise UsageError(
            "replay takes --run NAME with --from TIME --to TIME or --search-log FILE, or promote, list, drop"
        )
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together")
    if search_log == listings == "-":
        raise UsageError("standard input is one file: - can't be both")
    times = [None if text is None else to_milliseconds(time_of(text)) for text in (start, end)]
    if times[0] is not None and times[1] is not None and times[0] >= times[1]:
        raise UsageError("--from is not before --to")
    return Asked(checked_run(run), times[0], times[1], search_log, listings)


async def _replay(settings: Settings, asked: Asked, rate: int) -> Outcome:
    servers, clock = kafka_servers(settings), SystemClock()
    sink = KafkaSink(servers, {**settings.kafka_options, **NEVER_GIVE_UP})
    async with migrated(settings) as pool, only_one(pool, asked.run):
        tools = Tools(
            TopicReader(servers, settings.kafka_options, settings.topic_prefix),
            KeyedFiles(asked.files()),
            sink,
            ReplayRuns(pool),
            clock,
            settings.topic_prefix,
            rate,
        )
        return await copy(tools, asked)


@asynccontextmanager
async def only_one(pool: Pool, run: str) -> AsyncIterator[None]:
    """StopProcess where another command copies or drops this run."""
    async with PostgresLeadership(pool).lead(lock_of(run)) as mine:
        if not mine:
            raise StopProcess(f"the run {run} is being copied by another command: nothing done")
        yield


def _said(asked: Asked, done: Outcome) -> str:
    if done.already:
        return f"{asked.run} is there already ({told(asked)}, {done.copied} records); nothing sent"
    return f"copied {done.copied} records as run {asked.run}"


def checked_run(name: str) -> str:
    """A run's name as CONTRACT 2 has it; UsageError."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) or name == LIVE_RUN:
        raise UsageError(f"{name!r} can't name a run: 1 to 100 letters, digits, . _ - and not {LIVE_RUN}")
    return name
