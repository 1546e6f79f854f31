"""Spans over real OTLP/HTTP: received, refused, too slow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from core.adapters.clock import SystemClock
from core.adapters.otel import FLUSH_S
from core.adapters.otel_open import Traces, open_traces
from core.ports import LlmReply, LlmRequest, TextPart
from core.settings import Settings, load_settings
from core.telemetry import Metrics
from tests.support.otlp import Receiver, receiving, values_of

REQUEST = LlmRequest("live", "judgements", "m", "v1", "rules", (TextPart("data"),), {}, 100)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


class Answers:
    async def complete(self, request: LlmRequest) -> LlmReply:
        return LlmReply(uuid4(), "{}", "m", "", 100, 60, 20, 0.5, 3, asked_model=request.model)


def settings(url: str, **others: str) -> Settings:
    return load_settings(traces_endpoint=url, llm_base_url="http://judge.example:8000/v1", **others)


def ended(metrics: Metrics, outcome: str) -> float:
    return metrics.registry.get_sample_value("assay_trace_spans_total", {"outcome": outcome}) or 0


async def called(traces: Traces, times: int = 1) -> float:
    """Seconds that the calls took."""
    began, llm = time.monotonic(), traces.llm(Answers())
    for _ in range(times):
        await llm.complete(REQUEST)
    return time.monotonic() - began


async def test_spans_arrive_with_headers_and_resource_at_the_end_at_the_latest(receiver: Receiver) -> None:
    metrics = Metrics()
    told = settings(receiver.url, traces_headers="wandb-api-key=k%20y", traces_resource="wandb.project=search")
    async with open_traces(told, metrics, SystemClock(), "host:1") as traces:
        await called(traces, 3)
    assert [span.name for span in receiver.spans] == ["chat m"] * 3
    attributes = values_of(receiver.spans[0].attributes)
    assert attributes["gen_ai.provider.name"] == "judge.example"
    assert attributes["server.port"] == 8000
    assert attributes["gen_ai.usage.input_tokens"] == 100
    assert receiver.headers[0]["wandb-api-key"] == "k y"
    assert {"service.name": "assay", "service.instance.id": "host:1", "wandb.project": "search"}.items() <= (
        receiver.resources[0].items()
    )
    assert (ended(metrics, "sent"), ended(metrics, "failed")) == (3, 0)


async def test_what_the_receiver_refuses_is_counted_and_costs_no_call(receiver: Receiver) -> None:
    receiver.status = 400
    metrics = Metrics()
    async with open_traces(settings(receiver.url), metrics, SystemClock(), "host:1") as traces:
        assert await called(traces, 2) < 0.5
    assert ended(metrics, "failed") == 2


async def test_a_receiver_that_is_away_costs_no_call_and_the_end_only_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics, began = Metrics(), time.monotonic()
    async with open_traces(settings("http://127.0.0.1:9"), metrics, SystemClock(), "host:1") as traces:
        assert await called(traces, 100) < 0.5
    assert time.monotonic() - began < FLUSH_S + 1
    assert ended(metrics, "failed") + ended(metrics, "dropped") == 100
    assert ended(metrics, "sent") == 0
    levels = [record.levelname for record in caplog.records if record.name.startswith("opentelemetry.exporter")]
    assert len(levels) == len(set(levels))  # each said once, however many tries there were


async def test_without_an_endpoint_nothing_is_wrapped() -> None:
    llm = Answers()
    async with open_traces(load_settings(), Metrics(), SystemClock(), "host:1") as traces:
        assert traces.llm(llm) is llm
