"""The read API (CONTRACT 6): labels and scores as JSON, described by `/v1/openapi.json`."""

from __future__ import annotations

from aiohttp import web

from core.console import params
from core.console.openapi import document
from core.console.site import SITE
from core.domain.normalise import normalised_query


async def relevance(request: web.Request) -> web.Response:
    """The newest label of each listing for a query. The query is normalised as the panes are."""
    query = normalised_query(params.text(request, "query"))
    market = params.text(request, "market")
    if not query or not market:
        return _refused("query and market are required")
    application = params.text(request, "application") or None
    labels = await request.app[SITE].reads.relevance(application, market, query)
    return web.json_response({"query": query, "market": market, "labels": labels})


async def image_scores(request: web.Request) -> web.Response:
    """The newest score of each picture of a listing, and what they make of the listing."""
    listing_id = params.text(request, "listing_id")
    if not listing_id:
        return _refused("listing_id is required")
    reads = request.app[SITE].reads
    scores, listing = await reads.image_scores(listing_id), await reads.listing_image_score(listing_id)
    return web.json_response({"listing_id": listing_id, "scores": scores, "listing": listing})


async def openapi(_: web.Request) -> web.Response:
    """The description of this API."""
    return web.json_response(document())


def _refused(why: str) -> web.Response:
    return web.json_response({"error": why}, status=400)
