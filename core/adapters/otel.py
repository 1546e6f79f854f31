"""LLM calls and what came of them as OpenTelemetry spans, sent by OTLP/HTTP in the background (docs/tracing.md).

Names are those of the GenAI semantic conventions (`gen_ai.*`); what they have no name for is `assay.*`. A call is a
span of a trace of its own, whose ids follow from the call's id, so that results find it hours later and in another
process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from typing import Literal
from uuid import UUID

import structlog
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

log = structlog.get_logger(__name__)

Attributes = Mapping[str, AttributeValue]
Outcome = Literal["sent", "failed", "dropped"]

QUEUE = 1_000
"""Spans that wait to be sent, then new ones are dropped and counted: two minutes of the usual rate limit, and with
prompts of 30 kB 30 MB."""

BATCH = 64
"""Spans a request: with prompts some 2 MB, what receivers take."""

EVERY_MS = 2_000
"""Milliseconds a span waits at most for others."""

FLUSH_S = 5.0
"""Seconds at the end of the process for what still waits: a sixth of the drain's 30."""

EVENTS_A_SPAN = 512
"""Results of one call: the most products that one may have, several times over. The SDK's 128 would cut some off."""


class Tracing:
    """Spans on their way out. Making one takes a tenth of a millisecond; a thread of its own does the sending."""

    def __init__(
        self,
        exporter: SpanExporter,
        resource: Attributes,
        count: Callable[[Outcome, int], None],
        queue: int = QUEUE,
    ) -> None:
        """`count` is told how spans end, also by the thread that sends."""
        self._count = count
        self._queue = queue
        self._lock = threading.Lock()
        self._waiting = 0
        self._ids = _CallIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource(resource),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=SpanLimits(max_events=EVENTS_A_SPAN),
        )
        told = _Counted(exporter, self._left)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                told, max_queue_size=queue, schedule_delay_millis=EVERY_MS, max_export_batch_size=min(BATCH, queue)
            )
        )
        self._tracer = self._provider.get_tracer("assay", version("assay"))

    def call(self, name: str, call_id: UUID | None, since: datetime, until: datetime, attributes: Attributes) -> None:
        """A call to the LLM, from and to; `error.type` among the attributes makes it a failed one. Without an id
        (what failed has none) nothing will find it later."""
        if not self._room():
            return
        self._ids.following = call_id
        span = self._tracer.start_span(
            name, kind=SpanKind.CLIENT, start_time=_nanoseconds(since), attributes=dict(attributes)
        )
        _ended(span, until, attributes.get("error.type"))

    def results(
        self, name: str, call_id: UUID, at: datetime, attributes: Attributes, events: Sequence[Attributes]
    ) -> None:
        """What came of a call: a span below its span, with an event `gen_ai.evaluation.result` for each result."""
        if not self._room():
            return
        parent = SpanContext(call_id.int, span_id_of(call_id), is_remote=True, trace_flags=TraceFlags(1))
        span = self._tracer.start_span(
            name,
            set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.INTERNAL,
            start_time=_nanoseconds(at),
            attributes=dict(attributes),
        )
        for event in events:
            span.add_event("gen_ai.evaluation.result", dict(event), timestamp=_nanoseconds(at))
        _ended(span, at, None)

    async def close(self) -> None:
        """Send what waits, for `FLUSH_S` at the longest; what is left then is counted as dropped."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, FLUSH_S)
        with self._lock:
            left, self._waiting = self._waiting, 0
        if left:
            self._count("dropped", left)
            log.warning("traces.left", spans=left, why="the receiver did not take them in time")

    def _room(self) -> bool:
        with self._lock:
            full = self._waiting >= self._queue
            self._waiting += not full
        if full:
            self._count("dropped", 1)
        return not full

    def _left(self, outcome: Outcome, spans: int) -> None:
        """Told by the exporter's thread."""
        with self._lock:
            known = min(spans, self._waiting)
            self._waiting -= known
        if known:
            self._count(outcome, known)


class _CallIds(RandomIdGenerator):
    """A trace's and its span's id of the call's, where one is named just before the span is begun."""

    def __init__(self) -> None:
        self.following: UUID | None = None
        self._span_of: UUID | None = None

    def generate_trace_id(self) -> int:
        self._span_of, self.following = self.following, None
        return super().generate_trace_id() if self._span_of is None else self._span_of.int

    def generate_span_id(self) -> int:
        following = self._span_of or self.following
        self._span_of = self.following = None
        return super().generate_span_id() if following is None else span_id_of(following)


class _Counted(SpanExporter):
    """An exporter whose batches are counted by how they ended."""

    def __init__(self, inner: SpanExporter, ended: Callable[[Outcome, int], None]) -> None:
        self._inner = inner
        self._ended = ended

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome: Outcome = "failed"
        try:
            result = self._inner.export(spans)
            outcome = "sent" if result is SpanExportResult.SUCCESS else "failed"
            return result
        finally:
            self._ended(outcome, len(spans))

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def span_id_of(call_id: UUID) -> int:
    """The id of a call's own span."""
    return int.from_bytes(sha256(call_id.bytes).digest()[:8]) or 1


def _ended(span: Span, at: datetime, error: AttributeValue | None) -> None:
    if error is not None:
        span.set_status(Status(StatusCode.ERROR))
    span.end(_nanoseconds(at))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
