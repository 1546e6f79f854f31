"""The page about the provider's batches: what waits, what is ordered, what it saved."""

from __future__ import annotations

from aiohttp import web

from core.console.site import SITE, page


async def batches(request: web.Request) -> web.Response:
    """The batch lane."""
    return page(request, "batches.html", found=await request.app[SITE].reads.batches())
