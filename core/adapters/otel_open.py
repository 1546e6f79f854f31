"""Traces as the settings say: where they go, what of them, and the ports that tell of themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import unquote

from core.adapters.eval_runs import PostgresRuns
from core.adapters.otel import Outcome, Tracing
from core.adapters.otel_llm import Told, TracedJudgements, TracedLlm
from core.adapters.otel_runs import TracedRuns
from core.adapters.postgres import Pool
from core.ports import Clock, JudgementStore, Llm
from core.settings import Settings
from core.telemetry import Metrics

TIMEOUT_S = 5.0
"""Seconds for a request and its retries. A receiver slower than this is behind for good, and the queue says so."""

PATH = "/v1/traces"
"""Where OTLP/HTTP receivers take traces (OpenTelemetry protocol exporter, endpoint URLs)."""


SAID_EVERY_S = 60.0
"""The exporter says this often that a receiver is away, not at each of its tries: the metric has the figures."""


class Seldom(logging.Filter):
    """Lets one line of each level through every `SAID_EVERY_S`."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[int, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said."""
        now, last = time.monotonic(), self._said.get(record.levelno)
        if last is not None and now - last < SAID_EVERY_S:
            return False
        self._said[record.levelno] = now
        return True


@dataclass(frozen=True, slots=True)
class Traces:
    """Ports that are traced, or as they were where no endpoint is set."""

    tracing: Tracing | None
    told: Told
    wall: Clock

    def llm(self, inner: Llm) -> Llm:
        """Its calls become spans. The outermost of its wrappers: what a batch answered is seen here too."""
        return TracedLlm(inner, self.tracing, self.told, self.wall) if self.tracing else inner

    def judgements(self, inner: JudgementStore) -> JudgementStore:
        """Its labels and scores become results."""
        return TracedJudgements(inner, self.tracing, self.told, self.wall) if self.tracing else inner

    def runs(self, pool: Pool) -> PostgresRuns:
        """What judges say in an evaluation becomes results."""
        return TracedRuns(pool, self.tracing, self.told, self.wall) if self.tracing else PostgresRuns(pool)


@asynccontextmanager
async def open_traces(settings: Settings, metrics: Metrics, wall: Clock, instance: str) -> AsyncIterator[Traces]:
    """While the block lasts; at its end what still waits is sent, for a few seconds."""
    if settings.traces_endpoint is None:
        yield Traces(None, told_of(settings), wall)
        return

    def count(outcome: Outcome, spans: int) -> None:
        metrics.count("assay_trace_spans_total", spans, outcome=outcome)

    # Protobuf and requests come with it, a tenth of a command's start: only where traces are sent.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    headers = settings.traces_headers.get_secret_value() if settings.traces_headers else ""
    exporter = OTLPSpanExporter(
        endpoint=settings.traces_endpoint.rstrip("/") + PATH, headers=pairs_of(headers), timeout=TIMEOUT_S
    )
    named = {"service.name": "assay", "service.version": version("assay"), "service.instance.id": instance}
    tracing = Tracing(exporter, {**named, **pairs_of(settings.traces_resource)}, count)
    spoken, seldom = logging.getLogger(OTLPSpanExporter.__module__), Seldom()
    spoken.addFilter(seldom)
    try:
        yield Traces(tracing, told_of(settings), wall)
    finally:
        await tracing.close()
        spoken.removeFilter(seldom)


def pairs_of(text: str) -> dict[str, str]:
    """`name=value,other=value` as OpenTelemetry's variables have it: names as they are, values percent-decoded."""
    parts = [part.partition("=") for part in text.split(",") if "=" in part]
    return {name.strip(): unquote(value.strip()) for name, _, value in parts}


def told_of(settings: Settings) -> Told:
    """As the settings say."""
    return Told(
        content=settings.traces_content == "all",
        first=settings.llm_base_url or "",
        second=(settings.llm_fallback_model or "", settings.llm_fallback_base_url or ""),
        secret=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "",
    )
