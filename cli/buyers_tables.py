"""Tables of `assay image-score buyers`, with plots in their cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from cli.tables import moment, table
from core.buyer_ports import AgreementRow, BuyerDay
from core.domain.images.buyers.exposures import Market
from core.domain.images.buyers.propensities import ASSUMED, Curve

WEEK = 7
PLOT_WIDTH = 41
"""Characters of a plot: odd, so that 0 has one of its own in the middle."""
SHOWN_PLACES = 20
"""Places of a curve that are shown: a page."""


def agreement_table(rows: Sequence[AgreementRow]) -> Table:
    """The newest day's figures, of the week that ends with it."""
    newest = max((row.day for row in rows), default=None)
    kept = [row for row in rows if row.day == newest and row.days == WEEK and not row.category]
    columns = ("market", "tier", "score", "action", "listings", "rank correlation", "tau-b", "per point", "note")
    cells = [
        (_market(row), row.tier, row.measure, row.action, row.listings, *_figures(row), row.note or row.method)
        for row in kept
    ]
    return table(f"Agreement with buyers, 7 days to {newest}" if newest else "Agreement with buyers", columns, cells)


def categories_table(rows: Sequence[AgreementRow]) -> Table:
    """Clicks by category, of the same week."""
    newest = max((row.day for row in rows), default=None)
    kept = [row for row in rows if row.day == newest and row.category]
    columns = ("market", "category", "tier", "listings", "rank correlation", "tau-b", "per point", "note")
    cells = [(_market(row), row.category, row.tier, row.listings, *_figures(row), row.note) for row in kept]
    return table("By category, clicks", columns, cells)


def series_tables(rows: Sequence[AgreementRow]) -> Iterator[Table]:
    """Clicks over time, a table for days and one for the weeks that end with them: the main picture's score."""
    for days, title in ((1, "By day"), (WEEK, "By 7 days")):
        kept = [row for row in rows if (row.days, row.category, row.measure, row.action) == (days, "", "main", "click")]
        kept.sort(key=lambda row: (row.application, row.market, row.tier, row.day))
        cells = [(_market(row), row.tier, row.day, *_figures(row), plot(row)) for row in kept]
        columns = ("market", "tier", "until", "rank correlation", "tau-b", "per point", "-1 to 1, o with its interval")
        yield table(f"{title}, clicks, main picture", columns, cells)


def plot(row: AgreementRow) -> str:
    """The correlation with its interval on a line from -1 to 1; empty where there is none."""
    if row.correlation is None or row.low is None or row.high is None:
        return ""
    low, at, high = (round((each + 1) / 2 * (PLOT_WIDTH - 1)) for each in (row.low, row.correlation, row.high))
    line = ["|" if place == PLOT_WIDTH // 2 else " " for place in range(PLOT_WIDTH)]
    line[low : high + 1] = "-" * (high + 1 - low)
    line[at] = "o"
    return "".join(line).rstrip()


def curve_table(market: Market, curve: Curve) -> Table:
    """How much places are looked at."""
    note = "assumed: too few listings moved" if curve.method == ASSUMED else "from listings that moved"
    rows = [
        (place, f"{looked:.3f}", clicks, "#" * round(looked * PLOT_WIDTH))
        for place, (looked, clicks) in enumerate(zip(curve.propensity, curve.clicks, strict=True), 1)
    ]
    return table(f"Places in {'/'.join(market)}, {note}", ("place", "looked at", "clicks", ""), rows[:SHOWN_PLACES])


def days_table(days: Sequence[BuyerDay]) -> Table:
    """What was read."""
    columns = ("day", "read at", "searches", "impressions", "automated", "unmatched", "note")
    rows = [
        (
            each.day,
            moment(each.read_at),
            each.searches,
            each.impressions,
            each.automated,
            each.unmatched,
            "; ".join(filter(None, ("" if each.is_whole else "a half day", each.note))),
        )
        for each in days
    ]
    return table("Days read from the search log", columns, rows)


def _market(row: AgreementRow) -> str:
    return f"{row.application}/{row.market}"


def _figures(row: AgreementRow) -> tuple[str, str, str]:
    """Correlation and lift with their intervals, tau-b between."""
    return (
        "" if row.correlation is None else f"{row.correlation:+.2f} ({row.low:+.2f} to {row.high:+.2f})",
        "" if row.kendall is None else f"{row.kendall:+.2f}",
        ""
        if row.lift_per_point is None
        else f"{row.lift_per_point:+.1%} ({row.lift_low:+.1%} to {row.lift_high:+.1%})",
    )
