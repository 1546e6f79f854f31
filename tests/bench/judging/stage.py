"""The relevance stage alone: 20,000 pairs as 1,000 queries of 20, an LLM that answers at once, a real PostgreSQL.

`python -m tests.bench.judging.stage` prints pairs a second and the CPU of a pair. The LLM costs nothing here, so what
is measured is ours: leases, listings, prompts, checks, labels, events, the ends of tasks.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec
import uvloop
from pydantic import SecretStr

from consumers import relevance
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.clock import SystemClock
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.ports import LlmReply, LlmRequest, NewTask, Picture, TextPart
from core.runtime.process import Process
from core.settings import Settings
from core.stages.events import relevance_event
from core.stages.judge_query import QueryJudge
from core.stages.live_judge import settings_judge
from tests.support import postgres, streams

QUERIES, PRODUCTS = 1_000, 20
LISTINGS = 5_000
LONGEST_S = 300.0
GUIDELINE = msgspec.json.encode(
    {
        "translation": "a chair for the balcony",
        "specificity": "medium",
        "requirements": [
            {"requirement": f"requirement {n}", "importance": "must_have", "why": "it is named in the query"}
            for n in range(3)
        ],
        "guideline": {
            "highly_relevant": "the product that is named",
            "acceptable_substitute": "one that serves the same end",
            "irrelevant": "everything else",
        },
    }
).decode()
REASONING = "The shopper asks for a chair; this one is of the kind and the colour asked for, so it is what they want."
INSERT = """
INSERT INTO assay_data.listings (listing_id, market, language, title, description, brand, category, price_amount,
    price_currency, attributes, image_urls, content_hash, deleted, run, told_at)
SELECT 'l' || n, 'de', 'de', 'Gartenstuhl klappbar für den Balkon, Modell ' || n,
    repeat('Ein wetterfester Stuhl aus Akazienholz, geölt, mit Armlehnen. ', 5), 'Marke ' || n % 50, 'Gartenstühle',
    n % 300, 'EUR', jsonb_build_object('Farbe', 'braun', 'Material', 'Akazie', 'Breite', '54 cm', 'Höhe', '90 cm'),
    '{}', 'hash' || n, false, 'live', now()
FROM generate_series(1, $1::int) AS n
"""


@dataclass
class InstantLlm:
    """Grades whatever it is asked, after `latency_s`."""

    latency_s: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)

    async def complete(self, request: LlmRequest) -> LlmReply:
        await asyncio.sleep(self.latency_s)
        self.calls[request.purpose] = self.calls.get(request.purpose, 0) + 1
        text = GUIDELINE if request.purpose == "guideline" else _judgements(request)
        if request.check is not None:
            request.check(text)
        return LlmReply(uuid4(), text, request.model, "fp", 2_000, 1_000, 900, 0.001, 1, request.model)


def _judgements(request: LlmRequest) -> str:
    (part,) = request.user
    assert isinstance(part, TextPart)
    rows = part.text.split("### PRODUCTS\n")[1].count("\n")
    graded = [
        {"item": f"p{n}", "reasoning": REASONING, "verdicts": "yyy", "label": "highly_relevant", "confidence": 0.9}
        for n in range(1, rows + 1)
    ]
    return msgspec.json.encode({"judgements": graded}).decode()


class NoPictures:
    """No listing of this bench has one."""

    async def fetch(self, url: str) -> Picture:
        raise AssertionError(url)


def _tasks(queries: int, listings: int) -> list[NewTask]:
    draw = random.Random(7)
    return [
        _task(f"gartenstuhl balkon {number}", f"l{listing}", float(queries - number))
        for number in range(queries)
        for listing in draw.sample(range(1, listings + 1), PRODUCTS)
    ]


def _task(query: str, listing_id: str, priority: float) -> NewTask:
    subject = {"application": "shop", "market": "de", "query": query, "listing_id": listing_id}
    payload = {"reason": "friction", "language": "de"}
    return NewTask(f"{query}/{listing_id}", "relevance", "live", f"shop/de/{query}", subject, payload, priority)


@asynccontextmanager
async def _database(server: str) -> AsyncIterator[Pool]:
    async with postgres.database(server, "stage") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 12)
        try:
            yield pool
        finally:
            await pool.close()


def _settings(in_flight: int) -> Settings:
    return Settings(
        _env_file=None, llm_model="judge-1", llm_max_in_flight=in_flight, postgres_dsn=SecretStr("postgresql://x/y")
    )


async def measured(queries: int, listings: int, in_flight: int, latency_s: float) -> None:
    """One run; every pair has to end as one label with its event."""
    server = await asyncio.to_thread(postgres.EmbeddedPostgres)
    try:
        await postgres.make_fast(server.dsn)
        async with _database(server.dsn) as pool:
            await pool.execute(INSERT, listings)
            await pool.execute("ANALYZE assay_data.listings")
            await _run(pool, queries, listings, in_flight, latency_s)
    finally:
        await asyncio.to_thread(server.stop)


async def _run(pool: Pool, queries: int, listings: int, in_flight: int, latency_s: float) -> None:
    clock, settings, llm = SystemClock(), _settings(in_flight), InstantLlm(latency_s)
    version = settings_judge(settings)
    inbox = PostgresInbox(pool, clock)
    await inbox.add(_tasks(queries, listings))
    await pool.execute("ANALYZE assay_data.tasks")
    judge = QueryJudge(
        llm=llm,
        store=PostgresJudgements(pool),
        guidelines=PostgresGuidelines(pool),
        claims=PostgresClaims(pool),
        catalogue=PostgresCatalogue(pool),
        inbox=inbox,
        pictures=NoPictures(),
        clock=clock,
        live=lambda: version,
        attempts=settings.task_attempts,
        event_of=relevance_event,
        jitter=random.random,
        wall=clock,
    )
    process = relevance.build(settings, inbox, judge.judge, clock, 60.0)
    wall, cpu = time.monotonic(), time.process_time()
    async with streams.running(process):
        await _idle(process)
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    pairs = queries * PRODUCTS
    labels = await pool.fetchval("SELECT count(*) FROM assay_data.labels")
    events = await pool.fetchval("SELECT count(*) FROM assay_data.outbox")
    done = await pool.fetchval("SELECT count(*) FROM assay_data.tasks WHERE state = 'done'")
    states = await pool.fetch("SELECT state, reason, count(*) FROM assay_data.tasks GROUP BY 1, 2")
    assert labels == events == done == pairs, states
    print(
        f"{pairs:,} pairs of {queries:,} queries and {listings:,} listings, {in_flight} calls in flight,"
        f" latency {latency_s * 1e3:.0f} ms, {os.cpu_count()} cores: {pairs / wall:,.0f} pairs/s, {wall:.2f} s,"
        f" CPU of this process {cpu / pairs * 1e6:.0f} µs a pair; calls {llm.calls}"
    )


async def _idle(process: Process) -> None:
    """Asked seldom: the question counts all waiting tasks."""
    async with asyncio.timeout(LONGEST_S):
        while not await process.idle():  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--listings", type=int, default=LISTINGS, help="the fewer, the more are judged again")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of the LLM")
    given = parser.parse_args()
    uvloop.run(measured(given.queries, given.listings, given.in_flight, given.latency))


if __name__ == "__main__":
    main()
