"""The port `Llm` at one OpenAI-compatible endpoint: each call waits at the gate, is sent once, and settled.

Rate, calls at once and money are shared by all replicas (core/adapters/llm_gate.py). No call is retried here: what
failed goes back to the inbox with its reason.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import openai

from core.adapters import llm_wire as wire
from core.adapters.llm_client import Answered, Endpoint, client, post
from core.adapters.llm_errors import Failure, checked, failure, late, unusable
from core.adapters.llm_gate import Gate
from core.adapters.llm_headers import said
from core.adapters.llm_ledger import OK, CallAsk, CallEnd
from core.adapters.llm_pacer import NO_NEWS, Heard
from core.adapters.llm_stops import Stops, Strikes
from core.domain import money
from core.domain.estimates import Estimates
from core.domain.money import Price, PriceTable
from core.errors import LlmError, LlmInvalid, LlmSlowDown, LlmUnauthorised
from core.ports import Clock, LlmReply, LlmRequest

NAME_LIMIT = 200
"""Characters kept of a model's name and fingerprint: the longest in use have 80."""

_LOADED = ("rate_limited", "overloaded", "server_error", "timeout", "network")
"""Kinds of failure that speak of the provider's load: too many of them, and fewer calls go at once."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A call on its way: what was asked for it, its input as counted, and since when, in business and in real time."""

    request: LlmRequest
    ask: CallAsk
    price: Price
    counted: int
    started_at: datetime
    since: datetime


class OpenAiLlm:
    """Close it with `aclose`. `clock` tells the budget's day (a simulation has its own), `wall` real time."""

    def __init__(self, endpoint: Endpoint, gate: Gate, prices: PriceTable, clock: Clock, wall: Clock) -> None:
        self._endpoint = endpoint
        self._prices = prices
        self._clock = clock
        self._wall = wall
        self._gate = gate
        self._client = client(endpoint)
        self._estimates = Estimates()
        self._strikes = Strikes()
        self._stops = Stops(wall)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the port says; RetryLater too, where the ledger can't be reached."""
        self._stops.check(request.model)
        sent = await self._enter(request)
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                answer = await post(self._client, self._endpoint, request)
        except asyncio.CancelledError:
            self._gate.leave_soon(self._end(sent, "cancelled", error="the process stopped waiting for the reply"))
            raise
        except TimeoutError:
            return await self._failed(sent, late(self._endpoint.timeout), NO_NEWS)
        except openai.APIError as error:
            strikes = self._strikes.before(sent.since)
            failed = failure(error, strikes, self._endpoint.api_key, self._wall.now())
            return await self._failed(sent, failed, _heard(error, sent))
        except BaseException:
            self._gate.leave_soon(self._end(sent, "cancelled", error="the process met a defect under the call"))
            raise
        return await self._answered(sent, answer)

    async def aclose(self) -> None:
        """Store what has ended, close the connections."""
        await self._gate.close()
        await self._client.close()

    async def _enter(self, request: LlmRequest) -> _Sent:
        """A grant that is still good: one that a 429, a 401 or the breaker of this process overtook is given back."""
        stops = self._stops.seen(request.model)
        price = self._prices.price(request.model, self._clock.now().date())
        size = wire.size(request, price)
        while True:
            ask = self._ask(request, price, size)
            await self._gate.enter(ask, _prefix(request), request.still)
            try:
                if self._stops.seen(request.model) != stops:
                    raise self._stops.error(request.model)
                if request.still is not None:
                    request.still()
            except LlmError:
                self._gate.forget(ask.call_id)
                raise
            if self._gate.hold_left() <= 0:
                return _Sent(request, ask, price, size.likely, self._clock.now(), self._wall.now())
            self._gate.forget(ask.call_id)

    def _tokens(self, request: LlmRequest, size: wire.Size) -> int:
        """What others of its kind took, but never more than a minute's limit where the count itself is below it."""
        guess = self._estimates.tokens(_kind(request), size.likely, request.max_output_tokens)
        return min(guess, max(self._gate.tokens_per_minute, size.likely + request.max_output_tokens))

    def _ask(self, request: LlmRequest, price: Price, size: wire.Size) -> CallAsk:
        return CallAsk(
            call_id=uuid4(),
            endpoint=self._endpoint.base_url,
            lane=request.lane,
            purpose=request.purpose,
            model=request.model,
            prompt_version=request.prompt_version,
            prompt_hash=wire.prompt_hash(request),
            subject=request.subject,
            tasks=request.tasks,
            tokens=self._tokens(request, size),
            cost=money.worst_cost(price, size.most, request.max_output_tokens),
            prices=price.version,
        )

    async def _answered(self, sent: _Sent, answer: Answered) -> LlmReply:
        self._strikes.answered(sent.since)
        self._stops.answered(sent.request.model, sent.since)
        heard = said(answer.headers, sent.since.timestamp())
        try:
            completion = wire.completion(answer.body)
        except LlmInvalid as error:
            return await self._failed(sent, Failure(error, 200, free=False), heard)
        choice = completion.choices[0]
        wrong = unusable(choice.finish_reason, choice.message.refusal, choice.message.content)
        wrong = wrong or checked(sent.request, choice.message.content or "")
        end = self._answer_end(sent, completion, wrong)
        self._learn(sent, end)
        await self._gate.leave(end, heard=heard)
        if wrong is not None:
            raise wrong
        return LlmReply(
            call_id=sent.ask.call_id,
            text=choice.message.content or "",
            model=end.answered_by or sent.request.model,
            fingerprint=end.fingerprint,
            input_tokens=end.input_tokens or 0,
            cached_tokens=end.cached_tokens or 0,
            output_tokens=end.output_tokens or 0,
            cost_usd=money.usd(sent.ask.cost if end.cost is None else end.cost),
            latency_ms=end.latency_ms,
            asked_model=sent.request.model,
        )

    def _answer_end(self, sent: _Sent, answer: wire.Completion, wrong: LlmError | None) -> CallEnd:
        message = answer.choices[0].message
        return self._end(
            sent,
            OK if wrong is None else wrong.kind,
            http_status=200,
            used=wire.used(answer),
            reply=message.content or message.refusal or "",
            answered_by=answer.model or "",
            fingerprint=answer.system_fingerprint or "",
            error="" if wrong is None else str(wrong),
        )

    def _learn(self, sent: _Sent, end: CallEnd) -> None:
        if end.input_tokens is not None and end.output_tokens is not None:
            self._estimates.learn(
                _kind(sent.request),
                counted_input=sent.counted,
                input_tokens=end.input_tokens,
                allowed_output=sent.request.max_output_tokens,
                output=end.output_tokens,
            )

    async def _failed(self, sent: _Sent, failed: Failure, heard: Heard) -> LlmReply:
        """Settle, take the lane out of service where the provider says so, raise."""
        if isinstance(failed.error, LlmUnauthorised):
            self._stops.stop(sent.request.model, failed.error)
        if isinstance(failed.error, LlmSlowDown):
            self._strikes.struck(sent.since, self._wall.now())
        end = self._end(
            sent,
            failed.error.kind,
            http_status=failed.http_status,
            free=failed.free,
            hold=failed.hold,
            error=str(failed.error),
        )
        await self._gate.leave(end, bad=failed.error.kind in _LOADED, heard=heard)
        raise failed.error

    def _end(
        self,
        sent: _Sent,
        status: str,
        *,
        http_status: int | None = None,
        used: wire.Used | None = None,
        free: bool = False,
        hold: float | None = None,
        reply: str = "",
        answered_by: str = "",
        fingerprint: str = "",
        error: str = "",
    ) -> CallEnd:
        secret = self._endpoint.api_key
        cost = money.cost(sent.price, used.input, used.cached, used.output) if used else None
        return CallEnd(
            call_id=sent.ask.call_id,
            status=status,
            started_at=sent.started_at,
            latency_ms=max(0, round((self._wall.now() - sent.since).total_seconds() * 1000)),
            tokens=used.input + used.output if used else None,
            cost=0 if free else cost,
            http_status=http_status,
            input_tokens=used.input if used else None,
            cached_tokens=used.cached if used else None,
            output_tokens=used.output if used else None,
            hold=hold,
            system=sent.request.system,
            request=wire.kept(sent.request, secret),
            reply=wire.without(reply, secret),
            answered_by=answered_by[:NAME_LIMIT],
            fingerprint=fingerprint[:NAME_LIMIT],
            error=error,
        )


def _kind(request: LlmRequest) -> str:
    """Calls that take alike."""
    return f"{request.prompt_version} {request.model}"


def _prefix(request: LlmRequest) -> str:
    """Calls with one prefix: the rules of a prompt version, then what is said of one query in one market."""
    subject = request.subject
    return "\0".join((request.prompt_version, request.model, subject.get("market", ""), subject.get("query", "")))


def _heard(error: openai.APIError, sent: _Sent) -> Heard:
    """What the headers of an answer that is an error say of the limits."""
    if isinstance(error, openai.APIStatusError):
        return said(error.response.headers, sent.since.timestamp())
    return NO_NEWS
