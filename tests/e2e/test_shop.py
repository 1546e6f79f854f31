"""Real queries and products through the whole service on real servers: what comes out adds up, and is what was hidden.

`../shared/data/shop` is two weeks of a shop whose engine serves five known queries badly; the other log is real-life
UBI in all its mess.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from core.domain.normalise import normalised_query
from tests.e2e import topics
from tests.e2e.conftest import Place
from tests.e2e.panes import live_panes, oracle_panes
from tests.oracle.contract import panes

pytestmark = [pytest.mark.data, pytest.mark.timeout(400)]

AMONG = 10
FOUND = 4  # of the five that truth.json names
BUDGET = "1000"


@pytest.fixture(scope="module")
async def shop(shared_place: Place, shared_data: Path, judge_url: str) -> Place:
    """Both logs and the listings, read and judged to the end by the command."""
    assay = shared_place.assay.having(llm_base_url=judge_url, llm_budget_usd_per_day=BUDGET)
    for topic, file in (
        ("listings", "shop/listings.jsonl.gz"),
        ("search-log", "shop/search_log.jsonl.gz"),
        ("search-log", "logs/ubi_queries_events.ndjson"),
    ):
        assert (await assay("produce", topic, str(shared_data / file))).code == 0
    assert (await assay("run", "all", "--until-idle", seconds=300)).code == 0
    return shared_place


@pytest.fixture(scope="module")
async def graded(shop: Place, shared_data: Path, judge_url: str) -> Place:
    """The human-graded pairs too."""
    assay = shop.assay.having(llm_base_url=judge_url, llm_budget_usd_per_day=BUDGET)
    assert (await assay("judge", str(shared_data / "shop" / "judge_requests.jsonl.gz"))).code == 0
    assert (await assay("run", "relevance", "outbox", "--until-idle", seconds=300)).code == 0
    return shop


async def test_panes_and_dead_letters_are_those_of_the_contract(shop: Place) -> None:
    records = topics.read(shop.bootstrap, f"{shop.prefix}search-log")
    expected = panes([record.log for record in records])
    dead = await shop.rows('SELECT partition, "offset", reason FROM assay.dead_letters')
    assert await live_panes(shop) == oracle_panes(records)
    assert {(row[0], row[1]): row[2] for row in dead} == {at: found.reason for at, (_, found) in expected.dead.items()}


async def test_each_listing_is_in_the_catalogue(shop: Place, shared_data: Path) -> None:
    with gzip.open(shared_data / "shop" / "listings.jsonl.gz") as lines:
        told = {json.loads(line)["listing_id"] for line in lines}
    assert await shop.value("SELECT count(*) FROM assay_data.listings") == len(told)


async def test_the_queries_served_badly_are_among_the_first_by_priority(shop: Place, shared_data: Path) -> None:
    first = await shop.rows(
        "SELECT query FROM assay.query_selections WHERE reason = 'friction' GROUP BY query ORDER BY max(priority) DESC"
    )
    assert_found(first, shared_data)


async def test_the_queries_served_badly_are_among_the_first_judged(shop: Place, shared_data: Path) -> None:
    first = await shop.rows(
        "SELECT query FROM assay.relevance_labels WHERE reason = 'friction' GROUP BY query ORDER BY min(judged_at)"
    )
    assert_found(first, shared_data)


def assert_found(first: list[tuple[object, ...]], shared_data: Path) -> None:
    """Four of the five among the first ten."""
    hidden = json.loads((shared_data / "shop" / "truth.json").read_text())["served_badly"]
    found = {str(row[0]) for row in first[:AMONG]} & set(hidden)
    assert len(found) >= FOUND, first[:AMONG]


async def test_each_label_has_exactly_one_event(graded: Place) -> None:
    labels = await graded.rows("SELECT event_id::text FROM assay.relevance_label_history")
    events = topics.read(graded.bootstrap, f"{graded.prefix}relevance-judgements")
    assert sorted(event.header("ce_id") for event in events) == sorted(str(row[0]) for row in labels)


async def test_each_task_is_done_or_has_a_reason_and_none_is_left_running(graded: Place) -> None:
    states = await graded.rows("SELECT state, reason, count(*) FROM assay.judge_tasks GROUP BY 1, 2")
    assert {state for state, _, _ in states} <= {"done", "failed", "waiting"}
    assert [row for row in states if row[0] != "done" and not row[1]] == []


async def test_each_human_graded_pair_has_a_label_or_a_named_state(graded: Place, shared_data: Path) -> None:
    with gzip.open(shared_data / "shop" / "judge_requests.jsonl.gz") as lines:
        asked = [json.loads(line) for line in lines]
    pairs = {(normalised_query(pair["query"]), pair["listing"]["listing_id"]) for pair in asked}
    labelled = set(await graded.rows("SELECT query, listing_id FROM assay.relevance_labels WHERE market = 'us'"))
    named = set(
        await graded.rows(
            "SELECT subject->>'query', subject->>'listing_id' FROM assay.judge_tasks "
            "WHERE state <> 'done' AND reason <> ''"
        )
    )
    assert pairs - labelled - named == set()
    assert len(pairs & labelled) > 0.99 * len(pairs)
