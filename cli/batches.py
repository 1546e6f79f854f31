"""`assay batches`: what is collected and ordered at the provider, and how to cancel it."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated
from uuid import UUID

import msgspec
import typer
from rich.table import Table

from cli.database import migrated
from cli.tables import moment, print_tables, table
from core.adapters.clock import SystemClock
from core.adapters.llm_batch_store import PostgresBatches
from core.adapters.reads import PostgresReads
from core.batch_facts import BatchReport
from core.errors import UsageError
from core.settings import Settings, load_settings

app = typer.Typer(help="Batches at the provider: list, cancel.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of tables")]


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """Show what waits for a batch, the open batches and the newest, and what they saved."""
    report = asyncio.run(_report(load_settings()))
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    print_tables(*tables(report))


@app.command("cancel")
def cancel(
    batch: Annotated[
        list[str] | None, typer.Argument(help="ids of batches, as `assay batches list` shows them")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="every batch that has not ended")] = False,
) -> None:
    """Cancel open batches: what is answered by then is kept and billed, the rest is asked the usual way."""
    if every == bool(batch):
        raise UsageError("name the batches, or say --all")
    asked = asyncio.run(_cancel(load_settings(), None if every else [_id(text) for text in batch or []]))
    sys.stdout.write(f"{asked} to be cancelled; the process batches tells the provider at its next look\n")


def tables(report: BatchReport) -> list[Table]:
    """How the lane stands, batches, savings."""
    counts = report.counts
    stand = (counts.collected, moment(report.oldest), counts.ordered, counts.open, counts.late)
    saved = [
        (s.lane, s.model, s.batches, s.answered, s.unanswered, f"{s.cost_usd:.4f}", f"{s.live_usd:.4f}")
        for s in report.savings
    ]
    return [
        table("Batch lane", ("collected", "since", "ordered", "open batches", "past the deadline"), [stand]),
        _batches(report),
        table(
            f"Last {report.days} days",
            ("lane", "model", "batches", "answered", "asked live", "USD", "USD at the live price"),
            saved,
        ),
    ]


def _batches(report: BatchReport) -> Table:
    columns = ("id", "lane", "model", "state", "calls", "done", "asked live", "made", "deadline", "ended", "USD", "why")
    return table(
        "Batches",
        columns,
        [
            (
                b.batch_id,
                b.lane,
                b.model,
                b.provider_status or b.state,
                b.requests,
                b.answered + b.failed if b.state == "ended" else b.provider_done,
                b.unanswered,
                moment(b.created_at),
                moment(b.deadline_at),
                moment(b.ended_at),
                f"{b.cost_usd:.4f}",
                b.error or ("to be cancelled" if b.cancel_asked_at and b.state != "ended" else ""),
            )
            for b in report.batches
        ],
    )


async def _report(settings: Settings) -> BatchReport:
    async with migrated(settings) as pool:
        return await PostgresReads(pool, SystemClock(), settings.llm_budget_usd_per_day).batches()


async def _cancel(settings: Settings, wanted: list[UUID] | None) -> int:
    """How many; all that are open where none is named. UsageError for one that is not open."""
    async with migrated(settings) as pool:
        store = PostgresBatches(pool)
        open_ids = [batch.batch_id for batch in await store.open_batches()]
        unknown = [str(each) for each in wanted or [] if each not in open_ids]
        if unknown:
            raise UsageError(f"no open batch: {', '.join(unknown)}")
        return await store.ask_cancel(open_ids if wanted is None else wanted, SystemClock().now())


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text!r} is no batch's id") from None
