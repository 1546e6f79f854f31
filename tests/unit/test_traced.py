"""What is told of calls and results, and what is kept back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from core.adapters.otel import Outcome, Tracing, span_id_of
from core.adapters.otel_llm import Told, TracedJudgements, TracedLlm, provider_of
from core.adapters.otel_open import pairs_of, told_of
from core.adapters.otel_runs import result_told
from core.errors import LlmBreakerOpen, LlmError, LlmOverBudget, LlmPending, LlmTimeout
from core.eval_facts import EvalResult
from core.ports import JudgementStore, LlmReply, LlmRequest, PicturePart, TextPart
from core.settings import load_settings
from tests.contract import facts
from tests.support.sample_data import NOW

CALL = UUID("0f3a0000-0000-4000-8000-000000000001")
SUBJECT = {"application": "shop", "market": "us", "query": "secret query", "listing_id": "L1", "judge": "strict@0f3a"}
PARTS = (TextPart("secret data sk-123456789"), PicturePart(b"jpeg", 8, 9))
REQUEST = LlmRequest("live", "judgements", "m", "v1", "secret rules", PARTS, {}, 100, subject=SUBJECT, seed=7)
REPLY = LlmReply(CALL, '{"secret": "reply"}', "m-2026", "f", 100, 60, 20, 0.5, 1_500, asked_model="m")
NONE = Told(content=False, first="https://api.openai.com/v1")
ALL = replace(NONE, content=True, secret="sk-123456789")


class Wall:
    """Each look is two seconds later."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=2)
        return self.at

    async def sleep(self, seconds: float) -> None:
        del seconds


class OneEnd:
    def __init__(self, end: LlmReply | LlmError) -> None:
        self._end = end

    async def complete(self, request: LlmRequest) -> LlmReply:
        if isinstance(self._end, LlmError):
            raise self._end
        return self._end


async def told_spans(end: LlmReply | LlmError, told: Told = NONE, request: LlmRequest = REQUEST) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, {}, lambda outcome, spans: None)
    llm = TracedLlm(OneEnd(end), tracing, told, Wall())
    if isinstance(end, LlmError):
        with pytest.raises(type(end)):
            await llm.complete(request)
    else:
        assert await llm.complete(request) is end
    await tracing.close()
    return list(exporter.get_finished_spans())


async def one_span(end: LlmReply | LlmError, told: Told = NONE) -> ReadableSpan:
    (span,) = await told_spans(end, told)
    return span


async def test_a_call_is_a_span_in_the_genai_conventions() -> None:
    span = await one_span(REPLY)
    assert span.name == "chat m"
    assert span.kind is SpanKind.CLIENT
    assert span.attributes is not None
    assert {name: value for name, value in span.attributes.items() if name.startswith(("gen_ai.", "server."))} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "json",
        "gen_ai.response.id": str(CALL),
        "gen_ai.response.model": "m-2026",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "server.address": "api.openai.com",
        "server.port": 443,
    }
    assert span.attributes["assay.cost_usd"] == 0.5
    assert span.attributes["assay.judge"] == "strict@0f3a"
    assert span.attributes["assay.prompt_version"] == "v1"


async def test_its_ids_follow_from_the_calls() -> None:
    context = (await one_span(REPLY)).get_span_context()
    assert context is not None
    assert (context.trace_id, context.span_id) == (CALL.int, span_id_of(CALL))


async def test_it_lasts_as_long_as_the_call_and_says_how_long_that_waited() -> None:
    span = await one_span(REPLY)
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 1_500_000_000
    assert (span.attributes or {})["assay.waited_ms"] == 500


async def test_a_failure_has_its_kind_and_ids_of_its_own() -> None:
    span = await one_span(LlmTimeout("nothing came in 120 s from secret host"))
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "timeout"
    assert "secret" not in span.to_json()


@pytest.mark.parametrize("end", [LlmOverBudget("", NOW), LlmPending("", NOW), LlmBreakerOpen("", 1.0)])
async def test_what_was_not_sent_is_no_span(end: LlmError) -> None:
    assert await told_spans(end) == []


async def test_nothing_that_was_said_leaves_unless_it_may() -> None:
    said = (await one_span(REPLY)).to_json()
    assert "secret" not in said
    assert "L1" not in said


async def test_what_was_said_leaves_where_it_may_without_the_key_and_without_pictures() -> None:
    attributes = dict((await one_span(REPLY, ALL)).attributes or {})
    assert attributes["gen_ai.system_instructions"] == '[{"type":"text","content":"secret rules"}]'
    (output,) = msgspec.json.decode(str(attributes["gen_ai.output.messages"]))
    assert output == {
        "role": "assistant",
        "parts": [{"type": "text", "content": '{"secret": "reply"}'}],
        "finish_reason": "stop",
    }
    messages = str(attributes["gen_ai.input.messages"])
    assert "secret data ***" in messages
    assert "a picture of 8 x 9" in messages
    assert attributes["assay.query"] == "secret query"


async def test_the_second_endpoint_is_named_where_its_model_answered() -> None:
    told = replace(NONE, second=("other", "https://api.mistral.ai/v1"))
    attributes = dict((await one_span(replace(REPLY, asked_model="other"), told)).attributes or {})
    assert attributes["gen_ai.provider.name"] == "mistral_ai"
    assert attributes["gen_ai.request.model"] == "other"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "openai"),
        ("shop.openai.azure.com", "azure.ai.openai"),
        ("notopenai.azure.com", "notopenai.azure.com"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "aws.bedrock"),
        ("localhost", "localhost"),
        ("", "unknown"),
    ],
)
def test_a_provider_is_known_by_its_host(host: str, name: str) -> None:
    assert provider_of(host) == name


# --- Results ---------------------------------------------------------------------------------------------


class Kept:
    """A store of which only the saving is used."""

    def __init__(self) -> None:
        self.saved = 0

    async def description(self) -> None: ...

    save_description = labels = image_score = description

    async def save_labels(self, *told: object) -> None:
        self.saved += 1

    save_image_score = save_labels


async def test_labels_are_results_below_the_call_that_gave_them() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, {}, lambda outcome, spans: None)
    store = TracedJudgements(cast("JudgementStore", Kept()), tracing, NONE, Wall())
    labels = [facts.label("a", call_id=CALL, judge="strict@0f3a"), facts.label("b", call_id=CALL), facts.label("c")]
    await store.save_labels(labels, [], [], NOW)
    await tracing.close()
    of_call, of_other = exporter.get_finished_spans()
    assert of_call.parent is not None
    assert (of_call.parent.trace_id, of_call.parent.span_id) == (CALL.int, span_id_of(CALL))
    assert [event.name for event in of_call.events] == ["gen_ai.evaluation.result"] * 2
    assert len(of_other.events) == 1
    told = dict(of_call.events[0].attributes or {})
    assert told["gen_ai.evaluation.name"] == "relevance"
    assert told["gen_ai.evaluation.score.value"] == float(labels[0].label.grade)
    assert told["gen_ai.evaluation.score.label"] == labels[0].label.value
    assert told["assay.judge"] == "strict@0f3a"
    assert "gen_ai.evaluation.explanation" not in told
    assert "assay.query" not in told


async def test_reasons_of_labels_and_scores_leave_where_they_may() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, {}, lambda outcome, spans: None)
    store = TracedJudgements(cast("JudgementStore", Kept()), tracing, ALL, Wall())
    label, score = facts.label("a"), facts.score("b", flags=("ai_made",))
    await store.save_labels([label], [], [], NOW)
    await store.save_image_score([score], [], [], NOW)
    await tracing.close()
    told = [dict(span.events[0].attributes or {}) for span in exporter.get_finished_spans()]
    assert [each["gen_ai.evaluation.explanation"] for each in told] == [label.reasoning, score.reasoning]
    assert [each["gen_ai.evaluation.name"] for each in told] == ["relevance", "image_quality"]
    assert told[1]["assay.flags"] == ("ai_made",)


async def test_a_label_that_was_not_stored_is_not_told() -> None:
    class Away(Kept):
        async def save_labels(self, *told: object) -> None:
            raise LlmTimeout("the database")

    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, {}, lambda outcome, spans: None)
    store = TracedJudgements(cast("JudgementStore", Away()), tracing, NONE, Wall())
    with pytest.raises(LlmTimeout):
        await store.save_labels([facts.label("a")], [], [], NOW)
    await tracing.close()
    assert exporter.get_finished_spans() == ()


def test_an_answer_of_an_evaluation_names_its_run_and_item() -> None:
    result = EvalResult(
        UUID(int=1), "strict@0f3a", "i1", 2, 0.9, "because", "y", {}, "g1", "k", CALL, "", False, 0.1, 1.0, 1.0, 5, NOW
    )  # fmt: skip
    told = result_told(result, 2, content=False)
    assert told["gen_ai.evaluation.score.label"] == "highly_relevant"
    assert told["assay.eval_run"] == str(UUID(int=1))
    assert "gen_ai.evaluation.explanation" not in told
    pictures = result_told(replace(result, aspects={"focus": 7}), 7, content=True)
    assert pictures["gen_ai.evaluation.name"] == "image_quality"
    assert pictures["gen_ai.evaluation.explanation"] == "because"


# --- Settings --------------------------------------------------------------------------------------------


def test_opentelemetrys_own_variables_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://cloud.langfuse.com/api/public/otel")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20abc==,x-more=1")
    settings = load_settings()
    assert settings.traces_endpoint == "https://cloud.langfuse.com/api/public/otel"
    assert settings.traces_headers is not None
    assert pairs_of(settings.traces_headers.get_secret_value()) == {"Authorization": "Basic abc==", "x-more": "1"}
    assert "abc" not in repr(settings)


def test_content_stays_unless_set() -> None:
    assert not told_of(load_settings()).content
    assert told_of(load_settings(traces_content="all")).content


# --- The queue -------------------------------------------------------------------------------------------


class Slow(InMemorySpanExporter):
    """Takes nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go.wait(5)
        return super().export(spans)


async def test_spans_over_the_queue_are_dropped_and_counted() -> None:
    counted: Counter[Outcome] = Counter()
    exporter = Slow()
    tracing = Tracing(exporter, {}, lambda outcome, spans: counted.update({outcome: spans}), queue=5)
    for _ in range(8):
        tracing.call("chat m", None, NOW, NOW, {})
    exporter.go.set()
    await tracing.close()
    assert counted == {"dropped": 3, "sent": 5}
    assert len(exporter.get_finished_spans()) == 5
