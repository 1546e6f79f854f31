"""The page about pictures of several sellers that look alike."""

from __future__ import annotations

from aiohttp import web

from core.console import params
from core.console.site import SITE, page
from core.duplicate_models import DuplicateFilter

WINDOWS = (1, 7, 28, 365)
"""Days to choose from: since yesterday for those who look after fraud, then as on the other pages about pictures."""


async def listed(request: web.Request) -> web.Response:
    """Groups, those with the newest picture first; or one group with all its copies, page by page."""
    wanted = DuplicateFilter(
        days=params.choice(request, "days", WINDOWS, 28),
        market=params.text(request, "market"),
        seller=params.text(request, "seller").strip(),
        group=params.text(request, "group").strip(),
        page=params.page_number(request),
    )
    found = await request.app[SITE].reads.pictures.duplicates(wanted)
    return page(request, "pictures_duplicates.html", found=found, wanted=wanted, windows=WINDOWS)
