"""Breaker and second endpoint around a scripted LLM: what goes where, what is counted, who is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from core.adapters.llm_breaker import BreakingLlm
from core.adapters.llm_failover import FailoverLlm, Second
from core.domain.breaker import Breaker, Rules
from core.errors import (
    LlmBreakerOpen,
    LlmError,
    LlmInvalid,
    LlmOverBudget,
    LlmRefused,
    LlmSlowDown,
    LlmStopped,
    LlmUnauthorised,
    LlmUnavailable,
    LlmUnknownModel,
)
from core.ports import LlmReply, LlmRequest, PicturePart, TextPart
from core.telemetry import Metrics
from tests.support.fakes import NOON, FakeClock

RULES = Rules()
AWAY = LlmUnavailable("the LLM answered 500", "server_error")


def _request(lane: str = "live", model: str = "judge", picture: bool = False) -> LlmRequest:
    seen = (PicturePart(b"jpeg", 1, 1),) if picture else ()
    return LlmRequest(lane, "judgements", model, "v", "rules", (TextPart("data"), *seen), {}, 100)


@dataclass
class Scripted:
    """Answers, or raises `error` (of a model, when `only` names one); `gate` holds calls back."""

    error: Exception | None = None
    only: str = ""
    requests: list[LlmRequest] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None and self.only in ("", request.model):
            raise self.error
        return LlmReply(UUID(int=1), "{}", request.model, "fp", 1, 0, 1, 0.0, 1, asked_model=request.model)


@dataclass
class World:
    """One endpoint behind its breaker, or two."""

    clock: FakeClock = field(default_factory=FakeClock)
    metrics: Metrics = field(default_factory=Metrics)
    first: Scripted = field(default_factory=Scripted)
    other: Scripted = field(default_factory=Scripted)
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaking = BreakingLlm(self.first, "first", self.clock, self.metrics, told=self._tell)
        second = Second(self.other, "spare", "spare-eyes", ("live",), 30.0)
        self.both = FailoverLlm(self.breaking, second, self.metrics)

    def _tell(self, model: str, breaker: Breaker) -> None:
        self.told.append((model, breaker.phase))

    async def break_it(self, error: Exception = AWAY, every: float = 1.0) -> None:
        """Until nothing is sent any more."""
        self.first.error = error
        for _ in range(40):
            self.clock.advance(every)
            with pytest.raises(LlmError) as raised:
                await self.breaking.complete(_request())
            if isinstance(raised.value, LlmBreakerOpen):
                return
        pytest.fail("it never opened")

    def seen(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def world() -> World:
    return World()


# --- Breaker ---------------------------------------------------------------------------------------------


async def test_an_outage_stops_the_calls_and_says_for_how_long(world):
    await world.break_it()
    sent = len(world.first.requests)
    assert sent <= RULES.in_a_row
    with pytest.raises(LlmBreakerOpen) as raised:
        await world.breaking.complete(_request())
    assert 0 < raised.value.retry_after <= RULES.open_for
    assert len(world.first.requests) == sent


async def test_useless_answers_stop_the_calls_too(world):
    await world.break_it(LlmInvalid("not what was asked"), every=0.5)
    assert len(world.first.requests) <= RULES.minimum


@pytest.mark.parametrize(
    "error", [LlmSlowDown("429", 1.0), LlmOverBudget("no money", NOON), LlmUnauthorised("no key"), RuntimeError("bug")]
)
async def test_what_is_not_the_endpoints_health_never_stops_them(world, error):
    world.first.error = error
    for _ in range(200):
        world.clock.advance(1.0)
        with pytest.raises(type(error)):
            await world.breaking.complete(_request())


async def test_only_the_model_that_fails_is_stopped(world):
    world.first.only = "judge"
    await world.break_it()
    assert (await world.breaking.complete(_request(model="other"))).text == "{}"


async def test_a_call_whose_caller_wants_it_no_more_is_not_sent(world):
    def stopped() -> None:
        raise LlmStopped("the run is told to stop")

    await world.breaking.complete(replace(_request(), still=stopped))
    with pytest.raises(LlmStopped):
        world.first.requests[-1].still()


async def test_one_probe_goes_after_the_pause_and_closes_it(world):
    await world.break_it()
    world.clock.advance(RULES.open_for)
    world.first.error, world.first.gate, world.first.requests = None, asyncio.Event(), []
    probe = asyncio.create_task(world.breaking.complete(_request()))
    await asyncio.sleep(0)
    with pytest.raises(LlmBreakerOpen):
        await world.breaking.complete(_request())
    world.first.gate.set()
    await probe
    assert len(world.first.requests) == 1
    await world.breaking.complete(_request())
    assert len(world.first.requests) == 2


async def test_a_probe_that_is_cancelled_leaves_its_place(world):
    await world.break_it()
    world.clock.advance(RULES.open_for)
    world.first.error, world.first.gate = None, asyncio.Event()
    probe = asyncio.create_task(world.breaking.complete(_request()))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    world.first.gate.set()
    assert (await world.breaking.complete(_request())).text == "{}"


async def test_its_state_is_told_and_measured(world):
    await world.break_it()
    assert world.seen("assay_llm_breaker", endpoint="first", model="judge") == 2
    assert world.seen("assay_llm_breaker_opened_total", endpoint="first", model="judge") == 1
    world.clock.advance(RULES.open_for)
    world.first.error = None
    await world.breaking.complete(_request())
    assert world.seen("assay_llm_breaker", endpoint="first", model="judge") == 0
    assert world.told == [("judge", phase) for phase in ("closed", "open", "half_open", "closed")]


# --- Second endpoint -------------------------------------------------------------------------------------


async def test_while_the_first_endpoint_is_well_the_second_is_not_asked(world):
    assert (await world.both.complete(_request())).asked_model == "judge"
    assert not world.other.requests


async def test_an_open_breaker_sends_live_calls_to_the_second_under_its_own_model(world):
    await world.break_it()
    assert (await world.both.complete(_request())).asked_model == "spare"
    assert (await world.both.complete(_request(picture=True))).asked_model == "spare-eyes"
    assert world.seen("assay_llm_failover_total", reason="breaker_open") == 2


async def test_the_panel_waits_for_the_first(world):
    await world.break_it()
    with pytest.raises(LlmBreakerOpen):
        await world.both.complete(_request(lane="panel"))
    assert not world.other.requests


async def test_a_refused_key_sends_to_the_second(world):
    world.first.error = LlmUnauthorised("check ASSAY_LLM_API_KEY")
    assert (await world.both.complete(_request())).asked_model == "spare"
    assert world.seen("assay_llm_failover_total", reason="unauthorised") == 1


async def test_a_model_that_the_first_does_not_have_sends_to_the_second_and_one_missing_there_names_its_setting(world):
    world.first.error = LlmUnknownModel("check ASSAY_LLM_MODEL")
    assert (await world.both.complete(_request())).asked_model == "spare"
    assert world.seen("assay_llm_failover_total", reason="unknown_model") == 1
    world.other.error = LlmUnknownModel("check ASSAY_LLM_MODEL")
    with pytest.raises(LlmUnknownModel, match="ASSAY_LLM_FALLBACK_MODEL"):
        await world.both.complete(_request())


async def test_a_long_hold_sends_to_the_second_and_a_short_one_is_waited_out(world):
    world.first.error = LlmSlowDown("quota", 600.0)
    assert (await world.both.complete(_request())).asked_model == "spare"
    world.first.error = LlmSlowDown("429", 29.9)
    with pytest.raises(LlmSlowDown):
        await world.both.complete(_request())
    assert world.seen("assay_llm_failover_total", reason="hold") == 1


@pytest.mark.parametrize("error", [AWAY, LlmRefused("no"), LlmOverBudget("no money", NOON)])
async def test_a_single_failure_is_the_calls_end_and_nothing_is_sent_twice(world, error):
    world.first.error = error
    with pytest.raises(type(error)):
        await world.both.complete(_request())
    assert not world.other.requests


async def test_the_first_is_used_again_once_a_probe_went_well(world):
    await world.break_it()
    await world.both.complete(_request())
    world.first.error = None
    world.clock.advance(RULES.open_for)
    assert (await world.both.complete(_request())).asked_model == "judge"
    assert (await world.both.complete(_request())).asked_model == "judge"
    assert len(world.other.requests) == 1


async def test_a_second_endpoint_without_a_good_key_names_its_own_setting(world):
    await world.break_it()
    world.other.error = LlmUnauthorised("check ASSAY_LLM_API_KEY")
    with pytest.raises(LlmUnauthorised, match="ASSAY_LLM_FALLBACK_API_KEY"):
        await world.both.complete(_request())


async def test_what_the_second_fails_with_is_the_calls_end(world):
    await world.break_it()
    world.other.error = LlmSlowDown("429", 7.0)
    with pytest.raises(LlmSlowDown):
        await world.both.complete(_request())
