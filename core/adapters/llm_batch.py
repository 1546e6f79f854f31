"""Calls that can wait, answered by the provider's batch API: the port `Llm` around another one.

A call is asked for twice or more: the first time it is collected and the task put back without blame (`LlmPending`),
later the same call, known by what would go over the wire, finds its answer. What a batch has not answered in time, or
could not, goes to the inner one (docs/batch-lane.md, docs/adr/0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from core.adapters import llm_batch_lines as lines
from core.adapters import llm_wire as wire
from core.adapters.llm_errors import checked
from core.batch_ports import BatchItems, Item, NewItem
from core.domain import money
from core.domain.labels import Lane
from core.domain.money import PriceTable, batch_price
from core.errors import LlmImpossible, LlmPending, LlmRefused, LlmTruncated
from core.ports import Clock, Llm, LlmReply, LlmRequest

NAMELESS_PAUSE_S = 60.0
"""A call that names no task has nobody to be woken: it looks again after this, as often as a batch is looked at."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """What goes into batches. `deadline`: how long a call may wait there. `newer`, `temperature`: how the endpoint is
    asked, as `core.adapters.llm.Endpoint` says; `secret` is never kept in a text."""

    lanes: frozenset[Lane]
    purposes: frozenset[str]
    deadline: timedelta
    temperature: float | None = 0.0
    newer: bool = True
    secret: str = ""


class BatchLlm:
    """Port `Llm`. `clock` is the business's, `wall` real time and the inbox's."""

    def __init__(
        self, inner: Llm, items: BatchItems, prices: PriceTable, policy: BatchPolicy, clock: Clock, wall: Clock
    ) -> None:
        self._inner = inner
        self._items = items
        self._prices = prices
        self._policy = policy
        self._clock = clock
        self._wall = wall

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The batch's answer, LlmPending while there is none, or as the inner one says; RetryLater where the database
        can't be reached."""
        if request.lane not in self._policy.lanes or request.purpose not in self._policy.purposes:
            return await self._inner.complete(request)
        now = self._wall.now()
        item = await self._items.ask(self._new(request), now, now + self._policy.deadline)
        if item.state == "live":
            return await self._inner.complete(request)
        if item.state != "answered":
            raise LlmPending("the answer is ordered in a batch", self._until(request, item, now))
        return await self._read(request, item)

    async def _read(self, request: LlmRequest, item: Item) -> LlmReply:
        """The stored answer, or the error that it is. An error is raised once, and the call is asked live next; but
        where its asker will halve the call (core/stages/judge_query.py) it stays, or the whole would be paid for again
        before each half's answer is read."""
        found, wrong = lines.read(item.http_status, item.answer)
        text = (found.choices[0].message.content or "") if found else ""
        failed = wrong or checked(request, text)
        if failed is None and found is not None:
            return _reply(request, item, found, text)
        if wrong is None and failed is not None:
            await self._items.unusable(item.call_id, failed.kind, str(failed))
        if not (isinstance(failed, LlmRefused | LlmTruncated | LlmImpossible) and len(request.tasks) > 1):
            await self._items.go_live(item.call_id, str(failed), self._wall.now())
        raise failed or LlmImpossible("the batch's answer can't be read")

    def _until(self, request: LlmRequest, item: Item, now: datetime) -> datetime:
        """In business time, as every `until` of a call."""
        latest = item.deadline_at if request.tasks else now + timedelta(seconds=NAMELESS_PAUSE_S)
        return self._clock.now() + (min(latest, item.deadline_at) - now)

    def _new(self, request: LlmRequest) -> NewItem:
        price = self._prices.price(request.model)
        size = wire.size(request, price)
        body = lines.body(request, self._policy.temperature, newer=self._policy.newer)
        return NewItem(
            call_id=uuid4(),
            key=lines.key_of(body),
            lane=request.lane,
            purpose=request.purpose,
            model=request.model,
            prompt_version=request.prompt_version,
            prompt_hash=wire.prompt_hash(request),
            system=request.system,
            subject=request.subject,
            tasks=request.tasks,
            body=body,
            kept=wire.kept(request, self._policy.secret),
            input_tokens=size.likely,
            tokens=size.likely + request.max_output_tokens,
            worst=money.worst_cost(batch_price(price), size.most, request.max_output_tokens),
        )


def _reply(request: LlmRequest, item: Item, found: wire.Completion, text: str) -> LlmReply:
    used = wire.used(found) or wire.Used(0, 0, 0)
    return LlmReply(
        call_id=item.call_id,
        text=text,
        model=found.model or request.model,
        fingerprint=found.system_fingerprint or "",
        input_tokens=used.input,
        cached_tokens=used.cached,
        output_tokens=used.output,
        cost_usd=money.usd(item.cost),
        latency_ms=item.latency_ms,
        asked_model=request.model,
    )
