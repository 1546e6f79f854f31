"""Pages about alerts that relevance drifted."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from aiohttp import web
from markupsafe import Markup

from core.console.plots import Point, line_chart
from core.console.site import SITE, page
from core.console.text import words
from core.read_models import AlertStory, NightValue


async def alerts(request: web.Request) -> web.Response:
    """The newest alerts."""
    found = await request.app[SITE].reads.alerts()
    return page(request, "alerts.html", alerts=found)


async def alert(request: web.Request) -> web.Response:
    """One alert with its evidence."""
    try:
        alert_id = UUID(request.match_info["alert_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    found = await request.app[SITE].reads.alert(alert_id)
    if found is None:
        raise web.HTTPNotFound
    chart = _nights(found) if len(found.nights) > 1 else None
    return page(request, "alert.html", alert=found.alert, nights=found.nights, chart=chart)


def _nights(story: AlertStory) -> Markup:
    """The metric by night; nights without a figure are gaps."""
    known = {night.night: night for night in story.nights}
    first, last = story.nights[0].night, story.nights[-1].night
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    points = [_night(day, known.get(day)) for day in days]
    name, detected = f"{words(story.alert.metric)} by night", story.alert.detected_at.date()
    mark = days.index(detected) if detected in known else None
    return line_chart(
        points, name, _figure, reference=story.alert.before, reference_name="before", mark=mark, size=(720, 240)
    )


def _night(day: date, night: NightValue | None) -> Point:
    label = f"{day:%-d %b}"
    return Point(label, None) if night is None else Point(label, night.value, night.low, night.high)


def _figure(value: float) -> str:
    return f"{value:.3g}"
