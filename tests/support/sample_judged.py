"""The judging half of the sample shop: calls, guidelines, choices, labels, pictures, drift."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import asyncpg

from tests.support import sample_pictures, sample_words
from tests.support.sample_rows import fits, insert, language, name_id
from tests.support.sample_words import APPLICATION, ASKED, Asked

MODEL, JUDGE_PROMPT, GUIDELINE_PROMPT = "judge-mini-2026-02", "judge@4f1d02aa", "guideline@91be77c3"
LABELS = ("irrelevant", "acceptable_substitute", "highly_relevant")
STRUGGLING_FROM = 0.25
ASPECTS = ("focus", "lighting", "background", "framing", "completeness", "overlays", "honesty", "authenticity")
Listings = Mapping[Asked, list[str]]


async def calls(connection: asyncpg.Connection, rng: random.Random, now: datetime) -> uuid.UUID:
    """LLM calls of the last hours; the id of the newest."""
    prompt = {"prompt_hash": "h1", "prompt_version": JUDGE_PROMPT, "first_used": now - timedelta(days=9)}
    system = "You grade products for a shopper's query.\n" * 30
    await insert(connection, "llm_prompts", [prompt | {"system": system}])
    await insert(connection, "llm_spend", [_spend(now, days, lane) for days in range(30) for lane in SPENT])
    await insert(connection, "llm_calls", [_call(rng, now, number) for number in range(60)])
    await insert(connection, "llm_reservations", [_reservation(now)])
    await insert(connection, "llm_costs", [_cost(now, days, lane) for days in range(30) for lane in SPENT])
    refused = {"status": "refused", "calls": 2, "output_tokens": 0, "cost_usd": 0.0}
    await insert(connection, "llm_costs", [_cost(now, 0, "live") | refused])
    return name_id("call", 0)


SPENT = {"live": 9.4, "panel": 4.0, "backfill": 5.0}


def _spend(now: datetime, days: int, lane: str) -> dict[str, object]:
    """What a lane spent on a day; of today, something is under way."""
    reserved = 0.31 if (days, lane) == (0, "live") else 0.0
    spent = SPENT[lane] * (1 - days % 5 / 10)
    return {"day": now.date() - timedelta(days=days), "lane": lane, "spent_usd": spent, "reserved_usd": reserved}


def _cost(now: datetime, days: int, lane: str) -> dict[str, object]:
    """The same as calls; those of backfill are in batches, one model has no price of its own."""
    model, version = ("house-model", "2026-11-22 default") if lane == "panel" else (MODEL, "2026-11-22")
    return {
        "day": now.date() - timedelta(days=days),
        "application": APPLICATION,
        "market": "us",
        "language": "en",
        "lane": lane,
        "purpose": "judgements" if lane != "backfill" else "guideline",
        "model": model,
        "price_version": version,
        "batch": lane == "backfill",
        "status": "timeout" if days % 7 == 3 else "ok",
        "calls": 20,
        "input_tokens": 108_000,
        "cached_tokens": 61_440,
        "output_tokens": 8_200,
        "cost_usd": SPENT[lane] * (1 - days % 5 / 10),
    }


def _reservation(now: datetime) -> dict[str, object]:
    """A call under way."""
    names = ("lane", "model", "purpose", "subject", "tasks", "prompt_version", "prompt_hash", "price_version", "batch")
    call = _call(random.Random(1), now, 0)
    return {name: call[name] for name in (*names, "budget_day", "endpoint", "reserved_tokens", "reserved_usd")} | {
        "call_id": name_id("call", "running"),
        "started_at": now - timedelta(seconds=161),
        "expires_at": now.timestamp() + 60.0,
    }


def _call(rng: random.Random, now: datetime, number: int) -> dict[str, object]:
    status = {7: "timeout", 8: "refused", 23: "lost"}.get(number, "ok")
    reply = {
        "judgements": [
            {"item": "p1", "reasoning": "AAA, not AA.", "verdicts": "y", "label": "irrelevant", "confidence": 0.97}
        ]
    }
    texts = ('### QUERY\n{"query":"aa battery"}\n', '### PRODUCTS\n{"item":"p1","title":"AAA battery"}\n')
    request = {"user": [{"text": text} for text in texts], "max_output_tokens": 1_200, "seed": 7}
    return {
        "call_id": name_id("call", number),
        "lane": ("live", "panel", "backfill")[number % 3],
        "model": MODEL,
        "status": status,
        "http_status": 200 if status != "timeout" else None,
        "started_at": now - timedelta(minutes=7 * number),
        "latency_ms": rng.randrange(300, 2_400),
        "input_tokens": 5_400,
        "cached_tokens": 4_096 if number % 2 else 0,
        "output_tokens": 410,
        "cost_usd": 0.0021,
        "purpose": "judgements",
        "subject": {"application": APPLICATION, "market": "us", "query": "aa battery"},
        "prompt_version": JUDGE_PROMPT,
        "prompt_hash": "h1",
        "request": request,
        "reply": json.dumps(reply),
        "answered_by": MODEL,
        "fingerprint": "fp_81",
        "error": "" if status == "ok" else f"it ended: {status}",
        "budget_day": now.date(),
        "reserved_tokens": 6_000,
        "reserved_usd": 0.004,
        "endpoint": "https://llm.example/v1",
        "tasks": [name_id("relevance/live/failed/refused/0")] if number in (0, 8) else [],
        "price_version": "2026-11-01",
        "batch": number % 3 == 2,
    }


async def labels(
    connection: asyncpg.Connection, rng: random.Random, now: datetime, listings: Listings, call_id: uuid.UUID
) -> None:
    """Guidelines, choices and labels of all queries but the last; some listings were judged before."""
    rows = []
    for asked in ASKED[:-1]:
        for listing_id in listings[asked][:10]:
            likely = (0.02, 0.28, 0.7) if fits(asked, listing_id) else (0.9, 0.1, 0.0)
            rows += [_label(rng, asked, listing_id, rng.choices(LABELS, likely)[0], now, call_id)]
        rows.append(_label(rng, asked, listings[asked][1], LABELS[1], now - timedelta(days=8), call_id))
    rows.append(_label(rng, ASKED[0], "L0203", "irrelevant", now - timedelta(days=5), call_id))
    await insert(connection, "labels", rows)
    await insert(connection, "guidelines", [_guideline(asked, now) for asked in ASKED[:-1]])
    await insert(connection, "guidelines", [_edited(_guideline(ASKED[0], now - timedelta(days=-10)))])
    await insert(connection, "selections", [row for asked in ASKED[:-1] for row in _selections(asked, now)])


def _label(
    rng: random.Random, asked: Asked, listing_id: str, label: str, now: datetime, call_id: uuid.UUID
) -> dict[str, object]:
    event_id = name_id("label", asked.market, asked.query, listing_id, now)
    reason = "friction" if asked.reformulated > STRUGGLING_FROM else "volume"
    return {
        "event_id": event_id,
        "content_key": str(event_id),
        "application": APPLICATION,
        "market": asked.market,
        "query": asked.query,
        "listing_id": listing_id,
        "label": label,
        "grade": LABELS.index(label),
        "confidence": round(rng.uniform(0.62, 0.98), 2),
        "reason": reason,
        "mode": "text",
        "model": MODEL,
        "reasoning": sample_words.REASONING[label].format(query=asked.query),
        "fingerprint": "fp_81",
        "prompt_version": JUDGE_PROMPT,
        "guideline_version": "g1",
        "content_hash": f"c-{listing_id}",
        "image_hash": None,
        "judged_at": now - timedelta(minutes=rng.randrange(5, 1_200)),
        "call_id": call_id,
    }


def _guideline(asked: Asked, now: datetime) -> dict[str, object]:
    requirements = (
        (f"is a {asked.query}", "must_have", "it is what the shopper names"),
        ("fits the size or type named", "approximate_is_okay", "often interchangeable"),
        ("from a known brand", "nice_to_have", "many refine by brand next"),
    )
    body = {
        "translation": asked.query,
        "specificity": "specific" if any(c.isdigit() for c in asked.query) else "medium",
        "requirements": [dict(zip(("requirement", "importance", "why"), each, strict=True)) for each in requirements],
        "guideline": {
            "highly_relevant": f"A {asked.query} that meets size and type.",
            "acceptable_substitute": "Another size or type that serves the same need.",
            "irrelevant": "An accessory, or another thing altogether.",
        },
    }
    return {
        "market": asked.market,
        "query": asked.query,
        "language": language(asked),
        "version": "g1",
        "revision": 1,
        "prompt_version": GUIDELINE_PROMPT,
        "model": MODEL,
        "author": "model",
        "body": body,
        "created_at": now - timedelta(days=12),
    }


def _edited(guideline: dict[str, object]) -> dict[str, object]:
    """What a person made of it: the brand is no matter, and another size is no substitute."""
    body = guideline["body"]
    assert isinstance(body, dict)
    mended = {**body["guideline"], "acceptable_substitute": "Rechargeable cells of the same size."}
    return guideline | {
        "version": "g2",
        "revision": 2,
        "author": "mara",
        "comment": "Shoppers mean the size, not the brand.",
        "based_on": "g1",
        "body": body | {"requirements": body["requirements"][:2], "guideline": mended},
    }


def _selections(asked: Asked, now: datetime) -> list[dict[str, object]]:
    struggling = asked.reformulated > STRUGGLING_FROM
    evidence: dict[str, float] = {"searches": asked.a_day * 14, "sessions": asked.a_day * 12}
    if struggling:
        rate = asked.reformulated + asked.left
        evidence |= {"rate": round(rate, 4), "lower_bound": round(rate - 0.03, 4), "baseline": 0.31}
    return [
        {
            "application": APPLICATION,
            "market": asked.market,
            "query": asked.query,
            "priority": asked.a_day * 3.1,
            "reason": "friction" if struggling else "volume",
            "results_hash": "r1",
            "evidence": evidence,
            "pairs": 20,
            "selected_at": now - timedelta(days=days),
        }
        for days in ((1, 9) if struggling else (2,))
    ]


async def pictures(connection: asyncpg.Connection, rng: random.Random, now: datetime, listings: Listings) -> str:
    """Pictures, thumbnails and scores of the first five products of each query; the hash of the first."""
    rows, urls, scores = [], [], []
    for number, listing_id in enumerate(each for ids in listings.values() for each in ids[:5]):
        fault = sample_pictures.FAULTS[number % 10] if number % 10 < 5 else ""
        jpeg = sample_pictures.draw(number, fault)
        image_hash, url = sample_pictures.hash_of(jpeg), f"https://pictures.example/{listing_id}.jpg"
        size = {"width": 240, "height": 240, "byte_size": len(jpeg), "media_type": "image/jpeg", "measures": {}}
        rows.append({"image_hash": image_hash, **size, "thumbnail": jpeg, "first_seen": now})
        urls.append({"url": url, "image_hash": image_hash, "fetched_at": now})
        scores.append(_score(rng, now, listing_id, url, image_hash, fault))
    await insert(connection, "pictures", rows)
    await insert(connection, "picture_urls", urls)
    await insert(connection, "image_scores", scores)
    return str(rows[0]["image_hash"])


def _score(
    rng: random.Random, now: datetime, listing_id: str, url: str, image_hash: str, fault: str
) -> dict[str, object]:
    aspects = {name: rng.randrange(7, 11) for name in ASPECTS}
    hurt = {"blurred": "focus", "dark": "lighting", "cluttered": "background", "cropped": "completeness"}.get(fault)
    if hurt:
        aspects[hurt] = rng.randrange(1, 4)
    return {
        "event_id": name_id("score", url),
        "content_key": f"score {url}",
        "listing_id": listing_id,
        "image_url": url,
        "image_hash": image_hash,
        "score": rng.randrange(1, 6) if hurt else rng.randrange(7, 11),
        "aspects": aspects,
        "reasoning": sample_words.PICTURE_REASONING[fault],
        "tier": "llm",
        "model": MODEL,
        "fingerprint": "fp_81",
        "prompt_version": "pictures@0c88d1f2",
        "judged_at": now - timedelta(minutes=rng.randrange(3, 4_000)),
        "call_id": None,
    }
