"""Pages about what becomes of picture scores: flags, agreement with buyers, the student."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.console import params
from core.console.picture_plots import MAX_LINES, WHY_NAMES, alerts_of, buyer_charts, flag_charts, student_charts
from core.console.site import SITE, page
from core.picture_watch_models import BuyerAgreement, BuyerFilter

WINDOWS = (28, 56, 365)
"""Days to choose from: a month, two of them so that a change stands out, a year."""

FLAG_WINDOWS = (7, 28, 90)
"""Days to choose from; each picture counts on the day of its newest score."""

TIERS = ("llm", "student")
ACTIONS = ("click", "add_to_cart", "purchase")
MEASURES = ("main", "listing")
SPANS = (7, 1)
"""Days of each estimate; 7 first: a week has more purchases, and every weekday."""


async def flags(request: web.Request) -> web.Response:
    """Share of pictures that carry a flag, by day and segment."""
    days = params.choice(request, "days", FLAG_WINDOWS, 28)
    found = await request.app[SITE].reads.pictures.flags(days, params.text(request, "market"))
    return page(request, "pictures_flags.html", found=found, charts=flag_charts(found.by_day), windows=FLAG_WINDOWS)


async def buyers(request: web.Request) -> web.Response:
    """Correlation with what buyers did, over time."""
    wanted = BuyerFilter(
        days=params.choice(request, "days", WINDOWS, 56),
        application=params.text(request, "application"),
        market=params.text(request, "market"),
        tier=params.choice(request, "tier", TIERS, ""),
        action=params.choice(request, "action", ACTIONS, ""),
        over=params.choice(request, "over", SPANS, SPANS[0]),
        measure=params.choice(request, "measure", MEASURES, MEASURES[0]),
    )
    found = await request.app[SITE].reads.pictures.buyers(wanted)
    return page(
        request,
        "pictures_buyers.html",
        found=found,
        wanted=wanted,
        newest=newest(found.rows),
        charts=buyer_charts(found.rows, found.alerts),
        most=MAX_LINES,
        alerts_of=alerts_of,
        windows=WINDOWS,
        tiers=TIERS,
        actions=ACTIONS,
        spans=SPANS,
        measures=MEASURES,
    )


async def students(request: web.Request) -> web.Response:
    """The small model: versions, held-back figures, agreement with the judge."""
    days = params.choice(request, "days", WINDOWS, 28)
    found = await request.app[SITE].reads.pictures.students(days, params.text(request, "market"))
    return page(
        request,
        "pictures_student.html",
        found=found,
        charts=student_charts(found.agreement),
        why_names=WHY_NAMES,
        windows=WINDOWS,
    )


def newest(rows: Sequence[BuyerAgreement]) -> list[BuyerAgreement]:
    """Each segment's newest row."""
    return list({row.segment: row for row in sorted(rows, key=lambda row: row.day)}.values())
