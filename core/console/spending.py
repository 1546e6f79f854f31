"""The page about money: today against the caps, the last days, and what the money went to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta

from aiohttp import web
from markupsafe import Markup

from core.console import params
from core.console.plots import Column, Point, histogram, line_chart
from core.console.site import SITE, page
from core.console.text import compact, usd
from core.domain.budget import next_midnight
from core.money_models import DayCost, Spending

SMALL_USD = 0.0001
"""Below this three digits would be written with an exponent."""


async def spending(request: web.Request) -> web.Response:
    """What the LLM costs."""
    site = request.app[SITE]
    now = site.clock.now()
    spend = await site.reads.spend_since(now)
    found = await site.reads.spending(params.day(request, "day"))
    plots = _charts(found, spend.budget_usd)
    today = now.astimezone(UTC).date()
    choices = [("", f"{len(found.days)} days"), (today - timedelta(days=1), "yesterday"), (today, "today")]
    return page(
        request,
        "spending.html",
        spend=spend,
        found=found,
        plots=plots,
        today=today,
        choices=choices,
        midnight=next_midnight(now),
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
    """US dollars that fit beside an axis: no digits that say nothing."""
    if value >= 1_000:
        return f"${compact(value)}"
    return f"${value:.3g}" if value == 0 or value >= SMALL_USD else usd(value)
