"""The ports `Llm` and `JudgementStore` with each call and each result told to OpenTelemetry (core/adapters/otel.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from opentelemetry.util.types import AttributeValue

from core.adapters.llm_wire import without
from core.adapters.otel import Tracing
from core.errors import LlmBreakerOpen, LlmError, LlmOverBudget, LlmPending
from core.ports import (
    AnchorOutcome,
    Clock,
    ImageScoreFact,
    JudgementStore,
    LabelFact,
    Llm,
    LlmReply,
    LlmRequest,
    NewTask,
    OutgoingEvent,
    PicturePart,
    TextPart,
)

NOT_SENT = (LlmOverBudget, LlmPending, LlmBreakerOpen)
"""Ends of a request that never was a call: no span."""

RELEVANCE, IMAGE_QUALITY = "relevance", "image_quality"
"""What is evaluated (`gen_ai.evaluation.name`): a product for a query, 0 to 2; a picture, 1 to 10."""

NAMES = ("application", "market", "language", "judge", "eval_run", "cascade")
"""What of a request's subject is a name of ours and no content; queries and listings are content."""

PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.perplexity.ai": "perplexity",
    "api.cohere.com": "cohere",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
}
"""Well-known providers (gen_ai.provider.name) by the end of their host; others have the host's name."""


@dataclass(frozen=True, slots=True)
class Told:
    """What of a call may leave, and where calls go. `second`: the fallback's model and address, empty without one."""

    content: bool
    first: str
    second: tuple[str, str] = ("", "")
    secret: str = ""

    def endpoint(self, model: str, asked: str) -> str:
        """The address that answered under this model's name where `asked` was wanted."""
        other, address = self.second
        return address if other and model == other != asked else self.first


class TracedLlm:
    """Port `Llm` around another one; `wall` is real time. The call itself waits for nothing of this."""

    def __init__(self, inner: Llm, tracing: Tracing, told: Told, wall: Clock) -> None:
        self._inner = inner
        self._tracing = tracing
        self._told = told
        self._wall = wall

    async def complete(self, request: LlmRequest) -> LlmReply:
        since = self._wall.now()
        try:
            reply = await self._inner.complete(request)
        except NOT_SENT:
            raise
        except LlmError as error:
            failed = {**self._asked(request, request.model), "error.type": error.kind}
            self._tracing.call(_name(request), None, since, self._wall.now(), failed)
            raise
        until = self._wall.now()
        began = max(since, until - timedelta(milliseconds=reply.latency_ms))
        told = {**self._asked(request, reply.asked_model), **self._answered(reply, began - since)}
        self._tracing.call(_name(request), reply.call_id, began, until, told)
        return reply

    def _asked(self, request: LlmRequest, model: str) -> dict[str, AttributeValue]:
        address = urlsplit(self._told.endpoint(model, request.model))
        told: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_of(address.hostname or ""),
            "gen_ai.request.model": model or request.model,
            "gen_ai.request.max_tokens": request.max_output_tokens,
            "gen_ai.output.type": "json",
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if address.scheme == "https" else 80),
            "assay.lane": request.lane,
            "assay.purpose": request.purpose,
            "assay.prompt_version": request.prompt_version,
            "assay.tasks": len(request.tasks),
        }
        told |= {f"assay.{name}": request.subject[name] for name in NAMES if request.subject.get(name)}
        if request.seed is not None:
            told["gen_ai.request.seed"] = request.seed
        return told | (self._said(request) if self._told.content else {})

    def _said(self, request: LlmRequest) -> dict[str, AttributeValue]:
        parts = [_part(part, self._told.secret) for part in request.user]
        told: dict[str, AttributeValue] = {
            "gen_ai.system_instructions": _json([{"type": "text", "content": request.system}]),
            "gen_ai.input.messages": _json([{"role": "user", "parts": parts}]),
        }
        named = {name: value for name, value in request.subject.items() if name not in NAMES}
        return told | {f"assay.{name}": value for name, value in named.items() if value}

    def _answered(self, reply: LlmReply, waited: timedelta) -> dict[str, AttributeValue]:
        told: dict[str, AttributeValue] = {
            "gen_ai.response.id": str(reply.call_id),
            "gen_ai.response.model": reply.model,
            "gen_ai.usage.input_tokens": reply.input_tokens,
            "gen_ai.usage.output_tokens": reply.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": reply.cached_tokens,
            "assay.cost_usd": reply.cost_usd,
            "assay.waited_ms": round(waited.total_seconds() * 1000),
        }
        if reply.fingerprint:
            told["assay.fingerprint"] = reply.fingerprint
        if self._told.content:
            said = {"type": "text", "content": without(reply.text, self._told.secret)}
            told["gen_ai.output.messages"] = _json([{"role": "assistant", "parts": [said], "finish_reason": "stop"}])
        return told


class TracedJudgements:
    """Port `JudgementStore` around another one: what is stored is told as results of the calls that gave it."""

    def __init__(self, inner: JudgementStore, tracing: Tracing, told: Told, wall: Clock) -> None:
        self._inner = inner
        self._tracing = tracing
        self._told = told
        self._wall = wall
        self.description = inner.description
        self.save_description = inner.save_description
        self.labels = inner.labels
        self.image_score = inner.image_score

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        await self._inner.save_labels(facts, events, done, at)
        self._tell(RELEVANCE, [(fact.call_id, label_told(fact, content=self._told.content)) for fact in facts])

    async def save_image_score(
        self,
        facts: Sequence[ImageScoreFact],
        events: Sequence[OutgoingEvent],
        done: Sequence[UUID],
        at: datetime,
        more: Sequence[NewTask] = (),
    ) -> None:
        await self._inner.save_image_score(facts, events, done, at, more)
        told = [(fact.call_id, score_told(fact, content=self._told.content)) for fact in facts]
        self._tell(IMAGE_QUALITY, [(call_id, each) for call_id, each in told if call_id is not None])

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        """Anchors watch the judge; they are no results of the catalogue, and stay here."""
        await self._inner.save_anchor_outcomes(outcomes, done, at)

    def _tell(self, name: str, results: Sequence[tuple[UUID, Mapping[str, AttributeValue]]]) -> None:
        by_call: dict[UUID, list[Mapping[str, AttributeValue]]] = defaultdict(list)
        for call_id, told in results:
            by_call[call_id].append(told)
        for call_id, events in by_call.items():
            of_all = {"gen_ai.evaluation.name": name, "gen_ai.response.id": str(call_id)}
            self._tracing.results(f"evaluate {name}", call_id, self._wall.now(), of_all, events)


def label_told(fact: LabelFact, *, content: bool) -> dict[str, AttributeValue]:
    """A label as the attributes of `gen_ai.evaluation.result`."""
    told: dict[str, AttributeValue] = {
        "gen_ai.evaluation.name": RELEVANCE,
        "gen_ai.evaluation.score.value": float(fact.label.grade),
        "gen_ai.evaluation.score.label": fact.label.value,
        "gen_ai.response.id": str(fact.call_id),
        "assay.confidence": fact.confidence,
        "assay.event_id": str(fact.event_id),
        "assay.judge": fact.judge,
        "assay.guideline_version": fact.guideline_version,
        "assay.prompt_version": fact.prompt_version,
        "assay.market": fact.market,
        "assay.application": fact.application,
    }
    if content:
        told |= {
            "gen_ai.evaluation.explanation": fact.reasoning,
            "assay.query": fact.query,
            "assay.listing_id": fact.listing_id,
        }
    return told


def score_told(fact: ImageScoreFact, *, content: bool) -> dict[str, AttributeValue]:
    """A picture's score as the attributes of `gen_ai.evaluation.result`."""
    told: dict[str, AttributeValue] = {
        "gen_ai.evaluation.name": IMAGE_QUALITY,
        "gen_ai.evaluation.score.value": float(fact.score),
        "gen_ai.response.id": str(fact.call_id),
        "assay.event_id": str(fact.event_id),
        "assay.judge": fact.judge,
        "assay.prompt_version": fact.prompt_version,
    }
    if fact.flags:
        told["assay.flags"] = fact.flags
    if content:
        told |= {
            "gen_ai.evaluation.explanation": fact.reasoning,
            "assay.image_url": fact.image_url,
            "assay.listing_id": fact.listing_id,
        }
    return told


def provider_of(host: str) -> str:
    """The conventions' name of who is behind a host."""
    found = (name for end, name in PROVIDERS.items() if host == end or host.endswith(f".{end}"))
    return next(found, host or "unknown")


def _name(request: LlmRequest) -> str:
    return f"chat {request.model}"


def _part(part: TextPart | PicturePart, secret: str) -> dict[str, str]:
    """Pictures by hash and size: their bytes are no use to a reader of traces."""
    if isinstance(part, TextPart):
        return {"type": "text", "content": without(part.text, secret)}
    return {"type": "text", "content": f"[a picture of {part.width} x {part.height}, {len(part.jpeg)} bytes]"}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
