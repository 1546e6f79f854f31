"""`assay status`: lag, tasks by state, spend of the day, dead letters."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from core.adapters.clock import SystemClock
from core.adapters.postgres import open_pool
from core.adapters.reads import PostgresReads
from core.read_ports import StatusReport
from core.settings import Settings, load_settings, postgres_dsn


def status(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables")] = False) -> None:
    """Show lag, tasks by state, spend of the day and dead letters."""
    report = asyncio.run(read_status(load_settings()))
    if as_json:
        sys.stdout.write(msgspec.json.encode(as_plain(report)).decode() + "\n")
    else:
        for table in tables(report):
            Console().print(table)


async def read_status(settings: Settings) -> StatusReport:
    """The service's state as the database has it."""
    pool = await open_pool(postgres_dsn(settings), settings.postgres_pool_size)
    try:
        return await PostgresReads(pool, SystemClock(), settings.llm_budget_usd_per_day).status()
    finally:
        await pool.close()


def as_plain(report: StatusReport) -> dict[str, object]:
    """The report as JSON values; each stream position with its lag."""
    plain: dict[str, object] = msgspec.to_builtins(report)
    plain["streams"] = [{**msgspec.to_builtins(s), "lag": s.lag} for s in report.streams]
    return plain


def tables(report: StatusReport) -> list[Table]:
    """One table a subject."""
    spend = report.spend
    return [
        _table(
            "Streams",
            ("topic", "partition", "applied", "lag", "watermark", "open sessions"),
            [(s.topic, s.partition, s.applied, s.lag, _time(s.watermark), s.open_sessions) for s in report.streams],
        ),
        _table(
            "Tasks",
            ("kind", "lane", "state", "reason", "count"),
            [(t.kind, t.lane, t.state, t.reason, t.count) for t in report.tasks],
        ),
        _table(
            "LLM today (UTC)",
            ("spent USD", "reserved USD", "budget USD", "calls", "failed", "tokens in", "cached", "tokens out"),
            [
                (
                    f"{spend.usd:.4f}",
                    f"{spend.reserved_usd:.4f}",
                    f"{spend.budget_usd:.2f}",
                    spend.calls,
                    spend.failed,
                    spend.input_tokens,
                    spend.cached_tokens,
                    spend.output_tokens,
                )
            ],
        ),
        _table(
            "Dead letters", ("topic", "reason", "count"), [(d.topic, d.reason, d.count) for d in report.dead_letters]
        ),
        _table("Outbox", ("waiting",), [(report.outbox_waiting,)]),
    ]


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(str, row))
    return table


def _time(value: object) -> str:
    return "" if value is None else str(value)[:19]
