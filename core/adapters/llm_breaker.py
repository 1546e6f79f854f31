"""An LLM endpoint behind a circuit breaker for each of its models (`core.domain.breaker`).

Each replica learns by itself: an outage shows within seconds to all that call, at the price of a few failed calls each,
and a replica whose own network is cut stops nobody else. What is known of a breaker's state is in the metrics, and in
Postgres for the console through `told`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from core.domain import breaker as machine
from core.domain.breaker import Breaker, Rules
from core.errors import LlmBreakerOpen, LlmError
from core.ports import Clock, Llm, LlmReply, LlmRequest
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

PHASES = {"closed": 0, "half_open": 1, "open": 2}
"""As the gauge shows them."""

Told = Callable[[str, Breaker], None]
"""Called with the model at each change of phase."""


class BreakingLlm:
    """Port `Llm` around one endpoint, which `name` names in metrics and texts. `wall` is real time."""

    def __init__(
        self,
        inner: Llm,
        name: str,
        wall: Clock,
        metrics: Metrics,
        rules: Rules | None = None,
        told: Told | None = None,
    ) -> None:
        self._inner = inner
        self._name = name
        self._wall = wall
        self._metrics = metrics
        self._rules = rules or Rules()
        self._told = told
        self._breakers: dict[str, Breaker] = {}

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the port says; LlmBreakerOpen, and nothing sent, while this model's breaker is open."""
        turn, ended = self._admit(request.model), "given_up"
        waiting = replace(request, still=lambda: self._still(request, turn))
        try:
            reply = await self._inner.complete(waiting)
            ended = "ok"
            return reply
        except LlmError as error:
            ended = error.kind
            raise
        finally:
            self._end(request.model, turn, ended)

    def _admit(self, model: str) -> int:
        """The turn in which the call goes."""
        now = self._now()
        before = self._breakers.get(model) or machine.fresh(now)
        after, goes = machine.admitted(before, now)
        self._keep(model, before, after)
        if not goes:
            raise self._refused(model, after, now)
        return after.turn

    def _still(self, request: LlmRequest, turn: int) -> None:
        """A call that waited for its rate while the breaker opened is not sent, nor one whose caller wants it no more;
        LlmBreakerOpen, or what the caller raises."""
        breaker = self._breakers[request.model]
        if breaker.phase != "closed" and breaker.turn != turn:
            raise self._refused(request.model, breaker, self._now())
        if request.still is not None:
            request.still()

    def _refused(self, model: str, breaker: Breaker, now: float) -> LlmBreakerOpen:
        wait = machine.wait(breaker, now, self._rules)
        return LlmBreakerOpen(f"no call to {model} at the {self._name} endpoint: {breaker.why}", wait)

    def _end(self, model: str, turn: int, kind: str) -> None:
        before = self._breakers[model]
        after = machine.ended(before, turn, machine.outcome_of(kind), self._now(), self._rules)
        self._keep(model, before, after)

    def _keep(self, model: str, before: Breaker, after: Breaker) -> None:
        known = model in self._breakers
        self._breakers[model] = after
        if known and before.phase == after.phase:
            return
        self._metrics.set("assay_llm_breaker", PHASES[after.phase], endpoint=self._name, model=model)
        if after.phase == "open":
            self._metrics.count("assay_llm_breaker_opened_total", endpoint=self._name, model=model)
            seconds = round(after.until - after.since)
            log.warning("llm.breaker_open", endpoint=self._name, model=model, why=after.why, seconds=seconds)
        elif after.phase == "closed" and known:
            log.warning("llm.breaker_closed", endpoint=self._name, model=model)
        if self._told is not None:
            self._told(model, after)

    def _now(self) -> float:
        return self._wall.now().timestamp()
