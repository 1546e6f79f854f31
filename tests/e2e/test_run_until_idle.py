"""`assay run all --until-idle` on a small day in a shop, looked at from all sides."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.e2e import shoppers, topics
from tests.e2e.command import Done
from tests.e2e.conftest import Place
from tests.e2e.panes import live_panes, oracle_panes

WRONG = {b"not json": "not_json", b"[1]": "not_an_object", b'{"client_id": "x"}': "no_timestamp"}


@dataclass(frozen=True)
class Ran:
    """What a run left."""

    place: Place
    done: Done


@pytest.fixture(scope="module")
async def ran(shared_place: Place, judge_url: str) -> Ran:
    """A shop's day, some of it wrong, run to the end."""
    place = shared_place
    shoppers.fill(place.bootstrap, place.prefix, wrong=list(WRONG))
    return Ran(place, await place.assay.having(llm_base_url=judge_url)("run", "all", "--until-idle"))


async def test_it_exits_0_when_nothing_is_left_to_do(ran: Ran) -> None:
    left = await ran.place.value("SELECT count(*) FROM assay.judge_tasks WHERE state IN ('waiting', 'running')")
    assert ran.done.code == 0
    assert left == 0
    assert await ran.place.value("SELECT count(*) FROM assay_data.outbox") == 0


async def test_its_panes_are_those_of_the_contract(ran: Ran) -> None:
    expected = oracle_panes(topics.read(ran.place.bootstrap, f"{ran.place.prefix}search-log"))
    assert await live_panes(ran.place) == expected
    assert len(expected) == 2


async def test_each_wrong_record_is_kept_and_published_with_its_reason(ran: Ran) -> None:
    kept = await ran.place.rows("SELECT payload, reason FROM assay.dead_letters")
    published = topics.read(ran.place.bootstrap, f"{ran.place.prefix}dead-letters")
    assert sorted(kept) == sorted(WRONG.items())
    assert sorted(json.loads(record.value)["reason"] for record in published) == sorted(WRONG.values())


async def test_the_query_that_shoppers_leave_is_chosen_by_friction_and_its_results_are_judged(ran: Ran) -> None:
    chosen = await ran.place.rows("SELECT query FROM assay.query_selections WHERE reason = 'friction'")
    judged = await ran.place.rows("SELECT listing_id FROM assay.relevance_labels WHERE query = $1", shoppers.BAD)
    assert chosen == [(shoppers.BAD,)]
    assert sorted(judged) == [(listing_id,) for listing_id in shoppers.RESULTS[shoppers.BAD]]


async def test_each_label_is_published_once_under_its_event_id(ran: Ran) -> None:
    labels = await ran.place.rows("SELECT event_id::text FROM assay.relevance_label_history")
    events = topics.read(ran.place.bootstrap, f"{ran.place.prefix}relevance-judgements")
    assert sorted(event.header("ce_id") for event in events) == sorted(str(label[0]) for label in labels)
    assert len(labels) == sum(map(len, shoppers.RESULTS.values()))


async def test_each_task_is_done(ran: Ran) -> None:
    assert await ran.place.rows("SELECT DISTINCT state, reason FROM assay.judge_tasks") == [("done", "")]


async def test_running_again_changes_nothing(ran: Ran, judge_url: str) -> None:
    counts = "SELECT (SELECT count(*) FROM assay.relevance_label_history), (SELECT count(*) FROM assay.llm_calls)"
    before = await ran.place.rows(counts), await live_panes(ran.place)
    done = await ran.place.assay.having(llm_base_url=judge_url)("run", "all", "--until-idle")
    assert done.code == 0
    assert (await ran.place.rows(counts), await live_panes(ran.place)) == before


async def test_status_says_as_json_what_the_database_holds(ran: Ran) -> None:
    done = await ran.place.assay("status", "--json")
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert {stream["lag"] for stream in report["streams"]} == {0}
    assert {(task["kind"], task["state"]) for task in report["tasks"]} == {("relevance", "done")}
    assert {letter["reason"]: letter["count"] for letter in report["dead_letters"]} == dict.fromkeys(WRONG.values(), 1)
    assert report["spend"]["calls"] == await ran.place.value("SELECT count(*) FROM assay.llm_calls")
    assert report["outbox_waiting"] == 0


async def test_status_shows_tables_with_whole_names(ran: Ran) -> None:
    done = await ran.place.assay("status")
    names = ("Streams", "Tasks", "LLM today", "Dead letters", f"{ran.place.prefix}search-log", "not_an_object")
    assert done.code == 0
    assert [name for name in names if name not in done.out] == []
