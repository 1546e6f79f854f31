"""The LLM behind an OpenAI-compatible endpoint, with rate, calls in flight and money shared by all replicas.

The `openai` client does one request and nothing else: its own retries are off, because it obeys `Retry-After` per
request and not per key, and its timeout is per read, so a body that drips never ends; both are ours (DESIGN 8).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import openai
from openai import omit

from core.adapters import llm_wire as wire
from core.adapters.llm_errors import Failure, failure, late, unusable
from core.adapters.llm_gate import Gate
from core.adapters.llm_ledger import OK, CallAsk, CallEnd, Ledger
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.llm_prices import load_prices
from core.adapters.postgres import Pool
from core.domain import money
from core.domain.lane import Limits
from core.domain.money import Price, PriceTable
from core.errors import LlmError, LlmInvalid, LlmUnauthorised
from core.ports import Clock, LlmReply, LlmRequest
from core.settings import Settings, required

STOPPED_SECONDS = 60.0
"""After a 401 no call for so long, then one to see: a key is changed by a person, in minutes."""

LEASE_MARGIN_SECONDS = 30.0
"""How much longer than the longest call a reservation lives: storing its end is retried for less."""

NAME_LIMIT = 200
"""Characters kept of a model's name and fingerprint: the longest in use have 80."""

NO_KEY = "none"
"""Sent where no key is set: local endpoints ask for none, and the client insists on one."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how. Seconds. `temperature` None: not sent, for models that refuse it; `output_limit` is the
    parameter's name: `max_tokens` for endpoints that know only the old one."""

    base_url: str
    api_key: str
    timeout: float
    connect_timeout: float
    temperature: float | None = 0.0
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A call on its way: what was asked for it and since when, in business time and in real time."""

    request: LlmRequest
    ask: CallAsk
    price: Price
    started_at: datetime
    since: datetime


def limits_of(settings: Settings) -> Limits:
    """The limits that all replicas share."""
    return Limits(
        requests_per_minute=settings.llm_requests_per_minute,
        tokens_per_minute=settings.llm_tokens_per_minute,
        max_in_flight=settings.llm_max_in_flight,
        budget=money.budget(settings.llm_budget_usd_per_day),
        lease=settings.llm_timeout_s + LEASE_MARGIN_SECONDS,
    )


def open_llm(settings: Settings, pool: Pool, clock: Clock, wall: Clock) -> OpenAiLlm:
    """The LLM that the settings name; SettingsError where endpoint or prices are missing or impossible.

    `clock` tells the budget's day (a simulation has its own), `wall` real time.
    """
    required(settings, "llm_base_url", "llm_model")
    endpoint = Endpoint(
        base_url=settings.llm_base_url or "",
        api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "",
        timeout=settings.llm_timeout_s,
        connect_timeout=settings.llm_connect_timeout_s,
    )
    return OpenAiLlm(endpoint, PostgresLedger(pool, limits_of(settings)), load_prices(settings.llm_prices), clock, wall)


class OpenAiLlm:
    """The port `Llm`. Close it with `aclose`."""

    def __init__(self, endpoint: Endpoint, ledger: Ledger, prices: PriceTable, clock: Clock, wall: Clock) -> None:
        self._endpoint = endpoint
        self._prices = prices
        self._clock = clock
        self._wall = wall
        self._gate = Gate(ledger, clock, wall)
        self._client = _client(endpoint)
        self._held_until = wall.now()
        self._strikes = 0
        self._stopped_until: datetime | None = None
        self._stops = 0

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the port says; RetryLater too, where the ledger can't be reached."""
        self._check_stopped()
        price = self._prices.price(request.model)
        ask = await self._enter(request, price)
        sent = _Sent(request, ask, price, self._clock.now(), self._wall.now())
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                body = await self._post(request)
        except asyncio.CancelledError:
            self._gate.leave_soon(self._end(sent, "cancelled", error="the process stopped waiting for the reply"))
            raise
        except TimeoutError:
            return await self._failed(sent, late(self._endpoint.timeout))
        except openai.APIError as error:
            failed = failure(error, self._strikes, self._endpoint.api_key, self._wall.now())
            return await self._failed(sent, failed)
        return await self._answered(sent, body)

    async def aclose(self) -> None:
        """Store what has ended, close the connections."""
        await self._gate.close()
        await self._client.close()

    async def _enter(self, request: LlmRequest, price: Price) -> CallAsk:
        """A grant that is still good: one that a 429 or 401 of this process overtook is given back."""
        stops = self._stops
        while True:
            ask = _ask(request, price)
            await self._gate.enter(ask)
            if self._stops != stops:
                self._gate.forget(ask.call_id)
                raise self._unauthorised()
            if self._wall.now() >= self._held_until:
                return ask
            self._gate.forget(ask.call_id)

    async def _post(self, request: LlmRequest) -> bytes:
        limit = request.max_output_tokens
        newer = self._endpoint.output_limit == "max_completion_tokens"
        temperature = self._endpoint.temperature
        raw = await self._client.chat.completions.with_raw_response.create(
            model=request.model,
            messages=wire.messages(request),
            response_format=wire.response_format(request),
            max_completion_tokens=limit if newer else omit,
            max_tokens=omit if newer else limit,
            temperature=omit if temperature is None else temperature,
            seed=omit if request.seed is None else request.seed,
        )
        return raw.content

    async def _answered(self, sent: _Sent, body: bytes) -> LlmReply:
        self._strikes, self._stopped_until = 0, None
        try:
            answer = wire.completion(body)
        except LlmInvalid as error:
            return await self._failed(sent, Failure(error, 200, free=False))
        choice = answer.choices[0]
        wrong = unusable(choice.finish_reason, choice.message.refusal, choice.message.content)
        wrong = wrong or _checked(sent.request, choice.message.content or "")
        end = self._answer_end(sent, answer, wrong)
        await self._gate.leave(end)
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

    async def _failed(self, sent: _Sent, failed: Failure) -> LlmReply:
        """Settle, take the lane out of service where the provider says so, raise."""
        if isinstance(failed.error, LlmUnauthorised):
            self._stops += 1
            self._stopped_until = self._wall.now() + timedelta(seconds=STOPPED_SECONDS)
        if failed.hold is not None:
            until = self._wall.now() + timedelta(seconds=failed.hold)
            self._held_until, self._strikes = max(self._held_until, until), self._strikes + 1
        await self._gate.leave(
            self._end(
                sent,
                failed.error.kind,
                http_status=failed.http_status,
                free=failed.free,
                hold=failed.hold,
                error=str(failed.error),
            )
        )
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
            latency_ms=round((self._wall.now() - sent.since).total_seconds() * 1000),
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

    def _check_stopped(self) -> None:
        """Fail fast while the key is refused; once the time is over, the first to come tries it."""
        if self._stopped_until is None:
            return
        if self._wall.now() < self._stopped_until:
            raise self._unauthorised()
        self._stopped_until = self._wall.now() + timedelta(seconds=STOPPED_SECONDS)

    def _unauthorised(self) -> LlmUnauthorised:
        return LlmUnauthorised("the LLM endpoint refuses the key: check ASSAY_LLM_API_KEY; nothing is sent meanwhile")


def _checked(request: LlmRequest, text: str) -> LlmError | None:
    """What the asker says is wrong with the reply."""
    try:
        if request.check is not None:
            request.check(text)
    except LlmError as error:
        return error
    return None


def _ask(request: LlmRequest, price: Price) -> CallAsk:
    size = wire.size(request, price)
    return CallAsk(
        call_id=uuid4(),
        lane=request.lane,
        purpose=request.purpose,
        model=request.model,
        prompt_version=request.prompt_version,
        prompt_hash=wire.prompt_hash(request),
        subject=request.subject,
        tokens=size.likely + request.max_output_tokens,
        cost=money.worst_cost(price, size.most, request.max_output_tokens),
    )


def _client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """No redirects: one would send the same call twice, past the ledger. No proxy to this very machine."""
    timeout = openai.Timeout(endpoint.timeout, connect=endpoint.connect_timeout)
    local = urlsplit(endpoint.base_url).hostname in _LOOPBACK
    http = openai.DefaultAioHttpClient(timeout=timeout, follow_redirects=False, trust_env=not local)
    return openai.AsyncOpenAI(
        api_key=endpoint.api_key or NO_KEY,
        base_url=endpoint.base_url,
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )
