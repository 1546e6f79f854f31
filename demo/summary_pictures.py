"""What the demo found about pictures, on the terminal: best and worst, buyers, the student, alerts about scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from core.picture_models import PictureFilter, PictureView
from core.picture_reads import PictureReads
from core.picture_watch_models import (
    BuyerAgreement,
    BuyerFilter,
    PictureAlertView,
    StudentDay,
    StudentReport,
    StudentView,
)

PICTURES = 3
"""Best and worst pictures shown."""

ALL_DAYS = 10_000
"""Window of the scores: whatever was scored, also of a log of years ago."""

WATCHED_DAYS = 60
"""Window of what watches saw: the longest demo."""

MEANS = {
    "buyers": "scores tell less of what buyers click than before",
    "student": "student and judge agree less than before: one of the two has changed its ways",
    "flags": "more pictures carry a flag than before",
}
"""What an alert says, by its kind."""


class Agreed(NamedTuple):
    """How student and judge agreed on so many pictures; bias: student minus judge, in points."""

    pictures: int
    within_one: float
    bias: float


async def picture_summary(reads: PictureReads) -> Iterator[RenderableType]:
    """Tables and lines, in the order they are shown."""
    found = await reads.report(PictureFilter(days=ALL_DAYS, tier="llm"))
    buyers = await reads.buyers(BuyerFilter(days=WATCHED_DAYS, action="click"))
    students = await reads.students(WATCHED_DAYS, "")
    return iter(
        (
            _pictures("Best pictures, by the judge", found.best[:PICTURES]),
            _pictures("Worst pictures, by the judge", found.worst[:PICTURES]),
            _buyers(newest(buyers.rows)),
            _student(students),
            _alerts(await reads.alerts()),
        )
    )


def newest(rows: Sequence[BuyerAgreement]) -> list[BuyerAgreement]:
    """Those of the newest day that have a listing at all, by market."""
    last = max((row.day for row in rows), default=None)
    return sorted((row for row in rows if row.day == last and row.listings), key=lambda row: (row.market, row.tier))


def agreed(days: Sequence[StudentDay], version: str) -> Agreed | None:
    """On all days together, of all pictures that the judge looked at after this student; None without any."""
    of_it = [day for day in days if day.version == version]
    pictures = sum(day.pictures for day in of_it)
    if not pictures:
        return None
    bias = sum(day.mean_bias * day.pictures for day in of_it)
    return Agreed(pictures, sum(day.within_one for day in of_it) / pictures, bias / pictures)


def _pictures(title: str, pictures: Sequence[PictureView]) -> Table:
    table = _table(title, ("score", "listing", "why"))
    for picture in pictures:
        table.add_row(str(picture.score), picture.title or picture.listing_id, picture.reasoning)
    return table


def _buyers(rows: Sequence[BuyerAgreement]) -> Table:
    """The week that ends with the newest day; clicks, corrected for the places that listings were shown in."""
    title = f"Do buyers do what picture scores say? Clicks of the week to {rows[0].day}" if rows else "Buyers: not read"
    table = _table(title, ("market", "tier", "listings", "rank correlation", "clicks per point of score"))
    for row in rows:
        correlation = (
            f"{row.correlation:+.2f} ({row.low:+.2f} to {row.high:+.2f})"
            if row.correlation is not None
            else f"too few: {row.note}"
        )
        lift = (
            f"{row.lift_per_point:+.1%} ({row.lift_low:+.1%} to {row.lift_high:+.1%})"
            if row.lift_per_point is not None
            else "-"
        )
        table.add_row(row.market, row.tier, str(row.listings), correlation, lift)
    return table


def _student(found: StudentReport) -> Panel:
    live = found.live
    text = "none was trained: the judge scores every picture" if live is None else student_told(live, found.agreement)
    return Panel(Text(text), title="The student", title_align="left")


def student_told(live: StudentView, days: Sequence[StudentDay]) -> str:
    """How the live student does: on held-back pictures, and on those that the judge looked at after it."""
    rank = "" if live.rank_correlation is None else f", rank correlation {live.rank_correlation:.2f}"
    told = f"{live.version}: {live.pictures} pictures with labels, {live.held_back} of other sellers held back{rank}"
    since = agreed(days, live.version)
    if since is None:
        return f"{told}; the judge has looked at none of its pictures yet"
    return (
        f"{told}; of {since.pictures} that the judge looked at later"
        f" {since.within_one:.0%} are within a point of it, {since.bias:+.1f} on average"
    )


def _alerts(alerts: Sequence[PictureAlertView]) -> Table:
    table = _table(
        "Alerts about picture scores" + ("" if alerts else ": none"),
        ("day", "where", "before", "after", "what it says"),
    )
    for alert in sorted(alerts, key=lambda alert: alert.detected_at):
        where = ", ".join(str(value) for value in alert.segment.values())
        said = f"{alert.metric}: {MEANS.get(alert.kind, alert.kind)}"
        table.add_row(f"{alert.detected_at:%Y-%m-%d}", where, f"{alert.before:.3f}", f"{alert.after:.3f}", said)
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    return table
