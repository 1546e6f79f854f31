"""A second endpoint for the lanes that may not wait, while the first is out of service.

Out of service is: its breaker is open, it refuses the key or the model, or it ordered a pause of `patience` seconds
or more. Each call asks the first endpoint anew, which sends nothing while it is out and is how its return is seen: the
breaker's probe is one of these calls. A label carries the model that gave it (`LlmReply.asked_model`) and keeps its
content key, which names the judge that was asked for: nothing is paid twice (ADR 17).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from core.domain.labels import Lane
from core.errors import LlmBreakerOpen, LlmSlowDown, LlmUnauthorised, LlmUnknownModel
from core.ports import Llm, LlmReply, LlmRequest, PicturePart
from core.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class Second:
    """The second endpoint: its models' names, who may use it, and from which pause on (seconds)."""

    llm: Llm
    model: str
    vision_model: str
    lanes: Collection[Lane]
    patience: float


class FailoverLlm:
    """Port `Llm` over two endpoints."""

    def __init__(self, first: Llm, second: Second, metrics: Metrics) -> None:
        self._first = first
        self._second = second
        self._metrics = metrics

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the port says. What the second endpoint fails with is the call's end."""
        if request.lane not in self._second.lanes:
            return await self._first.complete(request)
        try:
            return await self._first.complete(request)
        except (LlmBreakerOpen, LlmUnauthorised) as error:
            reason = error.kind
        except LlmSlowDown as error:
            if error.retry_after < self._second.patience:
                raise
            reason = "hold"
        return await self._by_second(request, reason)

    async def _by_second(self, request: LlmRequest, reason: str) -> LlmReply:
        self._metrics.count("assay_llm_failover_total", reason=reason)
        try:
            return await self._second.llm.complete(replace(request, model=self._model(request)))
        except LlmUnknownModel:
            raise LlmUnknownModel(
                "the second LLM endpoint does not know the model: check ASSAY_LLM_FALLBACK_MODEL, "
                "ASSAY_LLM_FALLBACK_VISION_MODEL and ASSAY_LLM_FALLBACK_BASE_URL"
            ) from None
        except LlmUnauthorised:
            raise LlmUnauthorised("the second LLM endpoint refuses the key: check ASSAY_LLM_FALLBACK_API_KEY") from None

    def _model(self, request: LlmRequest) -> str:
        seen = any(isinstance(part, PicturePart) for part in request.user)
        return self._second.vision_model if seen else self._second.model
