"""The sample shop's batches at the provider: one under way, one answered, one that the provider refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from tests.support.sample_rows import insert, name_id

WINDOW = timedelta(hours=25)


async def batches(held: asyncpg.Connection, now: datetime) -> None:
    """Write them."""
    under_way = {"state": "ordered", "provider_status": "in_progress", "provider_done": 120}
    answered = {"state": "ended", "provider_status": "completed", "answered": 480, "failed": 12, "unanswered": 8}
    refused = {"state": "ended", "provider_status": "failed", "unanswered": 500}
    why = "token_limit_exceeded: the batch's tokens are over the limit of what may be enqueued"
    await insert(
        held,
        "llm_batches",
        [
            _batch(now, 1, "panel", under_way),
            _batch(now, 8, "panel", {**answered, "cost_usd": 0.61, "live_usd": 1.22}),
            _batch(now, 15, "backfill", {**refused, "error": why}),
        ],
    )


def _batch(now: datetime, hours: int, lane: str, more: dict[str, object]) -> dict[str, object]:
    at = now - timedelta(hours=hours)
    figures = {"provider_done": 0, "answered": 0, "failed": 0, "unanswered": 0, "cost_usd": 0, "live_usd": 0}
    return {
        "batch_id": name_id("batch", lane, hours),
        "lane": lane,
        "model": "judge-mini-2026-02",
        "requests": 500,
        "input_tokens": 1_900_000,
        "file_bytes": 4_200_000,
        "provider_id": f"batch_68a1f0c2d4e8819{hours:02}",
        **dict.fromkeys(("asked_at", "created_at", "ordered_at"), at),
        **dict.fromkeys(("deadline_at", "next_look_at"), at + WINDOW),
        "ended_at": at + timedelta(hours=3) if more["state"] == "ended" else None,
        "error": "",
        **figures,
        **more,
    }
