"""The read API over a real database: rows of the public views, and the document that describes them."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from aiohttp import ClientSession

from tests.support.served_console import Served


async def answer(shop: Served, path: str, status: int = 200, **parameters: str) -> Any:
    async with ClientSession(shop.url) as session, session.get(path, params=parameters) as response:
        assert response.status == status
        return await response.json()


async def checked(shop: Served, schema: str, body: object) -> None:
    document = await answer(shop, "/v1/openapi.json")
    reference = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema.validate(body, reference, format_checker=jsonschema.FormatChecker())


async def test_relevance_gives_the_newest_label_of_each_listing(shop: Served) -> None:
    body = await answer(shop, "/v1/relevance", query="aa battery", market="us")
    ids = [label["listing_id"] for label in body["labels"]]
    assert len(ids) == 11
    assert ids == sorted(set(ids))
    twice = next(label for label in body["labels"] if label["listing_id"] == "L0001")
    assert twice["judged_at"] > "2026-03-28"


async def test_relevance_answers_as_the_document_says(shop: Served) -> None:
    body = await answer(shop, "/v1/relevance", query="aa battery", market="us")
    await checked(shop, "Labels", body)


async def test_relevance_has_every_column_of_the_view(shop: Served) -> None:
    async with shop.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM assay.relevance_labels LIMIT 1")
    body = await answer(shop, "/v1/relevance", query="aa battery", market="us")
    assert list(body["labels"][0]) == list(row.keys())


async def test_relevance_normalises_the_query_as_panes_are(shop: Served) -> None:
    body = await answer(shop, "/v1/relevance", query="  ＡＡ  BATTERY ", market="us")
    assert body["query"] == "aa battery"
    assert body["labels"]


@pytest.mark.parametrize(("application", "found"), [("shop", 11), ("another", 0)])
async def test_relevance_can_be_of_one_application(shop: Served, application: str, found: int) -> None:
    body = await answer(shop, "/v1/relevance", query="aa battery", market="us", application=application)
    assert len(body["labels"]) == found


@pytest.mark.parametrize("query", ["never typed", "\x00", "𐏿" * 600])
async def test_an_unknown_query_has_no_labels(shop: Served, query: str) -> None:
    body = await answer(shop, "/v1/relevance", query=query, market="us")
    assert body["labels"] == []


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/relevance", {"market": "us"}),
        ("/v1/relevance", {"query": "lamp"}),
        ("/v1/relevance", {"query": "  ", "market": "us"}),
        ("/v1/image-scores", {}),
    ],
)
async def test_a_missing_parameter_is_said(shop: Served, path: str, parameters: dict[str, str]) -> None:
    body = await answer(shop, path, status=400, **parameters)
    await checked(shop, "Error", body)


async def test_image_scores_of_a_listing_answer_as_the_document_says(shop: Served) -> None:
    body = await answer(shop, "/v1/image-scores", listing_id="L0000")
    await checked(shop, "ImageScores", body)
    assert [score["image_url"] for score in body["scores"]] == ["https://pictures.example/L0000.jpg"]


async def test_image_scores_of_an_unknown_listing_are_none(shop: Served) -> None:
    found = await answer(shop, "/v1/image-scores", listing_id="nobody")
    assert found == {"listing_id": "nobody", "scores": [], "listing": None}


async def test_image_scores_have_flags_and_doubt_and_what_they_make_of_the_listing(shop: Served) -> None:
    body = await answer(shop, "/v1/image-scores", listing_id="L0000")
    [score] = body["scores"]
    assert (score["flags"], score["spread"]) == ([], None)
    assert body["listing"]["score"] == body["listing"]["primary_score"] == score["score"]
    assert (body["listing"]["pictures"], body["listing"]["scored"], body["listing"]["tier"]) == (1, 1, score["tier"])


async def test_an_unknown_address_of_the_api_is_json(shop: Served) -> None:
    assert "error" in await answer(shop, "/v1/nothing", status=404)
