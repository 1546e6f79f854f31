"""One client in a process of its own: `python -m tests.bench.judging.client assay|openai|aiohttp FILE …` sends the
requests of a file at a fixed rate, whatever comes back, and prints what that took of this process's CPU."""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import openai
import uvloop
from pydantic import SecretStr

from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings, first_endpoint, first_limits, open_books, open_endpoint
from core.adapters.postgres import open_pool
from core.facts import LlmRequest, TextPart
from core.settings import Settings
from core.telemetry import Metrics

WARM_S = 3.0
KEY = "sk-of-the-bench"
GC_ALLOCATIONS = 50_000  # as cli/run.py, for all alike

Body = Mapping[str, object]
Send = Callable[[Body], Awaitable[object]]


class Sent(msgspec.Struct):
    """Calls that ended in the window, and what it took."""

    calls: int
    failed: int
    seconds: float
    cpu: float


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("assay", "openai", "aiohttp"))
    parser.add_argument("bodies", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("dsn")
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    bodies = msgspec.json.decode(given.bodies.read_bytes())
    opened = {"assay": _assay, "openai": _openai, "aiohttp": _aiohttp}[given.kind]
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 20)
    async with opened(given) as send:
        print(msgspec.json.encode(await _measured(send, bodies, given.rate, given.seconds)).decode(), flush=True)


async def _measured(send: Send, bodies: list[Body], rate: int, seconds: float) -> Sent:
    """Calls go by the clock. Says `go` when the window begins."""
    count = Sent(0, 0, 0.0, 0.0)
    under_way: set[asyncio.Task[None]] = set()

    async def one(body: Body) -> None:
        try:
            await send(body)
        except Exception as error:  # noqa: BLE001 - whatever a client raises, its call has failed
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            count.failed += 1
        count.calls += 1

    began = time.perf_counter()
    cpu = window = 0.0
    for number, body in enumerate(itertools.cycle(bodies)):
        due = began + number / rate
        if (now := time.perf_counter()) < due:
            await asyncio.sleep(due - now)
        elif number % 20 == 0:
            await asyncio.sleep(0)
        if not window and now >= began + WARM_S:
            print("go", flush=True)
            count.calls = count.failed = 0
            window, cpu = time.perf_counter(), _cpu()
        if window and now >= window + seconds:
            break
        task = asyncio.create_task(one(body))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    done = Sent(count.calls, count.failed, time.perf_counter() - window, _cpu() - cpu)
    await asyncio.gather(*under_way)
    return done


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


@asynccontextmanager
async def _assay(given: argparse.Namespace) -> AsyncIterator[Send]:
    """The lane as the service has it: gate, shares and ledger on PostgreSQL."""
    settings = Settings(
        _env_file=None, postgres_dsn=SecretStr(given.dsn), llm_base_url=given.base_url, llm_api_key=SecretStr(KEY),
        llm_model="gpt-4o-mini", llm_requests_per_minute=given.rate * 60, llm_tokens_per_minute=100_000_000_000,
        llm_max_in_flight=given.rate, llm_budget_usd_per_day=1_000_000,
    )  # fmt: skip
    clock = SystemClock()
    pool = await open_pool(given.dsn, settings.postgres_pool_size)
    books, around = open_books(settings, pool), Surroundings(pool, clock, clock, Metrics())
    llm = open_endpoint(settings, first_endpoint(settings), first_limits(settings), books, around)
    requests: dict[int, LlmRequest] = {}

    async def send(body: Body) -> None:
        request = requests.get(id(body)) or requests.setdefault(id(body), _request(body))
        assert (await llm.complete(request)).text

    try:
        yield send
    finally:
        await llm.aclose()
        await pool.close()


def _request(body: Body) -> LlmRequest:
    """What the adapter was given to make such a body."""
    system, user = (message["content"] for message in body["messages"])
    return LlmRequest(
        lane="live", purpose="judgements", model=body["model"], prompt_version="judgements@bench", system=system,
        user=(TextPart(user),), schema=body["response_format"]["json_schema"]["schema"],
        max_output_tokens=body["max_completion_tokens"], subject={"market": "us", "query": "a query of the bench"},
        seed=body.get("seed"),
    )  # fmt: skip


@asynccontextmanager
async def _openai(given: argparse.Namespace) -> AsyncIterator[Send]:
    http = openai.DefaultAioHttpClient(trust_env=False)
    async with openai.AsyncOpenAI(api_key=KEY, base_url=given.base_url, max_retries=0, http_client=http) as client:

        async def send(body: Body) -> None:
            reply = await client.chat.completions.create(**body)
            assert reply.choices[0].message.content

        yield send


@asynccontextmanager
async def _aiohttp(given: argparse.Namespace) -> AsyncIterator[Send]:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    url = f"{given.base_url}/chat/completions"
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(body: Body) -> None:
            async with session.post(url, data=msgspec.json.encode(body)) as answer:
                reply = msgspec.json.decode(await answer.read())
                assert reply["choices"][0]["message"]["content"]

        yield send


if __name__ == "__main__":
    uvloop.run(main())
