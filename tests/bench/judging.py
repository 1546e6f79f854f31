"""Judged pairs a second through `relevance`: `python -m tests.bench.judging`.

Tasks in a PostgreSQL of its own, the process as `assay run relevance` composes it, an endpoint in a process beside
it, labels and outbox rows at the end. Once with the offline judge, which has to think; once with a stub that answers
at once, so that what is left is the service's own work, beside the bare `openai` client sending the same requests in
the same run. CPU milliseconds are those of this process: PostgreSQL's and the endpoint's are not counted.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from random import Random
from statistics import median

import aiohttp
import msgspec
import openai
import structlog
import uvloop
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from cli.compose import Parts, composed, judge_identity
from cli.judge import task_of
from core.adapters.clock import SystemClock
from core.adapters.inbox import PostgresInbox
from core.adapters.kafka_sink import KafkaSink
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.domain.fields import Unusable
from core.domain.requests import request_of
from core.ports import NewTask
from core.runtime.process import Process
from core.settings import Settings
from core.telemetry import Metrics
from demo.marketplace.world import Marketplace
from tests.bench.endpoints import Kind, endpoint
from tests.support import postgres, streams
from tests.support.waiting import until_true

LONGEST_S = 120.0
MODEL = "offline-judge"
MARKET = "us"
QUERIES = 60
TWENTY, ONE = 20, 1  # products a call
FORTY, SINGLES = 40, 5  # products a query before the stub, with 20 and with 1 a call: either takes about a second
ROUNDS = 3  # the stub's figures are the median of so many, service and bare client by turns
IN_FLIGHT = 32
COUNTS = """
SELECT count(*) AS calls, coalesce(sum(input_tokens), 0) AS input, coalesce(sum(cached_tokens), 0) AS cached,
    coalesce(sum(output_tokens), 0) AS output, (SELECT count(*) FROM assay_data.labels) AS labels,
    (SELECT count(*) FROM assay_data.outbox) AS events
FROM assay_data.llm_calls WHERE status = 'ok'
"""


@dataclass(frozen=True)
class Figures:
    """One run: seconds of wall and of this process's CPU, and what was done in them."""

    wall: float
    cpu: float
    pairs: int
    calls: int
    input: int = 0
    cached: int = 0
    output: int = 0


class Pairs:
    """Queries of the simulated shop, each with products that no run before had: as a file of `assay judge` has them."""

    def __init__(self, settings: Settings) -> None:
        shop = Marketplace(seed=7, start=date(2026, 3, 2), days=1)
        self._listings = [
            listing
            for record in shop.initial_listings()
            if (listing := msgspec.json.decode(record.value))["market"] == MARKET
        ]
        Random(7).shuffle(self._listings)
        self._queries = [query.text for query in shop.queries(MARKET)[:QUERIES]]
        self._judge = judge_identity(settings)
        self._next = 0

    def take(self, a_query: int) -> list[NewTask]:
        """So many new products for every query."""
        listings = self._listings[self._next : self._next + a_query]
        assert len(listings) == a_query, "no more products"
        self._next += a_query
        return [self._task(query, listing) for query in self._queries for listing in listings]

    def _task(self, query: str, listing: dict[str, object]) -> NewTask:
        line = {"query": query, "market": MARKET, "language": "en", "listing": listing}
        request = request_of(msgspec.json.encode(line))
        assert not isinstance(request, Unusable), request
        return task_of(request, "", "backfill", self._judge)


class Bench:
    """The service on a database of its own, before one endpoint."""

    def __init__(self, pool: Pool, dsn: str, base_url: str) -> None:
        self._pool, self._dsn, self._base_url = pool, dsn, base_url
        self._pairs = Pairs(self._settings(TWENTY))

    def _settings(self, products_per_call: int) -> Settings:
        return Settings(
            _env_file=None,
            postgres_dsn=SecretStr(self._dsn),
            llm_base_url=self._base_url,
            llm_api_key=None,
            llm_model=MODEL,
            llm_prices=None,
            llm_requests_per_minute=10_000_000,  # limits that never bind: they are not what is measured
            llm_tokens_per_minute=100_000_000_000,
            llm_max_in_flight=IN_FLIGHT,
            llm_budget_usd_per_day=1_000_000,
            judge_mode="text",
            judge_products_per_call=products_per_call,
        )

    async def run(self, products_per_call: int, a_query: int) -> Figures:
        """Queue, judge until nothing is left, count. Every pair has to end as a label with its event."""
        clock, settings = SystemClock(), self._settings(products_per_call)
        await PostgresInbox(self._pool, clock).add(tasks := self._pairs.take(a_query))
        before = await self._counts()
        parts = Parts(
            settings, self._pool, KafkaSink("", {}), clock, clock, Metrics(), until_idle=True, soon_s=LONGEST_S
        )
        async with composed(["relevance"], parts) as (process,):
            wall, cpu = await _judged(process)
        done = {name: count - before[name] for name, count in (await self._counts()).items()}
        assert done.pop("labels") == done.pop("events") == len(tasks), "a pair has no label or no event"
        return Figures(wall, cpu, len(tasks), **done)

    async def _counts(self) -> dict[str, int]:
        async with self._pool.acquire() as held:
            return {name: int(count) for name, count in (await held.fetchrow(COUNTS)).items()}


async def _judged(process: Process) -> tuple[float, float]:
    wall, cpu = time.monotonic(), time.process_time()
    async with streams.running(process):
        await until_true(process.idle, LONGEST_S)
        return time.monotonic() - wall, time.process_time() - cpu


@asynccontextmanager
async def opened(server: str, kind: Kind) -> AsyncIterator[tuple[Bench, str]]:
    """The service with nothing in its database, before a new endpoint."""
    with endpoint(kind) as base_url:
        async with postgres.database(server, "bench") as dsn:
            await migrate(dsn)
            pool = await open_pool(dsn, 12)
            try:
                yield Bench(pool, dsn, base_url), base_url
            finally:
                await pool.close()


async def with_offline_judge(server: str) -> dict[str, Figures]:
    """Cold: the first query that judge, process and database ever see; warm: guidelines and model are there."""
    async with opened(server, "offline judge") as (bench, _):
        return {
            "offline judge, cold, 20 a call": await bench.run(TWENTY, TWENTY),
            "offline judge, warm, 20 a call": await bench.run(TWENTY, TWENTY),
            "offline judge, warm, 1 a call": await bench.run(ONE, SINGLES),
        }


async def with_stub(server: str) -> dict[str, Figures]:
    """The service and the bare client by turns, so that what else the machine does meets both."""
    rounds: dict[str, list[Figures]] = {}
    async with opened(server, "stub") as (bench, base_url):
        await bench.run(TWENTY, TWENTY)  # guidelines are made, code and connections are warm
        await _taken(base_url)
        for _, (a_call, a_query) in itertools.product(range(ROUNDS), ((TWENTY, FORTY), (ONE, SINGLES))):
            rounds.setdefault(f"stub, {a_call} a call", []).append(await bench.run(a_call, a_query))
            bare = await bare_client(base_url, await _taken(base_url))
            rounds.setdefault(f"bare openai client, {a_call} a call", []).append(bare)
    return {name: _middle(runs) for name, runs in rounds.items()}


def _middle(runs: Sequence[Figures]) -> Figures:
    last = runs[-1]
    wall, cpu = median(run.wall for run in runs), median(run.cpu for run in runs)
    return Figures(wall, cpu, last.pairs, last.calls, last.input, last.cached, last.output)


async def bare_client(base_url: str, bodies: Sequence[dict[str, object]]) -> Figures:
    """The same requests, as many at once, with nothing around the client."""
    waiting = iter(bodies)
    async with openai.AsyncOpenAI(
        api_key="none", base_url=base_url, max_retries=0, http_client=openai.DefaultAioHttpClient(trust_env=False)
    ) as client:

        async def work() -> None:
            for body in waiting:
                reply = await client.chat.completions.create(**body)
                assert reply.choices[0].message.content

        wall, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    await _taken(base_url)
    return Figures(wall, cpu, 0, len(bodies))


async def _taken(base_url: str) -> list[dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.post(base_url.removesuffix("v1") + "taken") as reply:
        return await reply.json()


def shown(all_figures: dict[str, Figures]) -> Table:
    """Everything measured, a row a run."""
    table = Table(
        title=f"{QUERIES} queries, {IN_FLIGHT} calls in flight, {os.cpu_count()} cores", caption=_ratios(all_figures)
    )
    table.add_column("run", no_wrap=True)
    for column in ("pairs", "pairs/s", "calls", "calls/s", "CPU ms/call", "CPU ms/pair", "input", "cached", "output"):
        table.add_column(column, justify="right")
    for name, run in all_figures.items():
        table.add_row(name, *_row(run))
    return table


def _row(run: Figures) -> list[str]:
    """Tokens are those of a pair; the bare client judges nothing, so it has no pairs."""
    calls = [f"{run.calls:,}", f"{run.calls / run.wall:,.0f}", f"{run.cpu / run.calls * 1e3:.2f}"]
    if not run.pairs:
        return ["", "", *calls]
    tokens = [f"{count / run.pairs:,.0f}" for count in (run.input, run.cached, run.output)]
    return [f"{run.pairs:,}", f"{run.pairs / run.wall:,.0f}", *calls, f"{run.cpu / run.pairs * 1e3:.2f}", *tokens]


def _ratios(figures: dict[str, Figures]) -> str:
    cpu = [
        _cpu_of_call(figures[f"stub, {a_call} a call"]) / _cpu_of_call(figures[f"bare openai client, {a_call} a call"])
        for a_call in (TWENTY, ONE)
    ]
    one, twenty = (_per_pair(figures[f"offline judge, warm, {a_call} a call"]) for a_call in (ONE, TWENTY))
    return (
        f"CPU of a call, service / bare client: {cpu[0]:.1f} with 20 products, {cpu[1]:.1f} with 1\n"
        f"tokens of a pair, 1 a call / 20 a call: {one:.0f} / {twenty:.0f} = {one / twenty:.1f}"
    )


def _cpu_of_call(run: Figures) -> float:
    return run.cpu / run.calls


def _per_pair(run: Figures) -> float:
    return (run.input + run.output) / run.pairs


async def measured() -> dict[str, Figures]:
    """All runs, one after the other."""
    server = await asyncio.to_thread(postgres.EmbeddedPostgres)
    try:
        return {**await with_offline_judge(server.dsn), **await with_stub(server.dsn)}
    finally:
        await asyncio.to_thread(server.stop)


def main() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    Console(width=130).print(shown(uvloop.run(measured())))


if __name__ == "__main__":
    main()
