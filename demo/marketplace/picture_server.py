"""The marketplace's picture host and its search engine over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from demo.marketplace.engine import MOST, PAGE
from demo.marketplace.world import Marketplace

SLOW_S = 3.0
"""A slow host: noticeable, and well below the 20 s after which a fetch is given up."""

MOST_DIGITS = 6
"""Of a place in a list: far beyond its end."""

NOT_A_PICTURE = "<!doctype html><title>Moved</title><p>This picture has moved.</p>"


def make_picture_app(marketplace: Marketplace, *, slow_s: float = SLOW_S) -> web.Application:
    """Serves `/pictures/<listing_id>/<n>.jpg`, drawn when asked for; a few addresses are broken on purpose."""

    async def picture(request: web.Request) -> web.Response:
        listing_id, number = request.match_info["listing_id"], int(request.match_info["number"])
        broken = marketplace.broken_picture(listing_id)
        if broken == "missing":
            raise web.HTTPNotFound(text="no such picture")
        if broken == "html":
            return web.Response(text=NOT_A_PICTURE, content_type="text/html")
        if broken == "slow":
            await asyncio.sleep(slow_s)
        jpeg = await asyncio.to_thread(marketplace.picture, listing_id, number)
        if jpeg is None:
            raise web.HTTPNotFound(text="no such picture")
        return web.Response(body=jpeg, content_type="image/jpeg")

    app = web.Application()
    app.router.add_get(r"/pictures/{listing_id}/{number:\d{1,3}}.jpg", picture)
    return app


def make_search_app(marketplace: Marketplace, today: Callable[[], int]) -> web.Application:
    """Serves `/search?q=&market=&size=&from=&version=` as `{"hits": [listing ids]}`; `today()` is the simulated day's
    index, version `before` the engine before it got worse."""

    async def search(request: web.Request) -> web.Response:
        size, start = request.query.get("size", str(PAGE)), request.query.get("from", "0")
        if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= MOST:
            raise web.HTTPBadRequest(text=f"size takes 1 to {MOST}")
        if not start.isascii() or not start.isdigit() or len(start) > MOST_DIGITS:
            raise web.HTTPBadRequest(text="from takes a whole number")
        query, market = request.query.get("q", ""), request.query.get("market", "")
        before = request.query.get("version") == "before"
        hits = marketplace.search(market, query, today(), int(size), start=int(start), before=before)
        return web.json_response({"hits": hits})

    app = web.Application()
    app.router.add_get("/search", search)
    return app
