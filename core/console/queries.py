"""Pages about queries: the list by what is to gain, and the story of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import get_args

from aiohttp import web
from markupsafe import Markup

from core.console import params
from core.console.plots import Column, Point, histogram, line_chart, sparkline
from core.console.site import SITE, page
from core.console.text import compact, percent
from core.domain.friction import wilson_lower
from core.domain.normalise import normalised_query
from core.read_models import Counters, DayCounters, QueryFilter, QuerySort, QueryStory, Window

WINDOWS = (7, 14, 28)
"""Days to choose from: one, two and four whole weeks, so that every weekday counts alike."""

SESSIONS = (20, 1, 100)
"""Least sessions to choose from; 20 first: rarer queries carry personal data and are never chosen."""

SORTS: tuple[QuerySort, ...] = get_args(QuerySort)

SIGNALS: Mapping[str, Callable[[Counters], int]] = {
    "Reformulated": lambda counters: counters.reformulated,
    "Left": lambda counters: counters.exits,
    "No result": lambda counters: counters.zero_results,
}
"""The bad signals and what they count, each a share of searches."""


async def listed(request: web.Request) -> web.Response:
    """Queries by friction, or by any other column."""
    wanted = QueryFilter(
        application=params.text(request, "application"),
        market=params.text(request, "market"),
        text=normalised_query(params.text(request, "q")),
        days=params.choice(request, "days", WINDOWS, 14),
        min_sessions=params.choice(request, "sessions", SESSIONS, SESSIONS[0]),
        sort=_sort(request),
    )
    found = await request.app[SITE].reads.queries(wanted)
    trends = [] if found.window is None else [_trend(row.days, found.window) for row in found.rows]
    return page(
        request,
        "queries.html",
        found=found,
        rows=list(zip(found.rows, trends, strict=True)),
        wanted=wanted,
        windows=WINDOWS,
        least_sessions=SESSIONS,
    )


async def one(request: web.Request) -> web.Response:
    """One query: signals, results, labels, guideline."""
    application, market = params.text(request, "application") or "default", params.text(request, "market") or "default"
    query = normalised_query(params.text(request, "query"))
    days = params.choice(request, "days", WINDOWS, 14)
    story = await request.app[SITE].reads.query(application, market, query, days)
    if story is None:
        return page(request, "no_query.html", status=404, application=application, market=market, query=query)
    return page(request, "query.html", story=story, charts=_charts(story), windows=WINDOWS, days=days)


def signal_charts(days: Sequence[DayCounters], window: Window, usual: Counters | None) -> list[tuple[str, Markup]]:
    """One plot a signal: its share of searches by day with Wilson's 95 % interval, the market's share dashed."""
    each_day = _filled(days, window)
    charts = []
    for name, count in SIGNALS.items():
        points = [_point(day, counters, count) for day, counters in each_day]
        reference = count(usual) / usual.searches if usual is not None and usual.searches else None
        title = f"{name}: share of searches by day"
        charts.append((name, line_chart(points, title, _axis_percent, reference=reference, reference_name="market")))
    return charts


def volume_chart(days: Sequence[DayCounters], window: Window) -> Markup:
    """Searches by day."""
    columns = [Column(f"{day:%-d %b}", counters.searches) for day, counters in _filled(days, window)]
    return histogram(columns, "Searches by day", compact)


def _charts(story: QueryStory) -> list[tuple[str, Markup]]:
    if story.window is None:
        return []
    signals = signal_charts(story.days, story.window, story.market_counters)
    return [*signals, ("Searches", volume_chart(story.days, story.window))]


def _filled(days: Sequence[DayCounters], window: Window) -> list[tuple[date, Counters]]:
    known = {each.day: each.counters for each in days}
    first = window.start.date()
    nothing = Counters(0, 0, 0, 0, 0, 0)
    return [(day, known.get(day, nothing)) for day in (first + timedelta(days=n) for n in range(window.days))]


def _point(day: date, counters: Counters, count: Callable[[Counters], int]) -> Point:
    n, hits = counters.searches, count(counters)
    if n == 0:
        return Point(f"{day:%-d %b}", None)
    return Point(f"{day:%-d %b}", hits / n, wilson_lower(hits, n), 1 - wilson_lower(n - hits, n))


def _trend(days: Sequence[DayCounters], window: Window) -> Markup:
    values = [(c.reformulated + c.exits) / c.searches if c.searches else None for _, c in _filled(days, window)]
    return sparkline(values, f"share that struggled by day, {window.days} days")


def _axis_percent(value: float) -> str:
    return percent(value, 0 if float(round(100 * value, 6)).is_integer() else 1)


def _sort(request: web.Request) -> QuerySort:
    given = request.query.get("sort", "")
    return next((sort for sort in SORTS if sort == given), "priority")
