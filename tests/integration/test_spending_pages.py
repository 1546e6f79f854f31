"""The pages about money and calls, over the sample shop, and what their queries answer."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from core.domain.budget import next_midnight
from core.money_models import CallFilter
from tests.support.sample_data import NOW
from tests.support.sample_rows import name_id
from tests.support.served_console import Served, text_of

pytestmark = pytest.mark.postgres

REFUSED = str(name_id("relevance/live/failed/refused/0"))
TODAY = NOW.date()
PAGE = (Path(__file__).parents[2] / "docs" / "money.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
QUERIES = [query for block in BLOCKS for query in block.split(";") if query.strip()]


async def test_spending_says_what_today_cost_and_which_lane_waits_why_and_until_when(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/spending")
    assert "Panel waits for money:" in page
    assert "12 tasks until" in page
    assert "ASSAY_LLM_BUDGET_USD_PER_DAY" in page
    assert f"{next_midnight(NOW):%Y-%m-%d %H:%M}" in page
    assert "$18.40" in page


async def test_spending_names_models_that_no_price_list_has(visitor: ClientSession) -> None:
    assert "In no price list:</strong> house-model" in await text_of(visitor, "/spending")


async def test_spending_breaks_down_by_model_purpose_lane_segment_and_status(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/spending")
    for name in ("model", "purpose", "lane", "segment", "status"):
        assert f'id="by-{name}"' in page
    assert "us · en" in page


async def test_the_days_have_no_gap_and_end_today(shop: Served) -> None:
    found = await shop.reads.spending()
    assert [day.day for day in found.days] == [TODAY - timedelta(days=n) for n in range(29, -1, -1)]
    assert found.days[-1].usd == pytest.approx(18.4)


async def test_what_one_day_cost_adds_up_to_that_day(shop: Served) -> None:
    yesterday = TODAY - timedelta(days=1)
    found = await shop.reads.spending(yesterday)
    spent = next(day.usd for day in found.days if day.day == yesterday)
    assert len(found.days) == 30
    for costs in (found.lanes, found.models, found.segments, [found.total]):
        assert sum(cost.usd for cost in costs) == pytest.approx(spent)


async def test_a_day_without_calls_says_so(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/spending?day=2020-01-01")
    assert "No call ended on 2020-01-01." in page
    assert "What it went to, 2020-01-01" in page


async def test_a_day_that_is_none_shows_the_last_thirty(visitor: ClientSession) -> None:
    assert "What it went to, 30 days" in await text_of(visitor, "/spending?day=soon")


async def test_status_tells_when_tasks_that_wait_are_tried_again(shop: Served) -> None:
    tasks = {(task.lane, task.state): task for task in (await shop.reads.status()).tasks if task.kind == "relevance"}
    assert tasks["panel", "waiting"].next_try == next_midnight(NOW)
    assert tasks["live", "done"].next_try is None


async def test_status_names_an_endpoint_that_asked_to_be_left_alone_until_then(
    shop: Served, visitor: ClientSession
) -> None:
    add = "INSERT INTO assay_data.llm_holds VALUES ($1, extract(epoch FROM now()) + $2::int)"
    await shop.pool.executemany(add, [("https://held.example/v1", 900), ("https://free.example/v1", -1)])
    assert [held.endpoint for held in (await shop.reads.status()).held_endpoints] == ["https://held.example/v1"]
    assert "https://held.example/v1" in await text_of(visitor, "/")
    await shop.pool.execute("DELETE FROM assay_data.llm_holds")


async def test_a_day_s_labels_cost_what_their_calls_did(shop: Served) -> None:
    today = (await shop.reads.spending()).days[-1]
    labels = await shop.pool.fetchval(
        "SELECT count(*) FROM assay.relevance_label_history WHERE (judged_at AT TIME ZONE 'UTC')::date = $1", TODAY
    )
    assert (today.labels, today.labels_usd) == (labels, pytest.approx(18.4))
    view = await shop.pool.fetchval("SELECT sum(cost_usd) FROM assay.label_cost_daily WHERE day = $1", TODAY)
    assert float(view) == pytest.approx(18.4)


async def test_the_labels_of_a_call_share_its_cost(shop: Served) -> None:
    rows = await shop.pool.fetch("SELECT cost_usd, labels_of_call FROM assay.label_costs")
    assert float(sum(row["cost_usd"] for row in rows)) == pytest.approx(0.0021)
    assert {row["labels_of_call"] for row in rows} == {len(rows)}


async def test_reasons_divide_the_cost_of_the_labels_own_calls(shop: Served) -> None:
    reasons = (await shop.reads.spending()).label_reasons
    assert {cost.name for cost in reasons} == {"friction", "volume"}
    assert sum(cost.usd for cost in reasons) == pytest.approx(0.0021)


async def test_status_tells_each_lane_s_money(shop: Served) -> None:
    lanes = {lane.lane: lane for lane in (await shop.reads.status()).spend.lanes}
    assert (lanes["live"].usd, lanes["live"].reserved_usd) == (pytest.approx(9.4), pytest.approx(0.31))
    panel = lanes["panel"]
    assert (panel.waiting, panel.reason, panel.until) == (12, "over_budget", next_midnight(NOW))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (CallFilter(status="running"), 1),
        (CallFilter(status="timeout"), 1),
        (CallFilter(purpose="guideline"), 0),
        (CallFilter(model="nobody"), 0),
        (CallFilter(query="aa battery", status="refused"), 1),
        (CallFilter(day=date(2020, 1, 1)), 0),
        (CallFilter(day=TODAY, status="refused"), 1),
        (CallFilter(task=REFUSED), 3),
    ],
)
async def test_calls_are_found_by_what_they_have(shop: Served, wanted: CallFilter, count: int) -> None:
    assert len(await shop.reads.calls(wanted)) == count


async def test_a_story_has_the_tasks_what_came_of_it_and_the_other_tries(shop: Served) -> None:
    story = await shop.reads.call(shop.filled.call_id)
    assert story is not None
    assert [(task.task_id, task.state, task.reason) for task in story.tasks] == [(REFUSED, "failed", "refused")]
    assert [call.status for call in story.tries] == ["refused", "running"]
    assert len(story.results) > 10
    assert (story.price_version, story.endpoint) == ("2026-11-01", "https://llm.example/v1")


async def test_a_call_s_page_leads_to_its_tasks_labels_and_tries(visitor: ClientSession, shop: Served) -> None:
    page = await text_of(visitor, f"/calls/{shop.filled.call_id}")
    assert f"/calls?task={REFUSED}" in page
    assert f"/calls/{name_id('call', 8)}" in page
    assert "prices 2026-11-01" in page
    assert "/query?application=shop" in page


async def test_a_call_under_way_has_a_page(visitor: ClientSession) -> None:
    page = await text_of(visitor, f"/calls/{name_id('call', 'running')}")
    assert "reserved at its worst case" in page


async def test_a_strange_filter_shows_all_calls(shop: Served, visitor: ClientSession) -> None:
    page = await text_of(visitor, "/calls?day=never&task=none&lane=fast")
    assert page.count('<a href="/calls/') == 61


async def test_the_first_page_says_that_a_lane_waits_for_money(visitor: ClientSession) -> None:
    assert '<strong class="bad">panel waits</strong> until' in await text_of(visitor, "/")


@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_of_the_money_page_is_answered(shop: Served, query: str) -> None:
    assert await shop.pool.fetch(query) is not None
