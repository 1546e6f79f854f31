"""The page about money: today against the caps, the last days, and what the money went to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

from aiohttp import web
from markupsafe import Markup

from core.console.plots import Column, Point, histogram, line_chart
from core.console.site import SITE, page
from core.console.text import compact, usd
from core.domain.budget import next_midnight
from core.money_models import DayCost, Spending


async def spending(request: web.Request) -> web.Response:
    """What the LLM costs."""
    site = request.app[SITE]
    now = site.clock.now()
    spend = await site.reads.spend_since(now)
    found = await site.reads.spending()
    plots = _charts(found, spend.budget_usd)
    today = now.astimezone(UTC).date()
    return page(
        request, "spending.html", spend=spend, found=found, plots=plots, today=today, midnight=next_midnight(now)
    )


def _charts(found: Spending, budget_usd: float) -> list[tuple[str, Markup]]:
    days = histogram(
        [Column(f"{day.day:%d %b}", day.usd, "bad" if day.usd > 0.95 * budget_usd else "") for day in found.days],
        "US dollars by day",
        _short,
        size=(560, 170),
    )
    label = _line(found, _of_a_thousand, "US dollars for 1,000 labels by day")
    return [("Spent by day", days), ("Full cost of 1,000 labels", label)]


def _line(found: Spending, value: Callable[[DayCost], float | None], name: str) -> Markup:
    return line_chart([Point(f"{day.day:%d %b}", value(day)) for day in found.days], name, _short, size=(560, 170))


def _of_a_thousand(day: DayCost) -> float | None:
    return None if day.usd_per_label is None else 1_000 * day.usd_per_label


def _short(value: float) -> str:
    """US dollars that fit beside an axis."""
    return f"${compact(value)}" if value >= 1_000 else usd(value)
