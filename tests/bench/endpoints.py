"""Endpoints for the benchmarks, each in a process of its own: the offline judge, and a stub that answers at once."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Literal

import msgspec
from aiohttp import web

from core.domain.judging import GuidelineReply, JudgementsReply, LabelGuide, ProductJudgement, Requirement
from demo.offline_judge import serve
from demo.offline_judge.accounting import text_tokens
from demo.offline_judge.prompt import Prompt, read_prompt

Kind = Literal["offline judge", "stub"]

START_S = 60.0
REASONING = "The shopper asks for a phone; this one is of the brand and the model asked for, so it is what they want."
GUIDELINE = GuidelineReply(
    translation="the query",
    specificity="medium",
    requirements=[Requirement(requirement="a phone", importance="must_have", why="it is named in the query")],
    guideline=LabelGuide(highly_relevant="what is named", acceptable_substitute="near it", irrelevant="another thing"),
)


@contextmanager
def endpoint(kind: Kind) -> Iterator[str]:
    """Base URL of an endpoint; its CPU seconds are not those of this process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(kind, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(START_S):
            raise TimeoutError(f"the {kind} has not started within {START_S:.0f} s")
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(START_S)


def _run(kind: Kind, pipe: Connection) -> None:
    asyncio.run(_until_told(serve() if kind == "offline judge" else _serve_stub(), pipe))


async def _until_told(serving: AbstractAsyncContextManager[str], pipe: Connection) -> None:
    async with serving as base_url:
        pipe.send(base_url)
        await asyncio.to_thread(pipe.recv)


@asynccontextmanager
async def _serve_stub() -> AsyncIterator[str]:
    stub = _Stub()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", stub.complete)
    app.router.add_post("/taken", stub.taken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


class _Stub:
    """Answers well whatever is asked, and keeps what it was sent."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    async def taken(self, request: web.Request) -> web.Response:
        """What was sent since the last time, as a JSON array."""
        bodies, self._bodies = self._bodies, []
        return web.Response(body=b"[" + b",".join(bodies) + b"]", content_type="application/json")

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._bodies.append(body)
        prompt = read_prompt(msgspec.json.decode(body))
        text = _answer(prompt)
        return web.Response(body=msgspec.json.encode(_completion(prompt, text)), content_type="application/json")


def _answer(prompt: Prompt) -> str:
    if prompt.purpose == "guideline":
        return GUIDELINE.model_dump_json()
    judgements = [
        ProductJudgement(
            item=str(row["item"]), reasoning=REASONING, undecided=0, label="highly_relevant", confidence=0.9
        )
        for row in prompt.sections["PRODUCTS"]
    ]
    return JudgementsReply(judgements=judgements).model_dump_json()


def _completion(prompt: Prompt, text: str) -> dict[str, object]:
    used = {"prompt_tokens": text_tokens(prompt.text), "completion_tokens": text_tokens(text)}
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1,
        "model": prompt.model,
        "system_fingerprint": "fp_stub",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {**used, "total_tokens": sum(used.values())},
    }
