"""An LLM whose calls are counted: by lane, model and status, with tokens, cost and latency."""

from __future__ import annotations

from core.errors import LlmError
from core.ports import Llm, LlmReply, LlmRequest
from core.telemetry import Metrics


class MeasuredLlm:
    """Port `Llm` around another one."""

    def __init__(self, inner: Llm, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def complete(self, request: LlmRequest) -> LlmReply:
        lane, metrics = request.lane, self._metrics
        try:
            reply = await self._inner.complete(request)
        except LlmError as error:
            metrics.count("assay_llm_calls_total", lane=lane, model=request.model, status=error.kind)
            raise
        metrics.count("assay_llm_calls_total", lane=lane, model=request.model, status="ok")
        metrics.count("assay_llm_tokens_total", reply.input_tokens, lane=lane, kind="input")
        metrics.count("assay_llm_tokens_total", reply.cached_tokens, lane=lane, kind="cached")
        metrics.count("assay_llm_tokens_total", reply.output_tokens, lane=lane, kind="output")
        metrics.count("assay_llm_cost_usd_total", reply.cost_usd, lane=lane)
        metrics.observe("assay_llm_latency_seconds", reply.latency_ms / 1000, model=request.model)
        return reply
