"""Two endpoints that fail on command, behind the ledger, the gate, the breakers and the failover of a real process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web

from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.adapters.llm_open import open_llms
from core.adapters.postgres import Pool, connection, open_pool
from core.adapters.reads import PostgresReads
from core.adapters.replicas import announced
from core.domain.breaker import Rules
from core.errors import LlmBreakerOpen, LlmUnavailable, SettingsError
from core.ports import Llm, LlmRequest, TextPart
from core.settings import Settings
from core.telemetry import Metrics
from tests.support.postgres import close_pool
from tests.support.served_console import serving

pytestmark = pytest.mark.postgres

RULES = Rules()


class HurriedClock(SystemClock):
    """Real time, plus what a test lets pass at once."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self):
        return super().now() + self.ahead


@dataclass
class Endpoint:
    """Answers with `status`; keeps the models it was asked for."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body["model"])
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status, headers=self.headers)
        choice = {"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 2}
        return web.json_response({"model": f"{body['model']}-dated", "choices": [choice], "usage": usage})

    async def serve(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.complete)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


@dataclass
class World:
    """The LLM as a process opens it."""

    llm: Llm
    first: Endpoint
    second: Endpoint
    clock: HurriedClock
    pool: Pool
    replica: str

    async def ask(self, lane: str = "live") -> str:
        """The model that answered, as it was asked for."""
        request = LlmRequest(lane, "judgements", "judge", "v", "rules", (TextPart("data"),), {}, 100)
        return (await self.llm.complete(request)).asked_model

    async def break_first(self, status: int = 500) -> None:
        """Fail calls until one goes to the second endpoint; a second of time passes before each."""
        self.first.status = status
        for _ in range(20):
            self.clock.ahead += timedelta(seconds=1)
            try:
                assert await self.ask() == "spare"
            except LlmUnavailable:
                continue
            return
        pytest.fail("no call went to the second endpoint")

    async def told(self) -> list[tuple[str, str, str]]:
        """(endpoint, model, phase) of this replica, as people see it."""
        async with connection(self.pool) as held:
            rows = await held.fetch("SELECT * FROM assay.llm_breakers WHERE replica = $1", self.replica)
        return [(row["endpoint"], row["model"], row["phase"]) for row in rows]


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    opened = await open_pool(postgres_dsn, 5)
    try:
        yield opened
    finally:
        await close_pool(opened, 10.0)


@pytest.fixture
async def world(pool: Pool) -> AsyncIterator[World]:
    first, second, clock, replica = Endpoint(), Endpoint(), HurriedClock(), f"test:{uuid4()}"
    async with AsyncExitStack() as stack:
        await first.serve(stack)
        await second.serve(stack)
        settings = Settings(
            _env_file=None,
            llm_base_url=first.url,
            llm_model="judge",
            llm_requests_per_minute=60_000,
            llm_tokens_per_minute=10**8,
            llm_fallback_base_url=second.url,
            llm_fallback_model="spare",
            llm_fallback_requests_per_minute=60_000,
            llm_fallback_tokens_per_minute=10**8,
        )
        await stack.enter_async_context(announced(pool, replica, ["relevance"]))
        llm = await stack.enter_async_context(
            open_llms(settings, Surroundings(pool, SystemClock(), clock, Metrics()), replica)
        )
        yield World(llm, first, second, clock, pool, replica)


async def test_calls_go_to_the_second_endpoint_once_the_first_is_down_and_back_when_it_is_up(world):
    assert await world.ask() == "judge"
    await world.break_first()
    assert len(world.first.asked) <= RULES.in_a_row + 2
    assert await world.ask() == "spare"
    world.first.status = 200
    world.clock.ahead += timedelta(seconds=RULES.open_for)
    assert await world.ask() == "judge"
    assert await world.ask() == "judge"
    assert world.second.asked == ["spare", "spare"]


async def test_the_panel_is_not_judged_by_another_model(world):
    await world.break_first()
    with pytest.raises(LlmBreakerOpen):
        await world.ask("panel")


async def test_a_refused_key_and_an_ordered_pause_go_to_the_second_endpoint_at_once(world):
    world.first.status = 401
    assert await world.ask() == "spare"
    assert await world.ask() == "spare"
    assert len(world.first.asked) == 1  # the key is not tried again with every call


async def test_a_quotas_pause_goes_to_the_second_endpoint_and_the_first_is_left_alone(world):
    world.first.status, world.first.headers = 429, {"retry-after": "600"}
    assert [await world.ask() for _ in range(3)] == ["spare"] * 3
    assert len(world.first.asked) == 1


async def test_both_endpoints_calls_are_in_the_ledger_under_their_own_model(world):
    await world.ask()
    world.first.status = 401
    await world.ask()
    async with connection(world.pool) as held:
        rows = await held.fetch("SELECT endpoint, model, status FROM assay_data.llm_calls")
    found = {(row["endpoint"], row["model"], row["status"]) for row in rows}
    assert {
        (world.first.url, "judge", "ok"),
        (world.first.url, "judge", "unauthorised"),
        (world.second.url, "spare", "ok"),
    } <= found


async def test_an_open_breaker_is_told_to_people_until_it_closes(world):
    await world.break_first()
    await _until(world.told, [("first", "judge", "open")])
    world.first.status = 200
    world.clock.ahead += timedelta(seconds=RULES.open_for)
    await world.ask()
    await _until(world.told, [])


async def test_a_second_endpoint_without_a_model_stops_the_start(pool):
    settings = Settings(_env_file=None, llm_base_url="http://a/v1", llm_model="m", llm_fallback_base_url="http://b/v1")
    around = Surroundings(pool, SystemClock(), SystemClock(), Metrics())
    with pytest.raises(SettingsError, match="ASSAY_LLM_FALLBACK_MODEL"):
        async with open_llms(settings, around, "r"):
            pass


async def _until(look, wanted) -> None:
    for _ in range(50):
        if await look() == wanted:
            return
        await asyncio.sleep(0.1)
    assert await look() == wanted


async def test_the_overview_and_the_status_say_which_model_is_stopped_and_why(world):
    await world.break_first()
    reads = PostgresReads(world.pool, SystemClock(), 50.0)
    await _until(world.told, [("first", "judge", "open")])
    [stopped] = [each for each in (await reads.status()).stopped_models if each.replica == world.replica]
    assert "in a row failed" in stopped.why
    async with serving(reads) as url, ClientSession() as session, session.get(url) as response:
        page = await response.text()
    assert "LLM calls stopped" in page
    assert stopped.why in page


async def test_a_replica_that_is_gone_stops_nothing(world):
    await world.break_first()
    await _until(world.told, [("first", "judge", "open")])
    async with connection(world.pool) as held:
        await held.execute("UPDATE assay_data.replicas SET seen_at = now() - interval '1 hour'")
    assert await world.told() == []
