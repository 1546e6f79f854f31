"""`assay judge`: pairs of a file, queued once, judged by the next run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.e2e import shoppers
from tests.e2e.conftest import Place

PAIRS = [
    {"query": "Red  MUG", "market": "uk", "listing": shoppers.listing("m1")},
    {"query": "red mug", "market": "uk", "listing": {"listing_id": "k2", "title": "Garden hose 10 m"}},
    {"query": "red mug", "market": "uk", "listing_id": "unheard-of"},
]
TASKS = "SELECT subject->>'listing_id', lane, state, reason FROM assay.judge_tasks ORDER BY 1"


def written(directory: Path, lines: list[bytes]) -> str:
    """A packed file of these lines."""
    path = directory / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(shoppers.lines(lines)))
    return str(path)


async def test_pairs_are_queued_once_and_become_labels_or_failures_with_a_reason(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path, [json.dumps(pair).encode() for pair in PAIRS])
    first = await place.assay("judge", file)
    again = await place.assay("judge", file)
    queued = await place.rows(TASKS)
    ran = await place.assay.having(llm_base_url=judge_url)("run", "relevance", "--until-idle")

    assert (first.code, again.code, ran.code) == (0, 0, 0)
    assert "queued 3 of 3" in first.out
    assert "queued 0 of 3" in again.out
    assert queued == [(name, "backfill", "waiting", "") for name in ("k2", "m1", "unheard-of")]
    ended = await place.rows(TASKS)
    assert [row[2] for row in ended] == ["done", "done", "failed"]
    assert ended[2][3]
    labels = await place.rows("SELECT listing_id, query, market, reason FROM assay.relevance_labels ORDER BY 1")
    assert labels == [("k2", "red mug", "uk", "request"), ("m1", "red mug", "uk", "request")]


async def test_a_wrong_line_queues_nothing(place: Place, tmp_path: Path) -> None:
    file = written(tmp_path, [json.dumps(PAIRS[0]).encode(), b"wrong"])
    done = await place.assay("judge", file)
    assert done.code == 2
    assert "line 2" in done.one_line()
    assert await place.rows(TASKS) == []


async def test_lane_live_is_queued_there(place: Place) -> None:
    done = await place.assay("judge", "-", "--lane", "live", stdin=json.dumps(PAIRS[0]).encode())
    assert done.code == 0
    assert await place.rows(TASKS) == [("m1", "live", "waiting", "")]
