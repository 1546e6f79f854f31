"""An LLM that refuses, is away or costs too much: tasks wait with the reason, the log says what to set, no label."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli.judge import queue
from core.domain.requests import JudgeRequest, request_of
from core.settings import load_settings
from tests.e2e import shoppers
from tests.e2e.conftest import NOWHERE, Place

KEY = "sk-this-key-is-refused"
MANY = 40  # more than are under way at once


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    """Base URL of an endpoint that answers 401 to everything, and repeats the key."""

    async def answer(request: web.Request) -> web.Response:
        said = {"error": {"message": f"bad key {request.headers['Authorization']}", "type": "invalid_request_error"}}
        return web.json_response(said, status=401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


async def queued(place: Place, pairs: int = 1) -> None:
    """Pairs in the inbox, each of a query of its own."""
    told = [{"query": f"mug {n}", "market": "uk", "listing": shoppers.listing("m1")} for n in range(pairs)]
    requests = [request_of(shoppers.line(each)) for each in told]
    settings = load_settings(postgres_dsn=place.assay.settings["ASSAY_POSTGRES_DSN"], llm_model="offline-judge")
    assert await queue(settings, [each for each in requests if isinstance(each, JudgeRequest)], "live") == pairs


async def left(place: Place) -> list[tuple[object, ...]]:
    """States and reasons of the tasks; there never is a label."""
    assert await place.value("SELECT count(*) FROM assay.relevance_labels") == 0
    return await place.rows("SELECT DISTINCT state, reason FROM assay.judge_tasks")


async def test_a_refused_key_leaves_tasks_waiting_and_the_log_says_what_to_set(place: Place, refusing: str) -> None:
    await queued(place, MANY)
    done = await place.assay.having(llm_base_url=refusing, llm_api_key=KEY)(
        "run", "relevance", "--until-idle", seconds=45
    )
    [said] = [line for line in done.log() if line["event"] == "llm.failed"]
    assert done.code == 0
    assert await left(place) == [("waiting", "unauthorised")]
    assert "ASSAY_LLM_API_KEY" in str(said["error"])
    assert KEY not in done.err + done.out
    assert (
        await place.value("SELECT count(*) FROM assay_data.llm_calls AS c WHERE c::text LIKE '%' || $1 || '%'", KEY)
        == 0
    )


async def test_an_endpoint_that_is_away_leaves_the_task_waiting_by_name_after_its_attempts(place: Place) -> None:
    await queued(place)
    done = await place.assay.having(llm_base_url=NOWHERE, task_attempts="1")("run", "relevance", "--until-idle")
    assert done.code == 0
    assert await left(place) == [("waiting", "network")]
    assert [line["kind"] for line in done.log() if line["event"] == "llm.failed"] == ["network"]


async def test_over_budget_tasks_wait_nothing_is_sent_and_the_run_is_idle(place: Place, refusing: str) -> None:
    await queued(place, MANY)
    poor = place.assay.having(llm_base_url=refusing, llm_model="gpt-4o", llm_budget_usd_per_day="0.000001")
    done = await poor("run", "relevance", "--until-idle")
    assert done.code == 0
    assert await left(place) == [("waiting", "over_budget")]
    assert await place.value("SELECT count(*) FROM assay.llm_calls") == 0
    assert any("ASSAY_LLM_BUDGET_USD_PER_DAY" in str(line.get("error")) for line in done.log())
