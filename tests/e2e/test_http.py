"""What a running process answers over HTTP, and what it does when its port is taken."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from cli.compose import PROCESSES
from tests.e2e.command import Running
from tests.e2e.conftest import Place


@pytest.fixture(scope="module")
async def up(shared_place: Place, judge_url: str) -> AsyncIterator[Running]:
    """Every process, ready."""
    async with shared_place.assay.having(llm_base_url=judge_url).started("run", "all") as running:
        await running.ready()
        yield running


async def test_livez_and_readyz_say_200(up: Running) -> None:
    answers = [await up.get(path) for path in ("/livez", "/readyz")]
    assert [status for status, _ in answers] == [200, 200]
    assert json.loads(answers[1][1])["checks"] == {"assigned": "ok", "postgres": "ok"}


async def test_metrics_are_prometheus_text_with_each_process_beating(up: Running) -> None:
    status, text = await up.get("/metrics")
    beating = set(re.findall(r'^assay_process_heartbeat_seconds\{process="([\w-]+)"\}', text, re.MULTILINE))
    assert status == 200
    assert beating == {*PROCESSES, "live-judge", "image-label", "look-alikes"}


async def test_the_read_api_answers_json(up: Running) -> None:
    labels = await up.get("/v1/relevance?query=mug&market=uk")
    scores = await up.get("/v1/image-scores?listing_id=m1")
    status, openapi = await up.get("/v1/openapi.json")
    assert (labels[0], scores[0], status) == (200, 200, 200)
    assert {"/v1/relevance", "/v1/image-scores"} <= json.loads(openapi)["paths"].keys()


async def test_the_console_is_at_the_root(up: Running) -> None:
    status, page = await up.get("/")
    assert status == 200
    assert "<html" in page


async def test_a_taken_port_stops_the_console_with_one_line(up: Running, place: Place) -> None:
    port = (await up.address()).rpartition(":")[2]
    done = await place.assay.having(http_port=port)("run", "console")
    [said] = [line for line in done.err.splitlines() if not line.startswith("{")]
    assert done.code == 2
    assert "ASSAY_HTTP_PORT" in said


async def test_with_a_taken_port_other_processes_go_on_on_another(up: Running, place: Place) -> None:
    port = (await up.address()).rpartition(":")[2]
    async with place.assay.having(http_port=port).started("run", "outbox") as running:
        await running.ready()
        assert (await running.address()).rpartition(":")[2] != port
        await running.logged("http.port_taken", port=int(port))
        assert (await running.terminated()).code == 0
