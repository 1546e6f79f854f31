"""The stand-in itself: `POST /v1/chat/completions` as a hosted provider answers it, files and batches, and `/_…` for
who runs it.

A call is charged when it comes, waits its latency, and is billed when its work is done, whether or not anybody still
listens. `/_stats` and `/_calls` tell what was; `/_knobs` changes the stand-in while it runs.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from demo.offline_judge.prompt import BadRequest, Prompt, read_prompt
from tests.support.provider.answers import Answers
from tests.support.provider.batches import BatchKnobs, add_batch_routes
from tests.support.provider.books import Books, Call
from tests.support.provider.counting import PICTURE_TOKENS, PromptCache, tokens_of
from tests.support.provider.knobs import FAULTS, Fault, Knobs
from tests.support.provider.meters import Meter

BODY_LIMIT = 2**26
DRIP_S = 0.2
SHED: dict[str, str] = {
    "500": "The server had an error while processing your request",
    "502": "Bad gateway",
    "503": "The engine is currently overloaded, please try again later",
    "529": "Overloaded",
}
FINISH: dict[str, str] = {"content_filter": "content_filter", "truncated": "length"}
Z99 = 2.3263
"""The 99th percentile of the normal distribution."""


class Provider:
    """The state of one stand-in."""

    def __init__(self, knobs: Knobs) -> None:
        self.books = Books()
        self._bodies: list[bytes] = []
        self._answers = Answers()
        self._meters: dict[str, Meter] = {}
        self._random = random.Random(knobs.seed)
        self._cache = PromptCache(knobs.cache_s, time.monotonic)
        self._tell(knobs)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/chat/completions`."""
        key = request.headers.get("authorization", "")
        call = self.books.arrive(key)
        try:
            sent = await request.read()
            body = msgspec.json.decode(sent)
            prompt = read_prompt(body)
            call.purpose = prompt.purpose
            if prompt.purpose == "judgements" and len(self._bodies) < self._knobs.kept_bodies:
                self._bodies.append(sent)
            return await self._answer(request, call, key, prompt, body)
        except (msgspec.DecodeError, BadRequest) as error:
            self.books.end(call, "bad request", answered=False)
            return _error(400, str(error), "invalid_request_error")
        except asyncio.CancelledError:
            self.books.end(call, "client gone" if call.outcome == "under way" else "", answered=False)
            raise

    async def _answer(
        self, request: web.Request, call: Call, key: str, prompt: Prompt, body: dict[str, object]
    ) -> web.StreamResponse:
        meter = self._meter(key)
        text = prompt.text + msgspec.json.encode(body["response_format"]).decode()
        tokens = tokens_of(text) + PICTURE_TOKENS * len(prompt.pictures)
        if refused := self._refused(call, key, meter, tokens, prompt.max_tokens):
            return refused
        prefixes = self._cache.prefixes(key, prompt.text)
        cached = self._cache.cached(prefixes)
        fault = self._drawn()
        call.outcome = fault or "under way"
        if fault in SHED:
            await asyncio.sleep(self._latency())
            self.books.end(call, fault, answered=False)
            return _error(int(fault), SHED[fault], "server_error", headers=meter.headers())
        said = self._answers.text(prompt, _schema(body), fault, self._random)
        output = min(tokens_of(said), prompt.max_tokens)
        try:
            await asyncio.sleep(self._latency() if fault != "hang" else math.inf)
        finally:  # what was begun is billed, whether or not anybody still waits for it
            self._settle(meter, tokens, output, prompt.max_tokens)
            self.books.bill(call, (tokens, cached, output), _pairs(prompt))
        self._cache.keep(prefixes)
        return await self._sent(request, call, fault, self._completion(call, prompt, said, fault), meter)

    def in_batch(self, body: dict[str, object]) -> dict[str, object]:
        """The chat completion of one request of a batch: no limit, no latency, no fault, billed like any other."""
        call = self.books.arrive("")
        prompt = read_prompt(body)
        call.purpose = prompt.purpose
        tokens = tokens_of(prompt.text + msgspec.json.encode(body["response_format"]).decode())
        said = self._answers.text(prompt, _schema(body), None, self._random)
        self.books.bill(call, (tokens, 0, min(tokens_of(said), prompt.max_tokens)), _pairs(prompt))
        self.books.end(call, "batch", answered=True)
        return msgspec.json.decode(self._completion(call, prompt, said, None))

    def _refused(self, call: Call, key: str, meter: Meter, tokens: int, limit: int) -> web.Response | None:
        """A 429, by a storm or by a limit."""
        into = self.books.since_first() - self._knobs.storm_at
        if 0 <= into < self._knobs.storm_for:
            wait, why = self._knobs.storm_retry_s or self._knobs.storm_for - into, "storm"
        elif refusal := meter.admit(self._charged(tokens, limit)):
            wait, why = refusal.retry_after, refusal.limit
        else:
            self._note(meter, tokens, limit)
            return None
        self.books.refuse(call, key, why, wait)
        self.books.end(call, "", answered=False)
        headers = {"retry-after": str(math.ceil(wait)), "retry-after-ms": str(math.ceil(wait * 1000))}
        message = f"Rate limit reached ({why}). Please try again in {wait:.3f}s."
        return _error(429, message, "rate_limit_exceeded", headers=headers | meter.headers())

    def _charged(self, tokens: int, limit: int) -> int:
        return tokens if self._knobs.charge == "used" else tokens + limit

    def _note(self, meter: Meter, tokens: int, limit: int) -> None:
        second = self.books.second()
        second.admitted += 1
        second.charged += self._charged(tokens, limit)
        second.requests_left, second.tokens_left = meter.levels()

    def _settle(self, meter: Meter, tokens: int, output: int, limit: int) -> None:
        more = {"asked": 0, "settled": output - limit, "used": output}[self._knobs.charge]
        meter.correct(more)
        self.books.second().charged += more

    async def _sent(
        self, request: web.Request, call: Call, fault: Fault | None, body: bytes, meter: Meter
    ) -> web.StreamResponse:
        """The answer, or what becomes of it."""
        if fault == "reset":
            self.books.end(call, fault, answered=False)
            return _reset(request)
        if fault == "drip":
            return await _dripped(request, body)
        gone = request.transport is None or request.transport.is_closing()
        self.books.end(call, "client gone" if gone else fault or "ok", answered=not gone)
        if fault == "invalid_body":
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json", headers=meter.headers())

    def _completion(self, call: Call, prompt: Prompt, said: str, fault: Fault | None) -> bytes:
        refused = fault == "refusal"
        message = {
            "role": "assistant",
            "content": None if refused else said,
            "refusal": "I can't." if refused else None,
        }
        finish = FINISH.get(fault or "", "stop")
        return msgspec.json.encode(
            {
                "id": f"chatcmpl-{call.number}",
                "object": "chat.completion",
                "created": int(call.at),
                "model": prompt.model,
                "system_fingerprint": f"fp_{call.number}" if self._knobs.numbered else "fp_stand_in",
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
                "usage": {
                    "prompt_tokens": call.input,
                    "completion_tokens": call.output,
                    "total_tokens": call.input + call.output,
                    "prompt_tokens_details": {"cached_tokens": call.cached},
                },
            }
        )

    def _meter(self, key: str) -> Meter:
        if key not in self._meters:
            self._meters[key] = Meter(self._knobs, time.monotonic)
        return self._meters[key]

    def _drawn(self) -> Fault | None:
        if not any(self._weights):
            return None
        drawn: list[Fault | None] = self._random.choices([*FAULTS, None], self._weights)
        return drawn[0]

    def _latency(self) -> float:
        """Seconds."""
        median, p99 = self._knobs.median_ms, self._knobs.p99_ms
        if p99 <= median:
            return median / 1000
        return self._random.lognormvariate(math.log(median / 1000), math.log(p99 / median) / Z99)

    def _tell(self, knobs: Knobs) -> None:
        shares = knobs.shares()
        self._knobs = knobs
        self._weights = [*shares.values(), 0.0]
        self._weights[-1] = max(0.0, 1 - sum(self._weights)) if any(self._weights) else 0.0

    async def stats(self, request: web.Request) -> web.Response:
        """`GET /_stats`: `Stats`."""
        return _json(self.books.stats())

    async def all_calls(self, request: web.Request) -> web.Response:
        """`GET /_calls`: every `Call`."""
        return _json(self.books.calls)

    async def bodies(self, request: web.Request) -> web.Response:
        """`GET /_bodies`: the requests that were kept."""
        return web.Response(body=b"[" + b",".join(self._bodies) + b"]", content_type="application/json")

    async def change(self, request: web.Request) -> web.Response:
        """`POST /_knobs`: some of the knobs anew. Limits are those of organisations that come later."""
        self._tell(dataclasses.replace(self._knobs, **msgspec.json.decode(await request.read())))
        return _json({})


def _schema(body: dict[str, object]) -> object:
    return body["response_format"]["json_schema"]["schema"]


def _pairs(prompt: Prompt) -> list[tuple[str, str]]:
    if prompt.purpose != "judgements":
        return []
    query = str(prompt.row("QUERY")["query"])
    return [(query, str(product.get("title"))) for product in prompt.sections["PRODUCTS"]]


def _reset(request: web.Request) -> web.Response:
    """RST, as a machine on the way that has forgotten the connection."""
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def _dripped(request: web.Request, body: bytes) -> web.StreamResponse:
    """A byte now and then, for ever."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(body))})
    await response.prepare(request)
    for byte in body:
        await response.write(bytes([byte]))
        await asyncio.sleep(DRIP_S)
    return response


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers)


def _error(status: int, message: str, kind: str, headers: dict[str, str] | None = None) -> web.Response:
    return _json({"error": {"message": message, "type": kind, "param": None, "code": kind}}, status, headers)


def make_app(knobs: Knobs) -> web.Application:
    """The stand-in as an application."""
    provider = Provider(knobs)
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_post("/v1/chat/completions", provider.complete)
    add_batch_routes(app, provider.in_batch, BatchKnobs(delay_s=knobs.batch_delay_s))
    app.router.add_get("/_stats", provider.stats)
    app.router.add_get("/_calls", provider.all_calls)
    app.router.add_get("/_bodies", provider.bodies)
    app.router.add_post("/_knobs", provider.change)
    return app


@asynccontextmanager
async def serve(knobs: Knobs) -> AsyncIterator[str]:
    """Serve while the block lasts; the base URL."""
    runner = web.AppRunner(make_app(knobs), access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", knobs.port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
