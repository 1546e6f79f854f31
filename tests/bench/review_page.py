"""How fast the review pages answer with a million labels stored, and by which plans.

`python -m tests.bench.review_page [--labels 1000000] [--items 20000]` fills a PostgreSQL of its own by
generate_series, draws a queue from all labels, lets one reviewer answer half of it while every item stays open (the
worst case of finding the next), and then times pages and forms over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from aiohttp import ClientSession

from cli.review_room import fill_parts
from core.adapters import reviews_sql as sql
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.adapters.reviews import PostgresReviews
from core.console.access import Door
from core.review_ports import ReviewRoom
from core.stages.review_fill import Amount, FromLive, fill_queue
from tests.support.fake_audit import FakeAudit
from tests.support.postgres import EmbeddedPostgres
from tests.support.served_console import FixedClock, serving
from tests.support.signed_in import BY_TOKEN, REVIEWER, hidden_fields, visiting

ROUNDS = 60
"""Requests of each kind: the 95th percentile of 60 is the third worst."""

NOW = datetime(2026, 3, 29, 15, 20, tzinfo=UTC)

LISTINGS = """
INSERT INTO assay_data.listings (listing_id, market, language, title, description, brand, category, price_amount,
    price_currency, attributes, image_urls, content_hash, deleted, run, told_at)
SELECT 'L' || n, 'de', 'de', 'Sofa Nordik ' || n, repeat('Bezug aus Leinen, Gestell aus Buche. ', 8), 'Nordik', 'Sofas',
    349, 'EUR', '{"Farbe": "blau", "Sitze": "2"}', ARRAY['https://pics.example/' || n || '.jpg'], 'c' || n, false,
    'live', $1
FROM generate_series(1, 20000) AS n
"""

GUIDELINES = """
INSERT INTO assay_data.guidelines (market, query, language, context, revision, version, prompt_version, model, author,
    body, created_at)
SELECT 'de', 'query ' || n, 'de', '', 1, 'g' || n, 'p1', 'm', 'model',
    '{"translation": "sofa", "specificity": "medium", "requirements": [{"requirement": "a sofa", "importance":
    "must_have", "why": "asked"}], "guideline": {"highly_relevant": "sofas", "acceptable_substitute": "sofa beds",
    "irrelevant": "else"}}', $1
FROM generate_series(0, 49999) AS n
"""

LABELS = """
INSERT INTO assay_data.labels (event_id, content_key, application, market, query, listing_id, label, grade, confidence,
    reasoning, reason, mode, model, fingerprint, prompt_version, guideline_version, content_hash, judged_at, call_id,
    judge)
SELECT gen_random_uuid(), 'k' || n, 'shop', 'de', 'query ' || n / 20,
    'L' || 1 + (n::bigint * 7919) % 20000,
    (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[1 + n % 3], n % 3,
    0.5 + (n % 50) / 100.0, 'It says what was asked, and is what it says.', 'panel', 'text', 'm', 'f', 'p1',
    'g' || n / 20, 'c' || 1 + (n::bigint * 7919) % 20000, $1::timestamptz - (n % 600000) * interval '1 second',
    gen_random_uuid(), 'live@1'
FROM generate_series(0, $2::integer - 1) AS n
"""

PANES = """
INSERT INTO assay_data.panes (run, application, market, query, hour, searches, sessions, engaged, reformulated, exits,
    zero_results)
SELECT 'live', 'shop', 'de', 'query ' || n, date_trunc('hour', $1::timestamptz), 1 + 100000 / (n + 1), 1, 0, 0, 0, 0
FROM generate_series(0, 49999) AS n
"""

ANSWERS = """
WITH mine AS (
    UPDATE assay_data.review_items SET seen_by = '{ada}', answers = 1
    WHERE item_id IN (SELECT item_id FROM assay_data.review_items ORDER BY place LIMIT $2::integer) RETURNING item_id
)
INSERT INTO assay_data.review_acts (item_id, reviewer, act, grade, at)
SELECT item_id, 'ada', 'answer', 1, $1::timestamptz - interval '1 day' FROM mine
"""

PLANS = (
    ("the next item", sql.NEXT, ("ada", "relevance", NOW)),
    ("progress", sql.PROGRESS, ("ada", "relevance", NOW, 1_001)),
)


async def filled(pool: Pool, labels: int, items: int) -> None:
    """Labels, what stands beside them, a queue of all of them, half of it answered by one of two."""
    for statement, arguments in (
        (LISTINGS, (NOW,)),
        (GUIDELINES, (NOW,)),
        (PANES, (NOW,)),
        (LABELS, (NOW, labels)),
    ):
        await timed(f"fill {statement.split()[2]}", pool.execute(statement, *arguments, timeout=600))
    await pool.execute("VACUUM ANALYZE", timeout=600)
    wanted = FromLive("relevance", NOW - timedelta(days=30), NOW + timedelta(days=1))
    amount = Amount(items, 0.2, 2, "bench")
    work = fill_queue(fill_parts(pool), wanted, amount, NOW, np.random.default_rng(1))
    await timed(f"draw {items} of {labels} labels", work)
    await pool.execute(ANSWERS, NOW, items // 2)
    await pool.execute("VACUUM ANALYZE", timeout=600)


async def timed(what: str, work: Awaitable[object]) -> None:
    """Seconds of one thing."""
    start = time.perf_counter()
    await work
    print(f"{what:<44}{time.perf_counter() - start:8.2f} s", flush=True)


async def measured(what: str, once: Callable[[], Awaitable[object]]) -> None:
    """Median and 95th percentile in milliseconds, after five to warm up."""
    took = []
    for _ in range(ROUNDS + 5):
        start = time.perf_counter()
        await once()
        took.append((time.perf_counter() - start) * 1_000)
    told(what, took[5:])


def told(what: str, took: Sequence[float]) -> None:
    """A line of milliseconds."""
    worst = statistics.quantiles(took, n=20)[-1]
    print(f"{what:<44}{statistics.median(took):8.1f} ms median{worst:8.1f} ms p95", flush=True)


async def asked(visitor: ClientSession) -> None:
    """The page of the next item."""
    async with visitor.get("/review") as response:
        assert "Sofa Nordik" in await response.text()


async def answers(visitor: ClientSession) -> None:
    """Answers one after the other: the form, and the page that follows it, each by itself."""
    kept, after = [], []
    for _ in range(ROUNDS):
        async with visitor.get("/review") as response:
            fields = hidden_fields(await response.text())
        start = time.perf_counter()
        async with visitor.post("/review/answer", data={**fields, "grade": "2"}, allow_redirects=False) as response:
            assert response.status == 303
            location = response.headers["Location"]
        between = time.perf_counter()
        async with visitor.get(location) as response:
            assert response.status == 200
        kept.append((between - start) * 1_000)
        after.append((time.perf_counter() - between) * 1_000)
    told("an answer kept", kept)
    told("the page after it", after)


async def looked(visitor: ClientSession, path: str) -> None:
    """Any page."""
    async with visitor.get(path) as response:
        assert response.status == 200


async def plans(pool: Pool) -> None:
    """What PostgreSQL does for the two statements that look through the queue."""
    async with pool.acquire() as held:
        for name, statement, arguments in PLANS:
            rows = await held.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", *arguments)
            print(f"\n{name}:", *(f"    {row[0]}" for row in rows), sep="\n")


async def main(labels: int, items: int) -> None:
    """All of it."""
    server = EmbeddedPostgres()
    try:
        await migrate(server.dsn)
        pool = await open_pool(server.dsn, 6)
        await filled(pool, labels, items)
        door = Door(BY_TOKEN, FakeAudit(), FixedClock())
        room = ReviewRoom(PostgresReviews(pool), 600.0)
        reads = PostgresReads(pool, FixedClock(), 50.0)
        async with serving(reads, door=door, room=room) as url, visiting(url, REVIEWER) as visitor:
            await measured("the page of the next item", lambda: asked(visitor))
            await answers(visitor)
            await measured("disagreements", lambda: looked(visitor, "/review/disagreements"))
        await plans(pool)
        await pool.close()
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=20_000)
    given = parser.parse_args()
    asyncio.run(main(given.labels, given.items))
