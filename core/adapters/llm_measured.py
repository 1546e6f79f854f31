"""An LLM whose calls are counted, with status, tokens, cost and latency, and whose failures are said."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import structlog

from core.domain.labels import Lane
from core.domain.privacy import masked
from core.errors import LlmError
from core.ports import Clock, Llm, LlmReply, LlmRequest, TextPart
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

SAID_EVERY = timedelta(minutes=1)
"""A kind of failure is said this often, however many tasks meet it: a wrong key fails thousands alike."""


class MeasuredLlm:
    """Port `Llm` around another one. `wall` is real time."""

    def __init__(self, inner: Llm, metrics: Metrics, wall: Clock) -> None:
        self._inner = inner
        self._metrics = metrics
        self._wall = wall
        self._said: dict[str, datetime] = {}
        self._under_way: Counter[Lane] = Counter()

    async def complete(self, request: LlmRequest) -> LlmReply:
        self._add(request.lane, 1)
        self._count_masks(request)
        try:
            return await self._counted(request)
        finally:
            self._add(request.lane, -1)

    def _add(self, lane: Lane, change: int) -> None:
        self._under_way[lane] += change
        self._metrics.set("assay_llm_under_way", self._under_way[lane], lane=lane)

    def _count_masks(self, request: LlmRequest) -> None:
        """What was kept from the provider, by kind; a call that is tried again counts again."""
        for part in request.user:
            for kind, count in masked(part.text).items() if isinstance(part, TextPart) else ():
                self._metrics.count("assay_screened_total", count, kind=kind)

    async def _counted(self, request: LlmRequest) -> LlmReply:
        lane, metrics = request.lane, self._metrics
        try:
            reply = await self._inner.complete(request)
        except LlmError as error:
            metrics.count("assay_llm_calls_total", lane=lane, model=request.model, status=error.kind)
            self._say(error, request)
            raise
        model = reply.asked_model or request.model
        metrics.count("assay_llm_calls_total", lane=lane, model=model, status="ok")
        metrics.count("assay_llm_tokens_total", reply.input_tokens, lane=lane, kind="input")
        metrics.count("assay_llm_tokens_total", reply.cached_tokens, lane=lane, kind="cached")
        metrics.count("assay_llm_tokens_total", reply.output_tokens, lane=lane, kind="output")
        metrics.count("assay_llm_cost_usd_total", reply.cost_usd, lane=lane)
        metrics.observe("assay_llm_latency_seconds", reply.latency_ms / 1000, model=model)
        return reply

    def _say(self, error: LlmError, request: LlmRequest) -> None:
        now = self._wall.now()
        last = self._said.get(error.kind)
        if last is None or now - last >= SAID_EVERY:
            self._said[error.kind] = now
            log.warning("llm.failed", kind=error.kind, error=str(error), lane=request.lane, model=request.model)
