"""Pages about what was found: pictures, and alerts that relevance drifted."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from aiohttp import web
from markupsafe import Markup

from core.console import params
from core.console.plots import Column, Point, histogram, line_chart
from core.console.site import SITE, page
from core.console.text import compact, words
from core.picture_models import PictureFilter, PictureReport
from core.read_models import AlertStory, NightValue

PICTURE_WINDOWS = (7, 28, 365)
"""Days to choose from: this week's listings, a month's, everything that is still on sale."""


async def pictures(request: web.Request) -> web.Response:
    """Distribution, worst and best pictures, and those that could not be judged."""
    days = params.choice(request, "days", PICTURE_WINDOWS, 28)
    found = await request.app[SITE].reads.pictures.report(PictureFilter(days=days))
    return page(request, "pictures.html", found=found, chart=_distribution(found), windows=PICTURE_WINDOWS)


async def thumbnail(request: web.Request) -> web.Response:
    """A picture as it was judged, small; its address is its hash, so it never changes."""
    jpeg = await request.app[SITE].reads.thumbnail(request.match_info["image_hash"])
    if jpeg is None:
        raise web.HTTPNotFound
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return web.Response(body=jpeg, content_type="image/jpeg", headers=headers)


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


def tone(score: int) -> str:
    """Class of a score 1 to 10: what a person would call bad, middling, good."""
    return "bad" if score <= 4 else "middling" if score <= 7 else "good"


def _distribution(found: PictureReport) -> Markup:
    columns = [Column(str(score), count, tone(score)) for score, count in enumerate(found.scores.counts, start=1)]
    return histogram(columns, "Pictures by score", compact, size=(720, 200))


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
