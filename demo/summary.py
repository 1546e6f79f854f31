"""What the demo found, on the terminal: figures, worst queries with an example, pictures, money, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from core.read_models import AlertView, Product, QueryFilter, QueryRow, QueryStory
from core.read_ports import Reads
from core.status_models import Spend, StatusReport
from demo.summary_pictures import picture_summary

WORST_QUERIES = 8
"""Rows of the query table: what fits a screen beside the rest."""

FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything the service reads (CONTRACT 2): all that was spent."""

DAYS = 28
"""Window of the summary: the demo's weeks."""


async def print_summary(reads: Reads, console: Console, sent: int) -> None:
    """Read it all back from the database, as any user of the service would."""
    status = await reads.status()
    found = await reads.queries(QueryFilter(days=DAYS))
    chosen = [row for row in found.rows if "friction" in row.reasons][:WORST_QUERIES]
    spend = await reads.spend_since(FIRST_TIME)
    console.print(_figures(status, spend, sent, sum(row.counters.sessions for row in found.rows)))
    console.print(_queries(chosen))
    if chosen and (story := await reads.query(chosen[0].application, chosen[0].market, chosen[0].query, DAYS)):
        console.print(_example(story))
    for each in await picture_summary(reads.pictures):
        console.print(each)
    console.print(_alerts(sorted(await reads.alerts(), key=lambda alert: alert.detected_at)))


def _figures(status: StatusReport, spend: Spend, sent: int, sessions: int) -> Panel:
    read = sum(stream.applied + 1 for stream in status.streams)
    dead = sum(row.count for row in status.dead_letters)
    done = {kind: sum(t.count for t in status.tasks if t.kind == kind and t.state == "done") for kind in _KINDS}
    failed = sum(t.count for t in status.tasks if t.state == "failed")
    lines = [
        f"{sent:,} records sent, {read:,} read, {dead:,} of them unusable (kept as dead letters)",
        f"{sessions:,} sessions in the panes of the queries that enough people typed",
        f"{done['relevance']:,} pairs graded, {done['image']:,} pictures scored,"
        f" {done['anchor']:,} anchors re-judged, {failed:,} tasks ended without a result (each with its reason)",
        f"LLM: {spend.calls:,} calls, {spend.input_tokens:,} tokens in"
        f" ({spend.cached_tokens:,} cached), {spend.output_tokens:,} out,"
        f" {spend.usd:.4f} USD; the cap is {spend.budget_usd:.2f} a day",
    ]
    return Panel(Text("\n".join(lines)), title="What was done", title_align="left")


_KINDS = ("relevance", "image", "anchor")


def _queries(rows: Sequence[QueryRow]) -> Table:
    table = Table(title="Queries that shoppers struggle with, chosen by friction", title_justify="left")
    for column in ("query", "market", "searches", "rephrased", "left", "surely above usual", "mean grade (0 to 2)"):
        table.add_column(column)
    for row in rows:
        counters = row.counters
        table.add_row(
            row.query,
            row.market,
            str(counters.searches),
            f"{counters.reformulated / max(1, counters.searches):.0%}",
            f"{counters.exits / max(1, counters.searches):.0%}",
            f"+{row.excess:.0%} (usual {row.baseline:.0%})",
            "not judged" if row.mean_grade is None else f"{row.mean_grade:.2f}",
        )
    return table


def _example(story: QueryStory) -> Panel:
    """One query: the guideline, and the first graded results with their reasons."""
    guideline = story.guidelines[0] if story.guidelines else None
    wants = "; ".join(f"{r.requirement} ({r.importance})" for r in guideline.requirements) if guideline else "none yet"
    products = [p for engine in story.engines for p in engine.products if p.labels][:4]
    lines = [Text(f"asks for: {wants}"), *(_graded(product) for product in products)]
    return Panel(Group(*lines), title=f"{story.query!r} in {story.market}", title_align="left")


def _graded(product: Product) -> Text:
    label = product.labels[0]
    return Text(f"{label.label.replace('_', ' ')}: {product.title} - {label.reasoning}")


def _alerts(alerts: Sequence[AlertView]) -> Table:
    table = Table(title="Drift alerts" if alerts else "Drift alerts: none", title_justify="left")
    for column in ("day", "cause", "where", "metric", "before", "after", "status"):
        table.add_column(column)
    for alert in alerts:
        told = (str(alert.segment.get(name, "all")) for name in ("market", "engine"))
        where = ", ".join(value for value in told if value != "all") or "everywhere"
        table.add_row(
            f"{alert.detected_at:%Y-%m-%d}",
            alert.cause,
            where,
            alert.metric,
            f"{alert.before:.3f}",
            f"{alert.after:.3f}",
            alert.status,
        )
    return table
