"""From a label to its calls, and the search of calls, over the sample shop."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import ClientSession

from core.adapters.shadow_store import PostgresShadows
from core.money_models import CallFilter
from tests.contract.facts import score
from tests.support.fakes import NOON
from tests.support.served_console import Served, text_of

pytestmark = pytest.mark.postgres

QUERY = "aa battery"


async def row_of(shop: Served, statement: str, *told: object) -> asyncpg.Record:
    found = await shop.pool.fetchrow(statement, *told)
    assert found is not None
    return found


async def with_a_call(shop: Served) -> tuple[UUID, UUID]:
    """The event of a label whose call is kept and gave several, and that call."""
    row = await row_of(
        shop,
        "SELECT min(l.event_id::text)::uuid AS event_id, l.call_id FROM assay_data.labels AS l "
        "JOIN assay_data.llm_calls AS c USING (call_id) GROUP BY l.call_id HAVING count(*) > 1 LIMIT 1",
    )
    return row["event_id"], row["call_id"]


async def changed(shop: Served, event_id: UUID, **columns: str) -> None:
    told = ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, 2))
    await shop.pool.execute(f"UPDATE assay_data.labels SET {told} WHERE event_id = $1", event_id, *columns.values())


async def test_a_label_shows_what_was_sent_and_said_and_what_it_cost(visitor: ClientSession, shop: Served) -> None:
    event_id, call_id = await with_a_call(shop)
    call = await shop.reads.call(call_id)
    page = await text_of(visitor, f"/label/{event_id}")
    assert call is not None
    assert f"/calls/{call_id}" in page
    for part in ("Rules", "Data", "Reply", "Prompt cache", "Input tokens", "Output tokens", "Retries", "this one"):
        assert part in page
    assert str(call.prompt_version) in page


async def test_siblings_of_the_same_call_are_a_click_away(visitor: ClientSession, shop: Served) -> None:
    event_id, call_id = await with_a_call(shop)
    siblings = await shop.pool.fetch("SELECT event_id FROM assay_data.labels WHERE call_id = $1", call_id)
    page = await text_of(visitor, f"/label/{event_id}")
    others = [row["event_id"] for row in siblings if row["event_id"] != event_id]
    assert others
    assert [each for each in others if f'/label/{each}"' not in page] == []


async def test_a_label_names_its_judge_its_guideline_and_each_verdict(visitor: ClientSession, shop: Served) -> None:
    label = await row_of(
        shop,
        "SELECT l.event_id, l.guideline_version, jsonb_array_length(g.body -> 'requirements') AS asked "
        "FROM assay_data.labels AS l JOIN assay_data.guidelines AS g "
        "ON (g.market, g.query, g.version) = (l.market, l.query, l.guideline_version) "
        "WHERE jsonb_array_length(g.body -> 'requirements') > 0 LIMIT 1",
    )
    await changed(shop, label["event_id"], judge="strict@0f3a", verdicts="n" + "?" * (label["asked"] - 1))
    page = await text_of(visitor, f"/label/{label['event_id']}")
    assert "/calls?judge=strict%400f3a" in page
    assert f"#{label['guideline_version']}" in page
    assert page.count('data-label="Found"') == label["asked"]
    assert 'data-label="Found">not met' in page


async def test_a_label_whose_call_is_gone_says_so(visitor: ClientSession, shop: Served) -> None:
    event_id = await shop.pool.fetchval("SELECT event_id FROM assay_data.labels WHERE query <> $1 LIMIT 1", QUERY)
    before = await shop.pool.fetchval("SELECT call_id FROM assay_data.labels WHERE event_id = $1", event_id)
    await shop.pool.execute("UPDATE assay_data.labels SET call_id = $2 WHERE event_id = $1", event_id, uuid4())
    page = await text_of(visitor, f"/label/{event_id}")
    await shop.pool.execute("UPDATE assay_data.labels SET call_id = $2 WHERE event_id = $1", event_id, before)
    assert "no longer kept" in page


async def test_a_picture_score_has_its_page(visitor: ClientSession, shop: Served) -> None:
    row = await row_of(shop, "SELECT event_id, score FROM assay_data.image_scores LIMIT 1")
    assert f"{row['score']} of 10" in await text_of(visitor, f"/label/{row['event_id']}")


@pytest.mark.parametrize("address", [f"/label/{UUID(int=1)}", "/label/x", "/calls/x"])
async def test_what_is_not_there_is_not_found(visitor: ClientSession, address: str) -> None:
    await text_of(visitor, address, 404)


async def test_the_page_of_a_query_leads_to_the_calls_of_each_label(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query?application=shop&market=us&query=aa+battery&days=28")
    event_id = page.partition("/label/")[2].partition('"')[0]
    assert "Its call" in await text_of(visitor, f"/label/{event_id}")


async def test_a_task_answered_without_a_call_is_counted(shop: Served) -> None:
    event_id, _ = await with_a_call(shop)
    found = await shop.reads.result(event_id)
    assert found is not None
    told = (found.result.listing_id, found.result.query, found.result.market, found.result.judged_at)
    await shop.pool.execute(
        "INSERT INTO assay_data.tasks (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload, "
        "priority, state, created_at, not_before, finished_at) "
        "SELECT gen_random_uuid(), 'again', 'relevance', 'live', 0, 'g', "
        "jsonb_build_object('listing_id', $1::text, 'query', $2::text, 'market', $3::text), '{}', 0, 'done', "
        "$4::timestamptz + interval '1 hour', $4::timestamptz, $4::timestamptz + interval '2 hours'",
        *told,
    )
    again = await shop.reads.result(event_id)
    assert again is not None
    assert again.reused_tasks == found.reused_tasks + 1


# --- Search ----------------------------------------------------------------------------------------------


async def test_calls_are_found_by_listing_whether_they_gave_a_label_or_only_had_its_task(shop: Served) -> None:
    _, call_id = await with_a_call(shop)
    listing_id = await shop.pool.fetchval("SELECT listing_id FROM assay_data.labels WHERE call_id = $1", call_id)
    task = await row_of(
        shop,
        "SELECT c.call_id, t.subject ->> 'listing_id' AS listing_id FROM assay_data.llm_calls AS c "
        "JOIN assay_data.tasks AS t ON t.task_id = ANY(c.tasks) WHERE c.status <> 'ok' "
        "AND t.subject ->> 'listing_id' IS NOT NULL LIMIT 1",
    )
    by_label = await shop.reads.calls(CallFilter(listing=listing_id))
    by_task = await shop.reads.calls(CallFilter(listing=task["listing_id"]))
    assert str(call_id) in {call.call_id for call in by_label}
    assert str(task["call_id"]) in {call.call_id for call in by_task}
    assert await shop.reads.calls(CallFilter(listing="nothing")) == []


async def test_what_a_candidate_in_the_shadow_said_of_a_picture_is_found_and_shown(shop: Served) -> None:
    live = await row_of(shop, "SELECT event_id, listing_id FROM assay_data.image_scores LIMIT 1")
    call_id = await shop.pool.fetchval("SELECT call_id FROM assay_data.llm_calls LIMIT 1")
    said = score("said", score=3, judge="new@1", call_id=call_id)
    await PostgresShadows(shop.pool).save_scores([(live["event_id"], said)], [], NOON)
    story = await shop.reads.call(call_id)
    assert story is not None
    assert [(each.judge, each.score, each.listing_id) for each in story.results if each.kind == "shadow"] == [
        ("new@1", 3, live["listing_id"])
    ]
    assert str(call_id) in {each.call_id for each in await shop.reads.calls(CallFilter(listing=live["listing_id"]))}


async def test_calls_are_found_by_judge_and_by_run_of_evaluation(visitor: ClientSession, shop: Served) -> None:
    _, call_id = await with_a_call(shop)
    await shop.pool.execute(
        "UPDATE assay_data.llm_calls SET subject = subject || jsonb_build_object('judge', 'strict@0f3a', "
        "'eval_run', 'b7b0c4b6-1111-4d5a-9a43-0c7a5ad1ab00') WHERE call_id = $1",
        call_id,
    )
    await shop.pool.execute(
        "INSERT INTO assay_data.judges (version, name, mode, model, vision_model, products_per_call, prompts, "
        "added_at, added_by) VALUES ('strict@0f3a', 'strict', 'text', 'm', 'm', 20, '{}', now(), 'ada') "
        "ON CONFLICT DO NOTHING"
    )
    for wanted in (
        CallFilter(judge="strict@0f3a"),
        CallFilter(judge="strict"),
        CallFilter(run="b7b0c4b6-1111-4d5a-9a43-0c7a5ad1ab00"),
    ):
        assert [call.call_id for call in await shop.reads.calls(wanted)] == [str(call_id)]
    assert await shop.reads.calls(CallFilter(judge="other")) == []
    page = await text_of(visitor, "/calls?judge=strict")
    assert f"/calls/{call_id}" in page
    assert "No call." in await text_of(visitor, "/calls?run=none")


async def test_filters_hold_together(shop: Served) -> None:
    _, call_id = await with_a_call(shop)
    row = await row_of(
        shop,
        "SELECT c.lane, c.subject ->> 'query' AS query, l.listing_id FROM assay_data.llm_calls AS c "
        "JOIN assay_data.labels AS l USING (call_id) WHERE c.call_id = $1 LIMIT 1",
        call_id,
    )
    wanted = CallFilter(lane=row["lane"], query=row["query"], listing=row["listing_id"])
    assert str(call_id) in {call.call_id for call in await shop.reads.calls(wanted)}
    other = CallFilter(lane=row["lane"], query="another", listing=row["listing_id"])
    assert await shop.reads.calls(other) == []
