"""The drift half of the sample shop: nights of a panel that gets worse, and the alerts that follow."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import asyncpg

from tests.support.sample_judged import MODEL, STRUGGLING_FROM
from tests.support.sample_rows import insert, language, name_id
from tests.support.sample_words import APPLICATION, ASKED, Asked


async def drift(connection: asyncpg.Connection, rng: random.Random, now: datetime) -> uuid.UUID:
    """Thirty nights of a panel that gets worse on the 21st, and two alerts; the id of the engine's."""
    nights = [(now - timedelta(days=29 - n)).date() for n in range(30)]
    await insert(connection, "drift_nights", [{"night": night, "frozen_at": now, "done_at": now} for night in nights])
    slots = [
        _slot(rng, night, asked, rank, 0.0 if n < 21 else 0.22)
        for n, night in enumerate(nights)
        for asked in ASKED[:-1]
        for rank in range(1, 6)
    ]
    await insert(connection, "panel_slots", slots)
    segment = {"application": APPLICATION, "market": "us", "language": "all", "volume_band": "all", "engine": "bm25"}
    engine = _alert("engine", "mean_gain", 0.71, 0.58, now - timedelta(days=8), segment)
    everything = dict.fromkeys(segment, "all")
    judge = _alert("judge", "anchor_flip_rate", 0.011, 0.064, now - timedelta(days=3), everything)
    await insert(connection, "alerts", [engine, judge])
    return name_id("alert", "engine")


def _slot(rng: random.Random, night: object, asked: Asked, rank: int, worse: float) -> dict[str, object]:
    good = (0.35 if asked.reformulated > STRUGGLING_FROM else 0.72) - worse
    return {
        "night": night,
        "application": APPLICATION,
        "market": asked.market,
        "query": asked.query,
        "rank": rank,
        "language": language(asked),
        "engine": "bm25",
        "volume_band": "head",
        "weight": asked.a_day / 900,
        "listing_id": f"L{rank}",
        "content_hash": "c",
        "task_key": "t",
        "grade": rng.choices((0, 1, 2), (0.8 - good, 0.2, good))[0],
    }


def _alert(
    cause: str, metric: str, before: float, after: float, at: datetime, segment: Mapping[str, str]
) -> dict[str, object]:
    evidence = {
        "causes": [cause],
        "detector": f"{cause}_event",
        "event_night": (at - timedelta(days=1)).date().isoformat(),
        "share_changed": 0.41,
        "usual_share": 0.043,
        "nights_each_side": 1,
        "t": -5.2,
        "threshold": 3.11,
        "queries": 19,
        "engine_step": -0.128,
        "catalogue_step": 0.002,
        "judge_step": 0.0,
        "models": [MODEL],
    }
    return {
        "alert_id": name_id("alert", cause),
        "segment": dict(segment),
        "cause": cause,
        "metric": metric,
        "before": before,
        "after": after,
        "detected_at": at,
        "status": "final",
        "evidence": evidence,
    }
