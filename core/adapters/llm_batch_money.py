"""Money of batches: the same ledger and caps as every other call's, at batch prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.adapters import llm_wire as wire
from core.adapters.llm_batch_lines import read
from core.adapters.llm_ledger import OK, CallAsk, CallEnd, Ledger
from core.batch_ports import CallMoney, Ended, Settled
from core.domain import money
from core.domain.budget import Grant
from core.domain.money import PriceTable, batch_price

LEASE_S = 25 * 3_600.0
"""How long a reservation lives: the day within which a provider answers or gives up, and an hour to fetch that."""

CALLS_AT_ONCE = 200
"""Calls of one statement: the ledger's own measure (docs/adr/0014)."""

UNANSWERED = "batch_unanswered"
"""Status of a call that a batch did not answer: it is asked again the usual way."""

NAME_LIMIT = 200
"""Characters kept of a model's name and fingerprint, as in core/adapters/llm.py."""


@dataclass(frozen=True, slots=True)
class LedgerMoney:
    """Port `BatchMoney`. `endpoint` as the ledger names it, `secret` is never kept in a text."""

    ledger: Ledger
    prices: PriceTable
    endpoint: str
    secret: str

    async def reserve(self, calls: Sequence[CallMoney], at: datetime) -> set[UUID]:
        """As the port says. It stops at the first part that is not granted whole: what follows would not fit either."""
        granted: set[UUID] = set()
        for start in range(0, len(calls), CALLS_AT_ONCE):
            part = calls[start : start + CALLS_AT_ONCE]
            verdicts = await self.ledger.reserve([self._ask(call) for call in part], at)
            given = {call.call_id for call, word in zip(part, verdicts, strict=True) if isinstance(word, Grant)}
            granted |= given
            if len(given) < len(part):
                break
        return granted

    async def release(self, call_ids: Sequence[UUID]) -> None:
        """As the port says."""
        for start in range(0, len(call_ids), CALLS_AT_ONCE):
            await self.ledger.settle([], call_ids[start : start + CALLS_AT_ONCE])

    async def settle(self, ended: Sequence[Ended]) -> list[Settled]:
        """As the port says."""
        read_ = [self._end(each) for each in ended]
        for start in range(0, len(read_), CALLS_AT_ONCE):
            await self.ledger.settle([end for end, _ in read_[start : start + CALLS_AT_ONCE]], [])
        return [settled for _, settled in read_]

    def _ask(self, call: CallMoney) -> CallAsk:
        return CallAsk(
            call_id=call.call_id,
            endpoint=self.endpoint,
            lane=call.lane,
            purpose=call.purpose,
            model=call.model,
            prompt_version=call.prompt_version,
            prompt_hash=call.prompt_hash,
            subject=call.subject,
            tasks=call.tasks,
            tokens=call.tokens,
            cost=call.worst,
            batch=True,
            lease=LEASE_S,
            prices=self.prices.version,
        )

    def _end(self, ended: Ended) -> tuple[CallEnd, Settled]:
        return self._answered(ended) if ended.answer else self._unanswered(ended)

    def _unanswered(self, ended: Ended) -> tuple[CallEnd, Settled]:
        """Free where the provider says that it did not answer; at its worst case where nobody knows."""
        cost = 0 if ended.free else ended.worst
        end = CallEnd(
            call_id=ended.call_id,
            status=UNANSWERED,
            started_at=ended.started_at,
            latency_ms=ended.latency_ms,
            tokens=None,
            cost=cost,
            http_status=ended.http_status,
            request=ended.kept,
            error=wire.without(ended.why, self.secret),
        )
        return end, Settled(ended.call_id, ended.lane, ended.model, UNANSWERED, cost)

    def _answered(self, ended: Ended) -> tuple[CallEnd, Settled]:
        found, wrong = read(ended.http_status, ended.answer)
        used = wire.used(found) if found else None
        cost, live = self._cost(ended, used)
        end = CallEnd(
            call_id=ended.call_id,
            status=OK if wrong is None else wrong.kind,
            started_at=ended.started_at,
            latency_ms=ended.latency_ms,
            tokens=used.input + used.output if used else None,
            cost=cost,
            http_status=ended.http_status,
            input_tokens=used.input if used else None,
            cached_tokens=used.cached if used else None,
            output_tokens=used.output if used else None,
            request=ended.kept,
            reply=wire.without(_said(found), self.secret),
            answered_by=(found.model or "")[:NAME_LIMIT] if found else "",
            fingerprint=(found.system_fingerprint or "")[:NAME_LIMIT] if found else "",
            error="" if wrong is None else wire.without(str(wrong), self.secret),
        )
        tokens = used or wire.Used(0, 0, 0)
        return end, Settled(ended.call_id, ended.lane, ended.model, end.status, cost, live, *tokens)

    def _cost(self, ended: Ended, used: wire.Used | None) -> tuple[int, int]:
        """Picodollars in the batch and the usual way. An answered call that names no tokens stays at its worst case,
        one that the provider refused is not billed."""
        if ended.http_status != 200:
            return 0, 0
        if used is None:
            return ended.worst, ended.worst
        price = self.prices.price(ended.model)
        return money.cost(batch_price(price), *used), money.cost(price, *used)


def _said(found: wire.Completion | None) -> str:
    message = found.choices[0].message if found else None
    return (message.content or message.refusal or "") if message else ""
