"""Fills a database with the plausible rows of a small shop, for tests of the read side and for screenshots.

Everything is derived from a seed and `now`, so that two fillings are equal.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.adapters.postgres import Pool
from core.domain.budget import next_midnight
from tests.support import (
    sample_batches,
    sample_canary,
    sample_drift,
    sample_engines,
    sample_evals,
    sample_judged,
    sample_words,
)
from tests.support.sample_rows import fits, insert, language, name_id
from tests.support.sample_words import APPLICATION, ASKED, HOSTILE, HOSTILE_QUERY, Asked

NOW = datetime(2026, 3, 29, 15, 20, tzinfo=UTC)
DAYS = 28


@dataclass(frozen=True)
class Filled:
    """Names of rows that tests look for."""

    call_id: uuid.UUID
    image_hash: str
    alert_id: uuid.UUID
    label_id: uuid.UUID
    """Event of a label whose call is kept, with siblings."""


async def fill(pool: Pool, now: datetime = NOW) -> Filled:
    """Write everything; the database has to be migrated and empty."""
    rng = random.Random(7)
    async with pool.acquire() as connection, connection.transaction():
        await insert(connection, "stream_partitions", _streams(now))
        await insert(connection, "panes", _panes(rng, now))
        listings = {asked: [f"L{number:02}{place:02}" for place in range(12)] for number, asked in enumerate(ASKED)}
        told = [
            _listing(rng, now, asked, place, id_) for asked, ids in listings.items() for place, id_ in enumerate(ids)
        ]
        await insert(connection, "listings", [row for row in told if not str(row["listing_id"]).endswith("11")])
        await insert(
            connection, "result_lists", [row for asked, ids in listings.items() for row in _lists(asked, ids, now)]
        )
        await insert(connection, "tasks", _tasks(now))
        await insert(connection, "dead_letters", _dead_letters(now))
        call_id = await sample_judged.calls(connection, rng, now)
        await sample_judged.labels(connection, rng, now, listings, call_id)
        image_hash = await sample_judged.pictures(connection, rng, now, listings)
        alert_id = await sample_drift.drift(connection, rng, now)
        await sample_engines.comparison(connection, rng, now)
        await sample_batches.batches(connection, now)
    await sample_canary.runs(pool, now)
    await sample_evals.evaluation(pool, now)
    label_id = await pool.fetchval("SELECT event_id FROM assay_data.labels WHERE call_id = $1 LIMIT 1", call_id)
    return Filled(call_id, image_hash, alert_id, label_id)


def _streams(now: datetime) -> list[dict[str, object]]:
    stands = (
        ("search-log", 0, 1_204_331, 1_204_332, 312, 4),
        ("search-log", 1, 1_198_870, 1_198_871, 287, 6),
        ("search-log", 2, 1_189_002, 1_201_540, 301, 540),
        ("listings", 0, 88_120, 88_121, 0, 31),
    )
    return [
        {
            "topic": topic,
            "partition": partition,
            "epoch": 3,
            "owner": "pod-1",
            "applied": applied,
            "end_offset": end,
            "open_sessions": open_,
            "watermark": now - timedelta(seconds=age),
            "updated_at": now,
        }
        for topic, partition, applied, end, open_, age in stands
    ]


def _panes(rng: random.Random, now: datetime) -> list[dict[str, object]]:
    first = now.replace(hour=0, minute=0) - timedelta(days=DAYS - 1)
    rows = [_pane(rng, asked, first, day, hour) for asked in ASKED for day in range(DAYS) for hour in (8, 12, 17, 20)]
    rare = _pane(random.Random(1), Asked("us", "very rare thing", 6, 0.5, 0.5), first, 20, 8)
    return [row for row in [*rows, rare] if row["searches"] and row["hour"] < now]


def _pane(rng: random.Random, asked: Asked, first: datetime, day: int, hour: int) -> dict[str, object]:
    worse = 2.0 if day >= asked.worse_from else 1.0
    searches = max(0, round(rng.gauss(asked.a_day / 4, asked.a_day / 18)))
    reformulated = sum(rng.random() < asked.reformulated * worse for _ in range(searches))
    exits = min(searches - reformulated, sum(rng.random() < asked.left * worse for _ in range(searches)))
    return {
        "run": "live",
        "application": APPLICATION,
        "market": asked.market,
        "query": asked.query,
        "hour": first + timedelta(days=day, hours=hour),
        "searches": searches,
        "sessions": round(searches * 0.86),
        "engaged": round((searches - reformulated - exits) * 0.83),
        "reformulated": reformulated,
        "exits": exits,
        "zero_results": sum(rng.random() < asked.nothing for _ in range(searches)),
    }


def _listing(rng: random.Random, now: datetime, asked: Asked, place: int, listing_id: str) -> dict[str, object]:
    fitting = fits(asked, listing_id)
    brand = rng.choice(sample_words.BRANDS)
    title = rng.choice(sample_words.FITS if fitting else sample_words.MISSES).format(query=asked.query, brand=brand)
    hostile = place == 0 and (asked.market, asked.query) == HOSTILE_QUERY
    return {
        "listing_id": listing_id,
        "market": asked.market,
        "language": language(asked),
        "brand": brand,
        "title": HOSTILE if hostile else title[0].upper() + title[1:],
        "description": None,
        "category": rng.choice(sample_words.CATEGORIES),
        "price_amount": round(rng.uniform(4, 240), 2),
        "price_currency": "EUR" if asked.market == "de" else "USD",
        "attributes": {},
        "image_urls": [f"https://pictures.example/{listing_id}.jpg"],
        "content_hash": f"c-{listing_id}",
        "deleted": False,
        "run": "live",
        "told_at": now - timedelta(days=3),
    }


def _lists(asked: Asked, ids: list[str], now: datetime) -> list[dict[str, object]]:
    shown = {"bm25": ids} | ({"vectors": ids[4:] + ids[:4]} if asked.market == "us" else {})
    return [
        {
            "run": "live",
            "application": APPLICATION,
            "market": asked.market,
            "query": asked.query,
            "engine": engine,
            "language": language(asked),
            "hits": hits,
            "seen_at": now - timedelta(minutes=12),
        }
        for engine, hits in shown.items()
    ]


_TASKS = (
    ("relevance", "live", "waiting", "", 34),
    ("relevance", "panel", "waiting", "over_budget", 12),
    ("relevance", "live", "running", "", 8),
    ("relevance", "live", "done", "", 190),
    ("relevance", "live", "failed", "refused", 2),
    ("image", "live", "done", "", 100),
    ("image", "live", "failed", "private_address", 4),
    ("image", "live", "failed", "not_found", 7),
)


def _tasks(now: datetime) -> list[dict[str, object]]:
    return [
        _task(f"{kind}/{lane}/{state}/{reason}/{number}", kind, lane, state, reason, number, now)
        for kind, lane, state, reason, count in _TASKS
        for number in range(count)
    ]


def _task(name: str, kind: str, lane: str, state: str, reason: str, number: int, now: datetime) -> dict[str, object]:
    subject = {"application": APPLICATION, "market": "us", "query": f"some query {number}", "listing_id": "L9"}
    if (kind, state) == ("relevance", "failed"):  # seen on the query's own page
        subject |= {"query": HOSTILE_QUERY[1], "listing_id": f"L01{10 + number}"}
    made = now - timedelta(minutes=number)
    return {
        "task_id": name_id(name),
        "task_key": name,
        "kind": kind,
        "lane": lane,
        "lane_rank": 0,
        "group_key": "g",
        "subject": subject,
        "payload": {},
        "priority": 1.0,
        "state": state,
        "reason": reason,
        "attempts": 1,
        "not_before": next_midnight(now) if reason == "over_budget" else made,
        "created_at": made,
        "finished_at": made if state in ("done", "failed") else None,
    }


def _dead_letters(now: datetime) -> list[dict[str, object]]:
    return [
        {
            "run": None if topic == "listings" else "live",
            "topic": topic,
            "partition": 0,
            "offset": 100 + place,
            "reason": reason,
            "detail": detail,
            "payload": payload,
            "received_at": now - timedelta(hours=place),
        }
        for place, (topic, reason, detail, payload) in enumerate(sample_words.DEAD * 3)
    ]
