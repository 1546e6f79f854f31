"""Everything known of one query: signals, why it was chosen, results of each engine, labels, guidelines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from core.adapters.postgres import Connection
from core.adapters.reads_queries import SUMS, counters, window
from core.domain.labels import LIVE_RUN
from core.read_models import (
    Counters,
    DayCounters,
    EngineResults,
    GuidelineView,
    LabelView,
    Product,
    QueryStory,
    RequirementView,
    SelectionView,
    Window,
)

SHOWN_RESULTS = 20
"""Results of a list shown: the first page, which is also what is judged."""

SHOWN_LABELS = 1_000
"""Newest labels of one query read: 20 results judged 50 times."""

SHOWN_SELECTIONS = 20
"""Newest choices shown: nearly half a year at a cool-down of a week."""

SHOWN_OTHERS = 100
"""Labelled products outside of today's lists that are shown: five pages of results."""

_DAYS = f"""
SELECT (hour AT TIME ZONE 'UTC')::date AS day, {SUMS} FROM assay_data.panes
WHERE run = $1 AND application = $2 AND market = $3 AND query = $4 AND hour >= $5 AND hour < $6
GROUP BY day ORDER BY day
"""  # noqa: S608 - only constants of this file enter

_MARKET = f"""
SELECT {SUMS} FROM assay_data.panes
WHERE run = $1 AND application = $2 AND market = $3 AND hour >= $4 AND hour < $5
"""  # noqa: S608 - only constants of this file enter

_SELECTIONS = """
SELECT reason, priority, pairs, evidence, selected_at FROM assay_data.selections
WHERE application = $1 AND market = $2 AND query = $3 ORDER BY selected_at DESC, id DESC LIMIT $4
"""

_LISTS = """
SELECT engine, language, seen_at, hits[1:$5] AS hits, cardinality(hits) AS total FROM assay_data.result_lists
WHERE run = $1 AND application = $2 AND market = $3 AND query = $4
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (engine) engine || ' (asked)', language, fetched_at, hits[1:$5], cardinality(hits)
    FROM assay_data.engine_lists WHERE application = $2 AND market = $3 AND query = $4
    ORDER BY engine, fetched_at DESC, id DESC
) AS asked
ORDER BY engine
"""
"""What shoppers were shown, and what engines answered when they were asked (docs/engines.md)."""

_LABELS = """
SELECT listing_id, label, grade, confidence, reasoning, reason, mode, model, prompt_version, guideline_version,
    judged_at, call_id, event_id
FROM assay_data.labels WHERE application = $1 AND market = $2 AND query = $3
ORDER BY judged_at DESC, id DESC LIMIT $4
"""

_TASKS = """
SELECT DISTINCT ON (subject ->> 'listing_id') subject ->> 'listing_id' AS listing_id, state, reason
FROM assay_data.tasks
WHERE subject ->> 'query' = $3 AND subject ->> 'market' = $2 AND subject ->> 'application' = $1 AND kind = 'relevance'
ORDER BY subject ->> 'listing_id', created_at DESC
"""

_PRODUCTS = """
SELECT l.listing_id, l.title, l.brand, l.category, l.price_amount, l.price_currency,
    l.image_urls[1] AS image_url, u.image_hash
FROM assay_data.listings AS l LEFT JOIN assay_data.picture_urls AS u ON u.url = l.image_urls[1]
WHERE l.listing_id = ANY($1::text[])
"""

_GUIDELINES = """
SELECT version, language, context, author, model, created_at, body FROM assay_data.guidelines
WHERE market = $1 AND query = $2 ORDER BY context, language, (author <> 'model') DESC, revision DESC
"""


async def query_story(
    connection: Connection, application: str, market: str, query: str, days: int
) -> QueryStory | None:
    """The whole story; None when there is neither pane nor label nor result list."""
    key = (application, market, query)
    span = await window(connection, days)
    by_day = [] if span is None else await _days(connection, key, span)
    lists = await connection.fetch(_LISTS, LIVE_RUN, *key, SHOWN_RESULTS)
    labels = await _labels(connection, key)
    if not by_day and not lists and not labels:
        return None
    listed = {hit for row in lists for hit in row["hits"]}
    others = [listing_id for listing_id in labels if listing_id not in listed][:SHOWN_OTHERS]
    products = await _products(connection, key, [*listed, *others], labels)
    return QueryStory(
        *key,
        window=span,
        counters=_sum(by_day),
        market_counters=await _market(connection, application, market, span),
        days=by_day,
        selections=await _selections(connection, key),
        engines=[_engine(row, products) for row in lists],
        others=[products[listing_id] for listing_id in others],
        guidelines=await _guidelines(connection, market, query),
    )


async def _days(connection: Connection, key: tuple[str, str, str], span: Window) -> list[DayCounters]:
    rows = await connection.fetch(_DAYS, LIVE_RUN, *key, span.start, span.end)
    return [DayCounters(row["day"], counters(row)) for row in rows]


def _sum(days: Sequence[DayCounters]) -> Counters:
    names = Counters.__slots__
    return Counters(*(sum(getattr(day.counters, name) for day in days) for name in names))


async def _market(connection: Connection, application: str, market: str, span: Window | None) -> Counters:
    if span is None:
        return Counters(0, 0, 0, 0, 0, 0)
    row = await connection.fetchrow(_MARKET, LIVE_RUN, application, market, span.start, span.end)
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always has its row
    return counters(row)


async def _selections(connection: Connection, key: tuple[str, str, str]) -> list[SelectionView]:
    return [SelectionView(**row) for row in await connection.fetch(_SELECTIONS, *key, SHOWN_SELECTIONS)]


async def _labels(connection: Connection, key: tuple[str, str, str]) -> dict[str, list[LabelView]]:
    found: dict[str, list[LabelView]] = defaultdict(list)
    for row in await connection.fetch(_LABELS, *key, SHOWN_LABELS):
        found[row["listing_id"]].append(LabelView(**row))
    return found


async def _products(
    connection: Connection, key: tuple[str, str, str], ids: list[str], labels: dict[str, list[LabelView]]
) -> dict[str, Product]:
    told = {row["listing_id"]: row for row in await connection.fetch(_PRODUCTS, ids)}
    tasks = {row["listing_id"]: row for row in await connection.fetch(_TASKS, *key)}
    return {
        listing_id: _product(listing_id, told.get(listing_id), labels.get(listing_id, []), tasks.get(listing_id))
        for listing_id in ids
    }


def _product(
    listing_id: str, told: asyncpg.Record | None, labels: list[LabelView], task: asyncpg.Record | None
) -> Product:
    state = "" if task is None else ": ".join(part for part in (task["state"], task["reason"]) if part)
    if told is None:
        return Product(listing_id, None, None, None, None, None, None, None, labels=labels, task=state)
    return Product(**told, labels=labels, task=state)


def _engine(row: asyncpg.Record, products: dict[str, Product]) -> EngineResults:
    return EngineResults(
        engine=row["engine"],
        language=row["language"],
        seen_at=row["seen_at"],
        total=row["total"],
        products=[products[hit] for hit in row["hits"]],
    )


async def _guidelines(connection: Connection, market: str, query: str) -> list[GuidelineView]:
    return [_guideline(row) for row in await connection.fetch(_GUIDELINES, market, query)]


def _guideline(row: asyncpg.Record) -> GuidelineView:
    body = row["body"]
    return GuidelineView(
        version=row["version"],
        language=row["language"],
        context=row["context"],
        author=row["author"],
        model=row["model"],
        created_at=row["created_at"],
        translation=body["translation"],
        specificity=body["specificity"],
        requirements=[RequirementView(**requirement) for requirement in body["requirements"]],
        guides=body["guideline"],
    )
