"""The batch lane as its user has it: pairs judged by batches of the offline judge, listed, and cancelled."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e import shoppers
from tests.e2e.conftest import Place

BATCHED = {"llm_batch_lanes": "panel,backfill"}
PAIRS = [  # three queries of four products
    {"query": f"red mug {n % 3}", "market": "uk", "listing": {"listing_id": f"m{n}", "title": f"Red mug {n}"}}
    for n in range(12)
]


def written(directory: Path) -> str:
    path = directory / "pairs.jsonl"
    path.write_bytes(shoppers.lines([json.dumps(pair).encode() for pair in PAIRS]))
    return str(path)


async def test_a_backfill_becomes_labels_by_batches_and_guidelines_live(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    assert (await place.assay("judge", written(tmp_path))).code == 0
    batched = place.assay.having(llm_base_url=judge_url, **BATCHED)
    assert (await batched("run", "relevance", "batches", "--until-idle")).checked().code == 0
    assert await place.value("SELECT count(*) FROM assay.relevance_labels") == len(PAIRS)
    assert await place.rows("SELECT state, attempts, count(*) FROM assay.judge_tasks GROUP BY 1, 2") == [
        ("done", 1, len(PAIRS))
    ]
    calls = await place.rows("SELECT DISTINCT purpose, batch FROM assay_data.llm_calls ORDER BY 1")
    assert calls == [("guideline", False), ("judgements", True)]
    shown = json.loads((await batched("batches", "list", "--json")).out)
    assert shown["counts"]["open"] == 0
    assert sum(batch["answered"] for batch in shown["batches"]) == 3
    assert 0 < shown["savings"][0]["cost_usd"] < shown["savings"][0]["live_usd"]


async def test_a_lane_that_is_turned_off_is_judged_live(place: Place, judge_url: str, tmp_path: Path) -> None:
    await place.assay("judge", written(tmp_path))
    there = place.assay.having(llm_base_url=judge_url)
    assert (await there.having(**BATCHED)("run", "relevance", "--until-idle")).checked().code == 0
    waiting = await place.rows("SELECT state, reason, count(*) FROM assay.judge_tasks GROUP BY 1, 2")
    assert waiting == [("waiting", "in_batch", len(PAIRS))]
    assert "calls collected" in (await there("status")).out
    assert (await there("run", "relevance", "batches", "--until-idle")).checked().code == 0
    assert await place.value("SELECT count(*) FROM assay.relevance_labels") == len(PAIRS)
    assert await place.value("SELECT count(*) FROM assay_data.llm_calls WHERE batch") == 0


async def test_cancel_names_what_it_can_not_cancel(place: Place) -> None:
    nobody = await place.assay("batches", "cancel", "0b5d9f0e-0000-4000-8000-000000000000")
    assert (nobody.code, "no open batch" in nobody.one_line()) == (2, True)
    assert (await place.assay("batches", "cancel")).code == 2
    assert "0 to be cancelled" in (await place.assay("batches", "cancel", "--all")).out
