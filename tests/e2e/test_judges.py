"""A promoted judge judges without a restart and stands on its labels; a candidate says its part in the shadow."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.e2e import shoppers
from tests.e2e.command import LOOK_SECONDS
from tests.e2e.conftest import Place

FILE = 'name = "lite"\nmodel = "offline-judge-lite"\n'
LABELS = (
    "SELECT h.listing_id, j.judge, h.model FROM assay.relevance_label_history AS h "
    "JOIN assay.label_judges AS j USING (event_id) ORDER BY h.judged_at, h.listing_id"
)


def pairs(directory: Path, query: str) -> str:
    titles = ("Red mug, 300 ml", "Garden hose 10 m", "Blue mug")
    told = [
        {"query": query, "market": "uk", "language": "en", "listing": {"listing_id": f"{query} {n}", "title": title}}
        for n, title in enumerate(titles)
    ]
    path = directory / f"{query}.jsonl"
    path.write_bytes(shoppers.lines([json.dumps(pair).encode() for pair in told]))
    return str(path)


@pytest.mark.timeout(150)
async def test_a_promotion_counts_within_a_minute_without_a_restart(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    assay = place.assay.having(llm_base_url=judge_url)
    (tmp_path / "lite.toml").write_text(FILE)
    async with assay.started("run", "relevance") as process:
        await process.logged("started")
        await assay("judge", pairs(tmp_path, "red mug"))
        await _labelled(place, 3)
        promoted = await assay("judges", "promote", str(tmp_path / "lite.toml"), "--why", "cheaper", "--force")
        await process.logged("judge.changed", seconds=60.0)
        await assay("judge", pairs(tmp_path, "garden hose"))
        await _labelled(place, 6)
    assert promoted.code == 0
    rows = await place.rows(LABELS)
    judges = [str(row[1]).partition("@")[0] for row in rows]
    assert (judges, [row[2] for row in rows][3:]) == (["settings"] * 3 + ["lite"] * 3, ["offline-judge-lite"] * 3)
    stored = await place.rows("SELECT name FROM assay.judges ORDER BY 1")
    assert stored == [("lite",), ("settings",)]


async def _labelled(place: Place, count: int) -> None:
    for _ in range(300):
        if await place.value("SELECT count(*) FROM assay.relevance_label_history") == count:
            return
        await asyncio.sleep(LOOK_SECONDS)
    pytest.fail(f"there were no {count} labels within 30 s")


@pytest.mark.timeout(120)
async def test_a_candidate_in_the_shadow_answers_apart_and_nothing_goes_out(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    assay = place.assay.having(llm_base_url=judge_url)
    (tmp_path / "lite.toml").write_text(FILE)
    await assay("judges", "shadow", str(tmp_path / "lite.toml"), "--share", "1")
    await assay("judge", pairs(tmp_path, "red mug"), "--lane", "live")
    ran = await assay("run", "relevance", "--until-idle")
    assert ran.code == 0, ran.err
    told = json.loads((await assay("judges", "shadows", "--json")).out)
    (found,) = told["agreement"]
    assert (found["judge"].partition("@")[0], found["live"].partition("@")[0], found["pairs"]) == (
        "lite",
        "settings",
        3,
    )
    lanes = await place.rows("SELECT DISTINCT lane, subject ->> 'judge' IS NOT NULL FROM assay_data.tasks ORDER BY 1")
    assert lanes == [("backfill", True), ("live", False)]
    assert await place.value("SELECT count(*) FROM assay.relevance_label_history") == 3
    assert await place.value("SELECT count(*) FROM assay_data.outbox") == 3
