"""The judge behind `POST /v1/chat/completions`, as an OpenAI-compatible provider answers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from math import ceil

import msgspec
from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.domain.judging import GuidelineReply
from demo.offline_judge import lite
from demo.offline_judge.accounting import CHARACTERS_PER_TOKEN, Limits, PrefixCache, picture_tokens, text_tokens
from demo.offline_judge.batches import BatchRoutes
from demo.offline_judge.judge import OfflineJudge
from demo.offline_judge.offers import read_offer
from demo.offline_judge.pixels import UnreadablePicture
from demo.offline_judge.prompt import BadRequest, Prompt, read_prompt

MODEL = "offline-judge"
LITE_MODEL = "offline-judge-lite"
SIMILARITY_MODEL = "offline-judge-similarity"
"""They grade relevance by word overlap alone, and by embedding similarity alone: cheap models for a cascade. All else
they answer as the first does, which any other name means too."""

FINGERPRINT = "fp_offline_judge"
"""Stays the same when the judge changes its ways: real providers change silently too."""

WORKERS = 2
"""Threads that judge: embedding and decoding release the GIL, and the demo is made for two cores."""

BODY_LIMIT = 256 * 1024 * 1024
"""Bytes of a request: a batch's file; 20 pictures of 2 MB in base64 and their text take a quarter."""


class _Endpoint:
    """The state of one server: judge, limits, prefix cache, threads."""

    def __init__(self, judge: OfflineJudge, limits: Limits) -> None:
        self._judge, self._limits = judge, limits
        self._prefixes = PrefixCache()
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="offline-judge")

    async def models(self, request: web.Request) -> web.Response:
        """`GET /v1/models`."""
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "offline"}
            for name in (MODEL, LITE_MODEL, SIMILARITY_MODEL)
        ]
        return _json({"object": "list", "data": data})

    async def complete(self, request: web.Request) -> web.Response:
        """`POST /v1/chat/completions`."""
        return await self._completed(await request.read(), limited=True)

    async def in_batch(self, body: bytes) -> tuple[int, bytes]:
        """The same for a line of a batch, whose limits are others."""
        answer = await self._completed(body, limited=False)
        return answer.status, answer.body if isinstance(answer.body, bytes) else b"{}"

    async def _completed(self, body: bytes, *, limited: bool) -> web.Response:
        try:
            prompt = read_prompt(msgspec.json.decode(body))
            tokens = text_tokens(prompt.text) + sum(map(picture_tokens, prompt.pictures.values()))
            refused = self._refused(tokens + prompt.max_tokens) if limited else None
            if refused is not None:
                return refused
            loop = asyncio.get_running_loop()
            text = await loop.run_in_executor(self._threads, _answer, self._judge, prompt)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _error(400, "the body is not JSON", "invalid_request_error", "body")
        except BadRequest as error:
            return _error(400, str(error), "invalid_request_error", error.param)
        except UnreadablePicture as error:
            return _error(400, str(error), "invalid_request_error", "messages", code="invalid_image")
        return _json(self._completion(prompt, text, tokens), headers=self._limits.headers())

    def _refused(self, tokens: int) -> web.Response | None:
        if not self._limits.fits(tokens):
            return _error(400, "the request is larger than a minute's token limit", "invalid_request_error", "messages")
        refusal = self._limits.admit(tokens)
        if refusal is None:
            return None
        headers = {**self._limits.headers(), "Retry-After": str(max(1, ceil(refusal.retry_after)))}
        message = f"Rate limit reached on {refusal.limit} per minute; try again in {refusal.retry_after:.3f}s"
        return _error(429, message, refusal.limit, None, code="rate_limit_exceeded", headers=headers)

    def _completion(self, prompt: Prompt, text: str, prompt_tokens: int) -> dict[str, object]:
        needed = text_tokens(text)
        cut = needed > prompt.max_tokens
        content = text[: prompt.max_tokens * CHARACTERS_PER_TOKEN] if cut else text
        output = min(needed, prompt.max_tokens)
        message = {"role": "assistant", "content": content, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "length" if cut else "stop"}
        cached = min(prompt_tokens, self._prefixes.cached_tokens(prompt.prefix))
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": prompt.model,
            "system_fingerprint": FINGERPRINT,
            "choices": [choice],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": output,
                "total_tokens": prompt_tokens + output,
                "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            },
        }

    async def close(self, app: web.Application) -> None:
        """End the threads; what they judge is finished first."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _answer(judge: OfflineJudge, prompt: Prompt) -> str:
    return _reply(judge, prompt).model_dump_json()


def _reply(judge: OfflineJudge, prompt: Prompt) -> BaseModel:
    if prompt.purpose == "picture_scores":
        return judge.picture_scores(_pictures(prompt))
    if prompt.purpose == "picture_description":
        return judge.description(_pictures(prompt)[0][1])
    if prompt.purpose == "critique" and prompt.pictures:
        return _looked_again(judge, prompt)
    row = prompt.row("QUERY")
    query, language = row.get("query"), row.get("language")
    if not isinstance(query, str):
        raise BadRequest("section QUERY holds no query", "messages")
    if prompt.purpose == "guideline":
        return judge.guideline(query, language if isinstance(language, str) and language else "en")
    return _graded(judge, prompt, query)


def _looked_again(judge: OfflineJudge, prompt: Prompt) -> BaseModel:
    """Another judge's overall score of the one picture."""
    given = prompt.row("JUDGEMENTS").get("overall")
    if not isinstance(given, int) or len(prompt.pictures) != 1:
        raise BadRequest("a critique of a picture takes one picture and its overall score", "messages")
    ((item, jpeg),) = _pictures(prompt)
    return judge.picture_critique(item, jpeg, given)


def _graded(judge: OfflineJudge, prompt: Prompt, query: str) -> BaseModel:
    """Products of a query, or another judge's labels of them. The cheap models criticise as the strong one does."""
    products = prompt.sections.get("PRODUCTS", ())
    if not products:
        raise BadRequest("section PRODUCTS is missing or empty", "messages")
    if prompt.purpose == "critique":
        return judge.critique(query, products, _guideline(prompt), prompt.sections.get("JUDGEMENTS", ()))
    if prompt.model in (LITE_MODEL, SIMILARITY_MODEL):
        wish, shown, body = judge.read(query), [read_offer(row) for row in products], _guideline(prompt)
        if prompt.model == LITE_MODEL:
            return lite.by_words(wish, shown, body)
        return lite.by_similarity(shown, judge.evidence(wish, shown), body)
    return judge.judgements(query, products, _guideline(prompt), prompt.pictures)


def _pictures(prompt: Prompt) -> list[tuple[str, bytes]]:
    if not prompt.pictures:
        raise BadRequest("no picture in the request", "messages")
    return list(prompt.pictures.items())


def _guideline(prompt: Prompt) -> GuidelineReply | None:
    if "GUIDELINE" not in prompt.sections:
        return None
    try:
        return GuidelineReply.model_validate(dict(prompt.row("GUIDELINE")))
    except ValidationError:
        raise BadRequest("section GUIDELINE is no guideline", "messages") from None


def _json(body: dict[str, object], headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers=headers)


def _error(
    status: int,
    message: str,
    kind: str,
    param: str | None,
    *,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers)


def make_app(
    judge: OfflineJudge, *, requests_per_minute: int | None = None, tokens_per_minute: int | None = None
) -> web.Application:
    """The endpoint as an aiohttp application; limits None: none are held."""
    endpoint = _Endpoint(judge, Limits(requests_per_minute, tokens_per_minute, time.monotonic))
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_get("/v1/models", endpoint.models)
    app.router.add_post("/v1/chat/completions", endpoint.complete)
    BatchRoutes(endpoint.in_batch).add_to(app)
    app.on_cleanup.append(endpoint.close)
    return app


@asynccontextmanager
async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    judge: OfflineJudge | None = None,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
) -> AsyncIterator[str]:
    """Serve while the block runs; yields the base URL, such as `http://127.0.0.1:40123/v1`. Port 0: any free one.
    OSError when the port is taken."""
    app = make_app(
        judge or OfflineJudge(), requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
