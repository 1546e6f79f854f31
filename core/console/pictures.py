"""Pages about pictures: how good they are, one listing's side by side, and what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from aiohttp import web

from core.console import params
from core.console.picture_plots import GOOD_SCORE, SMALL_MULTIPLES, multiples, overall, tone
from core.console.picture_reasons import explained
from core.console.site import SITE, page
from core.domain.images.verdict import Thresholds
from core.domain.judging import PictureFlag
from core.picture_models import BAD_SCORE, FailureFilter, PictureFilter, PictureOrder

WINDOWS = (7, 28, 365)
"""Days to choose from: this week's listings, a month's, everything that is still on sale."""

FAILURE_WINDOWS = (1, 7, 28)
"""Days to choose from: failures older than a month are of pictures that changed since."""

TIERS = ("llm", "student")
FLAGS: tuple[str, ...] = get_args(PictureFlag)

MOST_REASONS = 6
"""Reasons of failures on the first page: as many as stand beside the plot."""


async def listed(request: web.Request) -> web.Response:
    """Distribution overall and by segment, the worst and the best."""
    wanted = _wanted(request)
    found = await request.app[SITE].reads.pictures.report(wanted)
    return page(
        request,
        "pictures.html",
        found=found,
        wanted=wanted,
        chart=overall(found.scores),
        multiples=multiples(found.segments),
        most=SMALL_MULTIPLES,
        explained=explained,
        most_reasons=MOST_REASONS,
        windows=WINDOWS,
        tiers=TIERS,
        flags=FLAGS,
        bad_score=BAD_SCORE,
        good_score=GOOD_SCORE,
        tone=tone,
    )


async def ordered(request: web.Request) -> web.Response:
    """The worst or best alone, page by page."""
    wanted = _wanted(request)
    order: PictureOrder = "best" if params.text(request, "order") == "best" else "worst"
    number = params.page_number(request)
    shown, more = await request.app[SITE].reads.pictures.page_of(wanted, order, number)
    return page(
        request,
        "pictures_ordered.html",
        shown=shown,
        more=more,
        number=number,
        order=order,
        wanted=wanted,
        tone=tone,
    )


async def listing(request: web.Request) -> web.Response:
    """One listing's pictures side by side."""
    listing_id = params.sound(request.match_info["listing_id"])
    found = await request.app[SITE].reads.pictures.listing(listing_id)
    if found is None:
        return page(request, "no_pictures.html", status=404, listing_id=listing_id)
    return page(
        request,
        "pictures_listing.html",
        found=found,
        measures=measures_told(request.app[SITE].bounds),
        min_side=request.app[SITE].bounds.min_side,
        explained=explained,
        tone=tone,
    )


async def failures(request: web.Request) -> web.Response:
    """What could not be judged, and why."""
    wanted = FailureFilter(
        days=params.choice(request, "days", FAILURE_WINDOWS, 7),
        market=params.text(request, "market"),
        reason=params.text(request, "reason"),
        page=params.page_number(request),
    )
    found = await request.app[SITE].reads.pictures.failures(wanted)
    failed = sum(count for _, count in found.reasons)
    return page(
        request,
        "pictures_failures.html",
        found=found,
        wanted=wanted,
        failed=failed,
        explained=explained,
        windows=FAILURE_WINDOWS,
    )


def measures_told(bounds: Thresholds) -> Mapping[str, tuple[str, str]]:
    """Measures of the technical tier, as `core.domain.images` names them, with unit and bound; size is told beside
    them."""
    blurred = f"refused below {bounds.min_sharpness:g}" if bounds.min_sharpness > 0 else ""
    all_text = f"refused above {bounds.max_text:g}" if bounds.max_text < 1 else ""
    return {
        "sharpness": ("0 blurred, 1 sharp", blurred),
        "exposure": ("mean luma, 0 black to 1 white", ""),
        "highlight": ("luma that 99 of 100 pixels stay below", f"refused below {bounds.dark_highlight:g}"),
        "contrast": ("RMS of luma, 0 to 1", f"refused below {bounds.blank_contrast:g}"),
        "border_share": ("share of the area in bars of one colour", f"refused above {bounds.blank_border:g}"),
        "background_clutter": ("share of edges in the outer ring; above 0.2 busy", ""),
        "text_share": ("share of the area under drawn letters", all_text),
    }


async def thumbnail(request: web.Request) -> web.Response:
    """A picture as it was judged, small; its address is its hash, so it never changes."""
    jpeg = await request.app[SITE].reads.thumbnail(request.match_info["image_hash"])
    if jpeg is None:
        raise web.HTTPNotFound
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return web.Response(body=jpeg, content_type="image/jpeg", headers=headers)


def _wanted(request: web.Request) -> PictureFilter:
    return PictureFilter(
        days=params.choice(request, "days", WINDOWS, 28),
        market=params.text(request, "market"),
        category=params.text(request, "category"),
        tier=params.choice(request, "tier", TIERS, ""),
        flag=params.choice(request, "flag", FLAGS, ""),
        judge=params.text(request, "judge"),
    )
