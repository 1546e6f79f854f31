"""`SearchEngine`: the adapters of every kind against a server that speaks like the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.adapters.engine_config import EnginesFile
from core.adapters.engine_http import EngineHttp
from core.adapters.engine_open import engine_of
from core.domain.engines import EngineHit, EngineQuery
from core.domain.fields import Unusable
from core.domain.listings import listing_of
from core.domain.timestamps import FIRST_MS
from core.engine_ports import SearchEngine
from core.errors import EngineRefused, RetryLater
from tests.support.engine_servers import KINDS, LISTING, REFUSALS, EngineServer, Fault, Kind, engine_server

SOFA = EngineQuery("shop", "de", "de", "sofa")
HOSTILE = (
    'sofa", "size": 0}//',
    "{!func}log(price)",
    "sofa&rows=0&n=0&q=other",
    "{{size}} {{query}} %7B%7B",
    "a/../../_all?x=1#y",
    "füße\n日本 👟 \\ + 100%",
)


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[EngineServer]:
    kind: Kind = request.param
    async with engine_server(kind) as running:
        yield running


@asynccontextmanager
async def opened(server: EngineServer, **more: object) -> AsyncIterator[SearchEngine]:
    """The adapter on the server, as the file of `ASSAY_ENGINES` makes it."""
    config = EnginesFile.model_validate({"engines": {"shop": server.config(**more)}}).engines["shop"]
    http = EngineHttp("shop", config)
    try:
        yield engine_of("shop", config, http)
    finally:
        await http.aclose()


def ids(hits: list[EngineHit]) -> list[tuple[int, str]]:
    return [(hit.rank, hit.listing_id) for hit in hits]


# --- Results ---------------------------------------------------------------------------------------------


async def test_results_come_in_rank_order_from_one(server: EngineServer) -> None:
    async with opened(server) as engine:
        assert ids(await engine.search(SOFA, 3, 0)) == [(1, "d1"), (2, "d2"), (3, "d3")]


async def test_a_page_far_down_keeps_its_ranks(server: EngineServer) -> None:
    async with opened(server) as engine:
        assert ids(await engine.search(SOFA, 2, 499)) == [(500, "d500"), (501, "d501")]


async def test_an_id_may_stand_elsewhere_in_a_result(server: EngineServer) -> None:
    paths = {"opensearch": {"id_field": "_source.name"}, "solr": {"id_field": "name"}, "json": {"id": "name"}}
    async with opened(server, **paths[server.kind]) as engine:
        assert ids(await engine.search(SOFA, 1, 0)) == [(1, "Product 1")]


async def test_beyond_the_end_there_is_nothing(server: EngineServer) -> None:
    async with opened(server) as engine:
        assert await engine.search(SOFA, 5, 9_000) == []


async def test_an_id_that_comes_twice_counts_at_its_first_rank(server: EngineServer) -> None:
    server.ids = ["d7", "d3", "d7", "d4"]
    async with opened(server) as engine:
        assert ids(await engine.search(SOFA, 4, 0)) == [(1, "d7"), (2, "d3"), (4, "d4")]


async def test_a_document_is_read_as_a_listing_where_the_file_says_how(server: EngineServer) -> None:
    async with opened(server, listing=LISTING) as engine:
        (hit,) = await engine.search(SOFA, 1, 0)
    assert hit.listing is not None
    told = listing_of({**hit.listing, "timestamp": FIRST_MS}, -1)
    assert not isinstance(told, Unusable)
    assert (told.listing_id, told.market, told.title, told.brand) == ("d1", "de", "Product 1", "Acme")
    assert (told.price_amount, told.price_currency) == (10.5, "EUR")
    assert told.attributes == {"colour": "black, red", "size": "42"}
    assert told.image_urls == ["https://pictures.example/1.jpg"]


async def test_ranks_beyond_ten_thousand_are_refused_and_not_asked_for(server: EngineServer) -> None:
    async with opened(server) as engine:
        with pytest.raises(EngineRefused) as refused:
            await engine.search(SOFA, 10, 9_995)
    assert (refused.value.kind, server.asked) == ("too_deep", [])


# --- What is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_query_arrives_as_data_whatever_it_holds(server: EngineServer, text: str) -> None:
    async with opened(server) as engine:
        assert len(await engine.search(EngineQuery("shop", "de", "de", text), 3, 0)) == 3
    assert [asked.query for asked in server.asked] == [text]


async def test_a_market_goes_by_the_engines_name_for_it(server: EngineServer) -> None:
    async with opened(server, markets={"de": "germany"}) as engine:
        await engine.search(SOFA, 1, 0)
        await engine.search(EngineQuery("shop", "at", "de", "sofa"), 1, 0)
    assert [asked.market for asked in server.asked] == ["germany", "at"]


async def test_a_market_cannot_leave_its_path(server: EngineServer) -> None:
    async with opened(server) as engine:
        await engine.search(EngineQuery("shop", "de/../x", "de", "sofa"), 1, 0)
    assert "/p-de%2F..%2Fx" in server.asked[0].path


async def test_requests_are_signed_by_a_secret_of_the_environment(
    server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCH_SECRET", "open sesame")
    for auth in (
        {"kind": "basic", "user": "assay", "secret_env": "SEARCH_SECRET"},
        {"kind": "bearer", "secret_env": "SEARCH_SECRET"},
        {"kind": "header", "prefix": "ApiKey", "secret_env": "SEARCH_SECRET"},
    ):
        async with opened(server, auth=auth) as engine:
            await engine.search(SOFA, 1, 0)
    sent = [asked.headers["Authorization"] for asked in server.asked]
    assert sent == ["Basic YXNzYXk6b3BlbiBzZXNhbWU=", "Bearer open sesame", "ApiKey open sesame"]


# --- Manners ---------------------------------------------------------------------------------------------


async def test_requests_at_once_are_limited(server: EngineServer) -> None:
    server.slow_s = 0.02
    async with opened(server, in_flight=3) as engine:
        await asyncio.gather(*(engine.search(SOFA, 1, n) for n in range(12)))
    assert server.most_at_once <= 3
    assert len(server.asked) == 12


async def test_the_rate_is_kept(server: EngineServer) -> None:
    async with opened(server, requests_per_second=50, in_flight=20) as engine:
        await asyncio.gather(*(engine.search(SOFA, 1, n) for n in range(10)))
    times = [asked.at for asked in server.asked]
    assert times[-1] - times[0] >= 0.9 * 9 / 50


async def test_nothing_is_sent_before_the_time_the_engine_asked_for_is_over(server: EngineServer) -> None:
    server.faults = [Fault(429, {}, {"Retry-After": "1"})]
    async with opened(server) as engine:
        found = await asyncio.gather(*(engine.search(SOFA, 1, n) for n in range(1)))
    assert len(found[0]) == 1
    assert server.asked[1].at - server.asked[0].at >= 0.99


# --- Faults ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_passing_fault_is_tried_again(server: EngineServer, status: int) -> None:
    server.faults = [Fault(status, REFUSALS[server.kind])]
    async with opened(server) as engine:
        assert len(await engine.search(SOFA, 3, 0)) == 3


async def test_a_fault_that_stays_is_an_engine_that_is_away(server: EngineServer) -> None:
    server.faults = [Fault(503, REFUSALS[server.kind])] * 2
    async with opened(server) as engine:
        with pytest.raises(RetryLater, match="HTTP 503: the words of the engine"):
            await engine.search(SOFA, 3, 0)
    assert len(server.asked) == 2


@pytest.mark.parametrize("server", [kind for kind in KINDS if kind != "json"], indirect=True)
async def test_a_reply_of_some_shards_alone_is_no_list(server: EngineServer) -> None:
    """Plain JSON has no word for it."""
    server.partial = True
    async with opened(server) as engine:
        with pytest.raises(RetryLater, match="partial"):
            await engine.search(SOFA, 3, 0)
    assert len(server.asked) == 2


async def test_a_refusal_is_final_and_told_in_the_engines_words(server: EngineServer) -> None:
    server.faults = [Fault(400, REFUSALS[server.kind])]
    async with opened(server) as engine:
        with pytest.raises(EngineRefused, match="shop: HTTP 400: the words of the engine") as refused:
            await engine.search(SOFA, 3, 0)
    assert (refused.value.kind, len(server.asked)) == ("refused", 1)


async def test_a_wrong_secret_names_where_it_is_set(server: EngineServer) -> None:
    server.faults = [Fault(401, b"Unauthorized")]
    async with opened(server) as engine:
        with pytest.raises(EngineRefused, match="ASSAY_ENGINES") as refused:
            await engine.search(SOFA, 3, 0)
    assert refused.value.kind == "unauthorised"


async def test_a_redirect_is_not_followed(server: EngineServer) -> None:
    server.faults = [Fault(307, b"", {"Location": "http://127.0.0.1:9/elsewhere"})]
    async with opened(server) as engine:
        with pytest.raises(EngineRefused) as refused:
            await engine.search(SOFA, 3, 0)
    assert refused.value.kind == "redirect"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"{}", "not_a_list"),
        (b'"x"', "not_a_list"),
        (b'{"hits": {"hits": {}}, "response": {"docs": 3}, "result": {"items": "d1"}}', "not_a_list"),
        (b'{"hits": {"hits": [{}]}, "response": {"docs": [{}]}, "result": {"items": [{}]}}', "no_id"),
        (b'{"hits": {"hits": [7]}, "response": {"docs": [7]}, "result": {"items": [7]}}', "no_id"),
        (b" " * 3_000, "too_large"),
    ],
)
async def test_a_reply_that_is_no_result_list_is_refused(server: EngineServer, body: bytes, kind: str) -> None:
    server.faults = [Fault(200, body)]
    async with opened(server, max_bytes=200_000 if kind == "not_json" else 1_000) as engine:
        with pytest.raises(EngineRefused) as refused:
            await engine.search(SOFA, 3, 0)
    assert refused.value.kind == kind


async def test_an_engine_that_hangs_is_away_after_its_time(server: EngineServer) -> None:
    server.faults = [Fault(hangs=True)]
    async with opened(server, timeout_s=0.2, attempts=1) as engine:
        with pytest.raises(RetryLater, match=r"within 0\.2 s"):
            await engine.search(SOFA, 3, 0)


async def test_an_engine_that_is_not_there_is_away(server: EngineServer) -> None:
    server.url = "http://127.0.0.1:9/p-{{market}}" + ("?v=1" if server.kind == "json" else "")
    async with opened(server, attempts=1) as engine:
        with pytest.raises(RetryLater, match="connection failed"):
            await engine.search(SOFA, 3, 0)
