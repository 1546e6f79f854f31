"""The picture host serves, and misbehaves where truth says so; the engine answers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from demo.marketplace.picture_server import make_picture_app, make_search_app
from demo.marketplace.world import Marketplace

MARKET = Marketplace(7, date(2026, 3, 2), 28, engine_worse_on=14, picture_base_url="http://pictures.example:1/")


@pytest.fixture
async def pictures() -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(make_picture_app(MARKET, slow_s=0.01))) as client:
        yield client


def listing_with(broken: str) -> str:
    return next(listing_id for listing_id, how in MARKET.truth().broken_pictures.items() if how == broken)


def test_image_urls_point_at_the_picture_host() -> None:
    listing = msgspec.json.decode(next(MARKET.initial_listings()).value)
    assert listing["image_urls"][0] == f"http://pictures.example:1/pictures/{listing['listing_id']}/1.jpg"


async def test_a_picture_is_served_as_jpeg(pictures: TestClient) -> None:
    listing_id = next(i for i, _ in MARKET.truth().pictures if MARKET.broken_picture(i) is None)
    reply = await pictures.get(f"/pictures/{listing_id}/1.jpg")
    assert (reply.status, reply.content_type) == (200, "image/jpeg")
    assert await reply.read() == MARKET.picture(listing_id, 1)


async def test_a_slow_picture_comes_too(pictures: TestClient) -> None:
    reply = await pictures.get(f"/pictures/{listing_with('slow')}/1.jpg")
    assert (reply.status, reply.content_type) == (200, "image/jpeg")


async def test_a_missing_picture_is_not_found(pictures: TestClient) -> None:
    assert (await pictures.get(f"/pictures/{listing_with('missing')}/1.jpg")).status == 404
    assert (await pictures.get("/pictures/us-1/1.jpg")).status == 404


async def test_a_page_may_stand_where_a_picture_should(pictures: TestClient) -> None:
    reply = await pictures.get(f"/pictures/{listing_with('html')}/1.jpg")
    assert (reply.status, reply.content_type) == (200, "text/html")


async def test_the_engine_answers_as_of_today() -> None:
    days = iter((0, 27))
    query = min(MARKET.truth().worse_queries["us"])
    async with TestClient(TestServer(make_search_app(MARKET, lambda: next(days)))) as client:
        first = await (await client.get("/search", params={"q": query, "market": "us", "size": "12"})).json()
        later = await (await client.get("/search", params={"q": query, "market": "us"})).json()
    assert first == {"hits": list(MARKET.search("us", query, 0, 12))}
    assert later == {"hits": list(MARKET.search("us", query, 27))}


@pytest.mark.parametrize("size", ["0", "41", "-1", "x", "²"])
async def test_an_impossible_size_is_refused(size: str) -> None:
    async with TestClient(TestServer(make_search_app(MARKET, lambda: 0))) as client:
        assert (await client.get("/search", params={"q": "shoes", "market": "us", "size": size})).status == 400


async def test_an_unknown_market_has_no_results() -> None:
    async with TestClient(TestServer(make_search_app(MARKET, lambda: 0))) as client:
        assert await (await client.get("/search", params={"q": "shoes", "market": "fr"})).json() == {"hits": []}
