"""The LLM adapter against a stand-in endpoint that misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import asyncpg
import pytest
from aiohttp import web

from core.adapters.clock import SystemClock
from core.adapters.llm import OpenAiLlm
from core.adapters.llm_breaker import BreakingLlm
from core.adapters.llm_client import Endpoint
from core.adapters.llm_endpoint import first_endpoint
from core.adapters.llm_gate import Gate, LanePlan
from core.adapters.llm_ledger import MemoryLedger
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.llm_prices import load_prices
from core.adapters.llm_shares import MemoryShares, PostgresShares
from core.adapters.llm_stops import STOPPED_SECONDS
from core.domain import money, pacing
from core.domain.breaker import Rules
from core.domain.budget import UNCAPPED, Caps
from core.domain.pacing import Limits
from core.domain.sampling import Sampling
from core.errors import (
    LlmBreakerOpen,
    LlmImpossible,
    LlmInvalid,
    LlmOverBudget,
    LlmRefused,
    LlmSlowDown,
    LlmTimeout,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    LlmUnknownModel,
    SettingsError,
)
from core.ports import LlmReply, LlmRequest, PicturePart, TextPart
from core.settings import Settings
from core.telemetry import Metrics

KEY = "sk-never-to-be-seen-0123456789"
ROOMY = Limits(requests_per_minute=60_000, tokens_per_minute=10**8, in_flight=50)
DOLLAR = Caps(money.PICO)
LEASE_S = 60.0
LANES = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _completion(content: str | None = '{"ok": true}', finish: str = "stop", refusal: str | None = None, **changes):
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60}}
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "offline-judge",
        "system_fingerprint": "fp_7",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return body | changes


def _says(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def _error(status: int, message: str = "no", code: str | None = None, headers=None) -> Answer:
    return _says(status, {"error": {"message": message, "code": code, "type": code}}, headers)


@dataclass
class StandIn:
    """Answers with `script`, first to last, then well. Remembers what it got and when."""

    script: list[Answer] = field(default_factory=list)
    bodies: list[dict] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    inside: int = 0
    most_inside: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.times.append(time.monotonic())
        self.bodies.append(await request.json())
        self.keys.append(request.headers["Authorization"])
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            answer = self.script.pop(0) if self.script else _says(200, _completion())
            await asyncio.sleep(self.seconds)
            return await answer(request)
        finally:
            self.inside -= 1


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    found = StandIn()
    app = web.Application(client_max_size=50_000_000)
    app.router.add_post("/v1/chat/completions", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield found
    finally:
        await runner.cleanup()


class Wall(SystemClock):
    """Real time, which a test may set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def make(stand_in: StandIn, wall: Wall):
    made: list[OpenAiLlm] = []

    def llm(limits: Limits = ROOMY, caps: Caps = DOLLAR, pool: asyncpg.Pool | None = None, **changes) -> OpenAiLlm:
        endpoint = Endpoint(
            **{"base_url": stand_in.url, "api_key": KEY, "timeout": 5.0, "connect_timeout": 2.0} | changes
        )
        ledger, shares = MemoryLedger(caps, LEASE_S, wall), MemoryShares(limits.in_flight, LANES, wall)
        if pool is not None:
            ledger = PostgresLedger(pool, caps, LEASE_S)
            shares = PostgresShares(pool, endpoint.base_url, limits.in_flight, LANES)
        gate = Gate(ledger, shares, LanePlan(limits, LANES), wall, wall, Metrics())
        made.append(OpenAiLlm(endpoint, gate, load_prices(), wall, wall))
        return made[-1]

    yield llm
    for each in made:
        await each.aclose()


def _request(lane="live", text="### QUERY\n{}", **changes) -> LlmRequest:
    fields = {
        "lane": lane,
        "purpose": "judgements",
        "model": "offline-judge",
        "prompt_version": "judgements@1",
        "system": "rules",
        "user": (TextPart(text),),
        "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        "max_output_tokens": 50,
        "subject": {"query": "q"},
        "seed": 7,
    }
    return LlmRequest(**fields | changes)


def _ends(llm: OpenAiLlm) -> list[str]:
    return [entry.status for entry in _ledger(llm).calls.values()]


def _ledger(llm: OpenAiLlm) -> MemoryLedger:
    return llm._gate._ledger


# --- What is sent and what comes back --------------------------------------------------------------------


async def test_a_reply_comes_with_what_it_took(make, stand_in):
    reply = await make().complete(_request())
    assert (reply.text, reply.model, reply.fingerprint) == ('{"ok": true}', "offline-judge", "fp_7")
    assert (reply.input_tokens, reply.cached_tokens, reply.output_tokens) == (100, 60, 20)
    assert reply.cost_usd == pytest.approx((40 * 0.02 + 60 * 0.002 + 20 * 0.08) / 1e6)


async def test_the_request_is_strict_seeded_and_cold(make, stand_in):
    await make().complete(_request())
    [body] = stand_in.bodies
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["name"] == "judgements"
    assert (body["seed"], body["temperature"], body["max_completion_tokens"]) == (7, 0.0, 50)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "max_tokens" not in body


async def test_a_judge_s_own_parameters_go_with_its_call(make, stand_in):
    await make().complete(_request(sampling=Sampling(0.7, "low")))
    [body] = stand_in.bodies
    assert (body["temperature"], body["reasoning_effort"]) == (0.7, "low")


async def test_what_an_endpoint_refuses_can_be_left_out(make, stand_in):
    await make(temperature=None, output_limit="max_tokens").complete(_request(seed=None))
    [body] = stand_in.bodies
    assert {"temperature", "seed", "max_completion_tokens"}.isdisjoint(body)
    assert body["max_tokens"] == 50


async def test_a_picture_is_sent_as_jpeg_and_kept_as_its_hash(make, stand_in):
    llm = make()
    await llm.complete(_request(user=(TextPart("### PICTURE p1"), PicturePart(b"\xff\xd8jpeg", 600, 400))))
    assert stand_in.bodies[0]["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,/9h")
    [entry] = _ledger(llm).calls.values()
    assert json.loads(entry.end.request)["user"][1]["picture"]["bytes"] == 6


async def test_a_reply_without_usage_counts_at_its_worst(make, stand_in):
    stand_in.script = [_says(200, _completion(usage=None))]
    llm = make()
    reply = await llm.complete(_request())
    [entry] = _ledger(llm).calls.values()
    assert reply.cost_usd == pytest.approx(entry.ask.cost / money.PICO)
    assert entry.cost == entry.ask.cost > 0


# --- Faults ----------------------------------------------------------------------------------------------

FAULTS = [
    (_error(500), LlmUnavailable, "server_error", 500),
    (_error(503), LlmUnavailable, "overloaded", 503),
    (_error(400), LlmImpossible, "impossible_request", 400),
    (_error(404), LlmUnknownModel, "unknown_model", 404),
    (_error(403, code="model_not_found"), LlmUnknownModel, "unknown_model", 403),
    (_says(200, _completion(usage={"prompt_tokens": 10**9, "completion_tokens": 1})), LlmInvalid, "invalid_reply", 200),
    (_error(400, code="content_filter"), LlmRefused, "content_filter", 400),
    (_says(307, {}, {"Location": "http://127.0.0.1:9/v1/chat/completions"}), LlmImpossible, "impossible_request", 307),
    (_says(200, _completion(None, refusal="I can't")), LlmRefused, "refused", 200),
    (_says(200, _completion(None, "content_filter")), LlmRefused, "content_filter", 200),
    (_says(200, _completion('{"a', "length")), LlmTruncated, "truncated", 200),
    (_says(200, _completion("")), LlmInvalid, "invalid_reply", 200),
    (_says(200, {"hello": "world"}), LlmInvalid, "invalid_reply", 200),
    (_says(200, _completion(choices=[])), LlmInvalid, "invalid_reply", 200),
]


@pytest.mark.parametrize(("answer", "error", "kind", "status"), FAULTS)
async def test_a_fault_is_named_and_sent_once(make, stand_in, answer, error, kind, status):
    stand_in.script = [answer]
    llm = make()
    with pytest.raises(error) as raised:
        await llm.complete(_request())
    [entry] = _ledger(llm).calls.values()
    assert (raised.value.kind, entry.status, entry.end.http_status) == (kind, kind, status)
    assert len(stand_in.times) == 1


async def _not_json(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>gateway</html>", content_type="text/html")


async def test_a_page_in_place_of_json_is_an_invalid_reply(make, stand_in):
    stand_in.script = [_not_json]
    with pytest.raises(LlmInvalid):
        await make().complete(_request())


async def _hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


@pytest.mark.parametrize("answer", [_hang, _drip])
async def test_the_whole_call_has_one_timeout_and_its_worst_cost_stays_counted(make, stand_in, answer):
    stand_in.script = [answer]
    llm, before = make(timeout=0.3), time.monotonic()
    with pytest.raises(LlmTimeout):
        await llm.complete(_request())
    [entry] = _ledger(llm).calls.values()
    assert time.monotonic() - before < 2.0
    assert (entry.status, entry.cost) == ("timeout", entry.ask.cost)


async def _cut(request: web.Request) -> web.StreamResponse:
    request.transport.abort()
    return web.Response()


async def test_a_cut_connection_is_the_network_and_its_worst_cost_stays_counted(make, stand_in):
    stand_in.script = [_cut]
    llm = make()
    with pytest.raises(LlmUnavailable) as raised:
        await llm.complete(_request())
    [entry] = _ledger(llm).calls.values()
    assert (raised.value.kind, entry.cost) == ("network", entry.ask.cost)


async def test_nobody_at_the_address_costs_nothing(make):
    llm = make(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(LlmUnavailable) as raised:
        await llm.complete(_request())
    [entry] = _ledger(llm).calls.values()
    assert (raised.value.kind, entry.cost) == ("network", 0)


async def test_an_error_status_that_means_no_work_costs_nothing_and_a_gateway_s_does(make, stand_in):
    stand_in.script = [_error(500), _error(502)]
    llm = make()
    for _ in range(2):
        with pytest.raises(LlmUnavailable):
            await llm.complete(_request())
    refused, gateway = _ledger(llm).calls.values()
    assert (refused.cost, gateway.cost) == (0, gateway.ask.cost)


# --- 429 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"retry-after-ms": "1000", "Retry-After": "0"},
        {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)},
    ],
)
async def test_after_a_429_the_lane_is_silent_until_retry_after_has_passed(make, stand_in, headers):
    if "GMT" in headers["Retry-After"]:
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=2.5), usegmt=True)}
    stand_in.script = [_error(429, headers=headers)]
    llm = make()
    with pytest.raises(LlmSlowDown) as raised:
        await llm.complete(_request())
    ended = time.monotonic()
    await asyncio.gather(*(llm.complete(_request()) for _ in range(5)))
    assert raised.value.retry_after > 0.5
    assert stand_in.times[1] - ended >= raised.value.retry_after - 0.05
    assert len(stand_in.times) == 6


async def test_after_a_429_one_call_goes_ahead_of_the_others(make, stand_in):
    stand_in.script, stand_in.seconds = [_error(429, headers={"retry-after-ms": "200"})], 0.3
    llm = make()
    with pytest.raises(LlmSlowDown):
        await llm.complete(_request())
    await asyncio.gather(*(llm.complete(_request()) for _ in range(4)))
    assert stand_in.times[2] - stand_in.times[1] >= 0.3


async def test_a_long_hold_is_told_to_the_callers_at_once(make, stand_in):
    stand_in.script = [_error(429, headers={"Retry-After": "3600"})]
    llm = make()
    for _ in range(2):
        with pytest.raises(LlmSlowDown) as raised:
            await llm.complete(_request())
        assert raised.value.retry_after == pytest.approx(3600, abs=2)
    assert len(stand_in.times) == 1


async def test_an_empty_account_is_said_in_clear_text(make, stand_in):
    stand_in.script = [_error(429, code="insufficient_quota")]
    with pytest.raises(LlmSlowDown, match="quota") as raised:
        await make().complete(_request())
    assert raised.value.retry_after >= 60


@pytest.mark.parametrize("value", ["soon", "-3", "nan", "inf", ""])
async def test_a_senseless_retry_after_is_taken_for_none(make, stand_in, value):
    stand_in.script = [_error(429, headers={"Retry-After": value})]
    with pytest.raises(LlmSlowDown) as raised:
        await make().complete(_request())
    assert raised.value.retry_after == 5.0


# --- 401 -------------------------------------------------------------------------------------------------


async def test_a_refused_key_stops_the_lane_and_names_the_setting(make, stand_in):
    stand_in.script = [_error(401, f"Incorrect API key provided: {KEY}")]
    llm = make()
    for _ in range(3):
        with pytest.raises(LlmUnauthorised, match="ASSAY_LLM_API_KEY") as raised:
            await llm.complete(_request())
        assert KEY not in str(raised.value)
    assert len(stand_in.times) == 1


async def test_those_who_waited_when_the_key_was_refused_are_not_sent(make, stand_in):
    stand_in.script, stand_in.seconds = [_error(403)], 0.2
    llm = make(Limits(60_000, 10**8, 1))
    ends = await asyncio.gather(*(llm.complete(_request()) for _ in range(5)), return_exceptions=True)
    assert {type(end) for end in ends} == {LlmUnauthorised}
    assert len(stand_in.times) == 1
    await llm.aclose()
    assert _ends(llm) == ["unauthorised"]


async def test_after_a_minute_one_call_tries_the_key_and_opens_the_lane(make, stand_in, wall):
    stand_in.script, stand_in.seconds = [_error(401)], 0.1
    llm = make()
    with pytest.raises(LlmUnauthorised):
        await llm.complete(_request())
    wall.ahead = timedelta(seconds=STOPPED_SECONDS + 1)
    ends = await asyncio.gather(*(llm.complete(_request()) for _ in range(3)), return_exceptions=True)
    after = await llm.complete(_request())
    assert [type(end) for end in ends] == [LlmReply, LlmUnauthorised, LlmUnauthorised]
    assert after.text


async def test_a_model_that_the_endpoint_does_not_have_is_stopped_alone_and_the_setting_named(make, stand_in):
    stand_in.script = [_error(404, "The model `gone` does not exist", code="model_not_found")]
    llm = make()
    for _ in range(3):
        with pytest.raises(LlmUnknownModel, match="ASSAY_LLM_MODEL"):
            await llm.complete(_request(model="gone"))
    assert (await llm.complete(_request())).text
    assert [body["model"] for body in stand_in.bodies] == ["gone", "offline-judge"]


async def test_after_a_minute_a_model_that_was_missing_is_tried_again(make, stand_in, wall):
    stand_in.script = [_error(404)]
    llm = make()
    with pytest.raises(LlmUnknownModel):
        await llm.complete(_request())
    wall.ahead = timedelta(seconds=STOPPED_SECONDS + 1)
    assert (await llm.complete(_request())).text


async def test_an_answer_to_a_call_from_before_the_key_was_refused_does_not_open_the_lane(make, stand_in):
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.4)
        return await _says(200, _completion())(request)

    stand_in.script = [slow, _error(401)]
    llm = make()
    before = asyncio.create_task(llm.complete(_request()))
    await asyncio.sleep(0.2)
    with pytest.raises(LlmUnauthorised):
        await llm.complete(_request())
    assert (await before).text
    with pytest.raises(LlmUnauthorised):
        await llm.complete(_request())
    assert len(stand_in.times) == 2


async def test_a_storm_of_429s_without_a_time_is_one_strike(make, stand_in):
    stand_in.script, stand_in.seconds = [_error(429) for _ in range(8)], 0.2
    llm = make()
    ends = await asyncio.gather(*(llm.complete(_request()) for _ in range(8)), return_exceptions=True)
    assert len(stand_in.times) == 8
    assert {end.retry_after for end in ends} == {5.0}


async def test_429s_one_after_the_other_without_a_time_double_the_pause(make, stand_in, wall):
    stand_in.script = [_error(429) for _ in range(3)]
    llm, pauses = make(), []
    for _ in range(3):
        with pytest.raises(LlmSlowDown) as raised:
            await llm.complete(_request())
        pauses.append(raised.value.retry_after)
        wall.ahead += timedelta(seconds=61)
    assert pauses == [5.0, 10.0, 20.0]


# --- The breaker, a defect -------------------------------------------------------------------------------


async def test_calls_that_wait_for_their_place_when_the_breaker_opens_are_not_sent(make, stand_in, wall):
    stand_in.script, stand_in.seconds = [_error(500) for _ in range(3)], 0.05
    breaking = BreakingLlm(make(Limits(60_000, 10**8, 1)), "first", wall, Metrics(), Rules(in_a_row=3, silence=0.0))
    ends = await asyncio.gather(*(breaking.complete(_request()) for _ in range(10)), return_exceptions=True)
    assert Counter(type(end) for end in ends) == {LlmUnavailable: 3, LlmBreakerOpen: 7}
    assert len(stand_in.times) == 3


async def test_a_defect_under_a_call_frees_its_place(make, monkeypatch):
    llm = make()

    async def defect(*_: object) -> None:
        raise KeyError("defect")

    monkeypatch.setattr("core.adapters.llm.post", defect)
    with pytest.raises(KeyError):
        await llm.complete(_request())
    assert llm._gate._pacer.under_way == 0


# --- Limits ----------------------------------------------------------------------------------------------


async def test_one_answer_with_absurd_tokens_does_not_make_those_after_it_impossible(make, stand_in):
    usage = {"prompt_tokens": 90_000_000, "completion_tokens": 10}
    stand_in.script = [_says(200, _completion(usage=usage)) for _ in range(20)]
    llm = make(Limits(60_000, 1_000, 50), caps=Caps(UNCAPPED))
    for _ in range(20):
        assert (await asyncio.wait_for(llm.complete(_request()), 300)).text
        llm._gate._pacer._pace = pacing.settled(llm._gate._pacer._pace, 10**9, 0, llm._gate._pacer.now())
    assert (await llm.complete(_request())).text


async def test_no_more_calls_are_in_flight_than_allowed(make, stand_in):
    stand_in.seconds = 0.05
    llm = make(Limits(60_000, 10**8, 3))
    await asyncio.gather(*(llm.complete(_request()) for _ in range(12)))
    assert stand_in.most_inside == 3


async def test_calls_are_paced_to_the_limit_of_a_minute(make, stand_in):
    llm = make(Limits(600, 10**8, 50))
    await asyncio.gather(*(llm.complete(_request()) for _ in range(20)))
    assert stand_in.times[-1] - stand_in.times[0] >= 0.9 * 20 / 10 - 0.4  # 600 a minute, three of them at once


async def test_nothing_is_sent_that_could_pass_the_budget(make, stand_in):
    llm = make(caps=Caps(1))
    with pytest.raises(LlmOverBudget) as raised:
        await llm.complete(_request())
    assert raised.value.until > datetime.now(UTC)
    assert (raised.value.until.hour, raised.value.until.minute) == (0, 0)
    assert stand_in.times == []


async def test_a_budget_is_used_and_never_passed(make, stand_in):
    one = money.worst_cost(load_prices().price("offline-judge"), 10_000, 50)
    llm = make(Limits(60_000, 10**8, 4), caps=Caps(one))
    ends = await asyncio.gather(*(llm.complete(_request()) for _ in range(150)), return_exceptions=True)
    [lanes] = _ledger(llm).days.values()
    spend = lanes["live"]
    assert {type(end) for end in ends} == {LlmReply, LlmOverBudget}
    assert 0.5 * one < spend.spent <= one
    assert spend.reserved == 0


async def test_a_call_larger_than_a_minute_s_tokens_is_impossible_and_not_sent(make, stand_in):
    llm = make(Limits(60_000, 1_000, 50))
    with pytest.raises(LlmImpossible, match="ASSAY_LLM_TOKENS_PER_MINUTE"):
        await llm.complete(_request(text="x" * 5_000))
    assert stand_in.times == []


async def test_live_calls_overtake_backfill_that_waits(make, stand_in):
    stand_in.seconds = 0.05
    llm, order = make(Limits(60_000, 10**8, 1)), []

    async def call(lane: str) -> None:
        await llm.complete(_request(lane))
        order.append(lane)

    await asyncio.gather(*(call("backfill") for _ in range(4)), *(call("live") for _ in range(3)))
    assert order[:3] == ["live"] * 3


# --- Cancelling, closing ---------------------------------------------------------------------------------


async def test_a_cancelled_call_stays_counted_and_frees_its_slot(make, stand_in):
    stand_in.script = [_hang]
    llm = make()
    task = asyncio.create_task(llm.complete(_request()))
    await asyncio.sleep(0.3)
    assert len(stand_in.times) == 1
    task.cancel()
    await asyncio.wait([task])
    await llm.aclose()
    [entry] = _ledger(llm).calls.values()
    assert (entry.status, entry.cost, llm._gate._pacer.under_way) == ("cancelled", entry.ask.cost, 0)


async def test_whoever_stops_waiting_for_a_turn_leaves_nothing_behind(make, stand_in):
    stand_in.seconds = 0.2
    llm = make(Limits(60_000, 10**8, 1))
    first, second = (asyncio.create_task(llm.complete(_request())) for _ in range(2))
    await asyncio.sleep(0.1)
    second.cancel()
    await first
    await llm.complete(_request())
    assert _ends(llm) == ["ok", "ok"]


# --- Settings, secrets -----------------------------------------------------------------------------------


async def test_a_price_file_that_is_none_is_a_settings_error(tmp_path):
    (tmp_path / "prices.json").write_text('{"version": "1", "models": {}}')
    with pytest.raises(SettingsError, match="ASSAY_LLM_PRICES"):
        load_prices(str(tmp_path / "prices.json"))


async def test_a_price_file_replaces_the_built_in_table(tmp_path):
    price = {"input": "1", "cached_input": "1", "output": "1"}
    (tmp_path / "prices.json").write_text(json.dumps({"version": "mine", "default": price, "models": {}}))
    assert load_prices(str(tmp_path / "prices.json")).version == "mine"


async def test_without_an_endpoint_the_start_names_the_variable():
    with pytest.raises(SettingsError, match="ASSAY_LLM_BASE_URL"):
        first_endpoint(Settings(_env_file=None))


# --- In PostgreSQL ---------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_every_call_sent_is_a_row_and_no_row_holds_the_key(make, stand_in, pool: asyncpg.Pool, caplog):
    caplog.set_level(logging.DEBUG)
    stand_in.script = [_error(500, f"at {KEY}"), _error(400, f"bad {KEY}"), _says(200, _completion(f"echo {KEY}\0"))]
    llm = make(pool=pool)
    for _ in range(4):
        await asyncio.gather(llm.complete(_request(text=f"### QUERY\n{KEY}\0")), return_exceptions=True)
    rows = await pool.fetch("SELECT * FROM assay_data.llm_calls ORDER BY started_at")
    prompts = await pool.fetch("SELECT * FROM assay_data.llm_prompts")
    assert [row["status"] for row in rows] == ["server_error", "impossible_request", "ok", "ok"]
    assert [row["http_status"] for row in rows] == [500, 400, 200, 200]
    assert KEY not in str(rows) + str(prompts)
    assert KEY not in caplog.text
    assert [row["system"] for row in prompts] == ["rules"]
    assert set(stand_in.keys) == {f"Bearer {KEY}"}


@pytest.mark.postgres
async def test_two_replicas_keep_one_limit(make, stand_in, pool: asyncpg.Pool):
    stand_in.seconds = 0.03
    limits = Limits(60_000, 10**8, 3)
    replicas = [make(limits, pool=pool) for _ in range(2)]
    await asyncio.gather(*(replicas[i % 2].complete(_request()) for i in range(30)))
    spent = await pool.fetchrow("SELECT sum(cost_usd) AS calls FROM assay.llm_calls")
    day = await pool.fetchrow(
        "SELECT sum(spent_usd) AS spent_usd, sum(reserved_usd) AS reserved_usd FROM assay_data.llm_spend"
    )
    assert stand_in.most_inside <= 3
    assert (day["spent_usd"], day["reserved_usd"]) == (spent["calls"], 0)


@pytest.mark.postgres
async def test_a_429_holds_the_other_replica_too(make, stand_in, pool: asyncpg.Pool):
    stand_in.script = [_error(429, headers={"Retry-After": "1"})]
    one, other = (make(pool=pool) for _ in range(2))
    with pytest.raises(LlmSlowDown):
        await one.complete(_request())
    ended = time.monotonic()
    await other.complete(_request())
    assert stand_in.times[1] - ended >= 0.95
