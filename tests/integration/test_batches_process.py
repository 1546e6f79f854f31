"""The process `batches`, its page and its tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from cli.batches import tables
from cli.status import tables as status_tables
from consumers.batches import BatchProcess, rules_of
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.reads import PostgresReads
from core.settings import Settings
from tests.support.batch_lane import BatchLane, batch_lane, request
from tests.support.provider.batches import BatchKnobs
from tests.support.served_console import FixedClock, serving
from tests.support.waiting import until, until_true

pytestmark = pytest.mark.postgres


@pytest.fixture
async def lane(pool: Pool) -> AsyncIterator[BatchLane]:
    async with batch_lane(pool, longest_look_s=0.1) as made:
        yield made


def process_of(lane: BatchLane, *, cancel_on_stop: bool = False) -> BatchProcess:
    return BatchProcess(lane.look, PostgresLeadership(lane.pool), 0.05, cancel_on_stop=cancel_on_stop)


async def test_the_process_is_idle_once_what_it_ordered_is_answered(lane: BatchLane) -> None:
    process = process_of(lane)
    running = asyncio.create_task(process.run())
    assert await process.idle()
    lane.provider.knobs.delay_s = 0.5
    assert await lane.ask(request("one")) is None
    assert not await process.idle()
    await until_true(process.idle, 20)
    assert (await lane.llm.complete(request("one"))).text == '{"of": "one"}'
    process.stop()
    await running


async def test_a_stop_leaves_batches_to_the_next_start(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress"), longest_look_s=0.1) as lane:
        await _ordered_then_stopped(lane, cancel_on_stop=False)
        assert [batch.status for batch in lane.provider.batches.values()] == ["in_progress"]
        assert await lane.value("SELECT cancel_asked_at IS NULL FROM assay_data.llm_batches")


async def test_a_stop_cancels_batches_where_that_is_set(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress"), longest_look_s=0.1) as lane:
        await _ordered_then_stopped(lane, cancel_on_stop=True)
        await asyncio.sleep(0.05)
        assert [batch.status for batch in lane.provider.batches.values()] in (["cancelling"], ["cancelled"])
        await lane.until_ended()
        assert await lane.value("SELECT sum(reserved_usd)::float8 FROM assay_data.llm_spend") == 0


async def _ordered_then_stopped(lane: BatchLane, *, cancel_on_stop: bool) -> None:
    assert await lane.ask(request("one")) is None
    process = process_of(lane, cancel_on_stop=cancel_on_stop)
    running = asyncio.create_task(process.run())

    await until(lambda: any(batch.status == "in_progress" for batch in lane.provider.batches.values()), 20)
    await asyncio.sleep(0.2)
    process.stop()
    await running


async def test_gauges_say_how_the_lane_stands(lane: BatchLane) -> None:
    lane.look.rules = replace(lane.look.rules, enough=10)
    assert await lane.ask(request("one")) is None
    process = process_of(lane)
    running = asyncio.create_task(process.run())

    await until(lambda: b'assay_batch_calls{state="collected"} 1.0' in lane.look.metrics.text())
    process.stop()
    await running
    assert b"assay_batches_late 0.0" in lane.look.metrics.text()


def test_until_idle_nothing_waits_long() -> None:
    settings = Settings(llm_batch_lanes=("panel",), llm_batch_wait_s=300.0, llm_batch_look_s=120.0)
    quiet, usual = rules_of(settings, until_idle=True), rules_of(settings, until_idle=False)
    assert quiet.wait <= timedelta(seconds=1)
    assert quiet.longest_look_s < 1
    assert (usual.wait, usual.longest_look_s) == (timedelta(minutes=5), 120.0)
    assert usual.lanes == {"panel"}


async def _filled(lane: BatchLane) -> None:
    """One batch that has ended, one that is open, one call that is collected."""
    for number in range(3):
        assert await lane.ask(request(f"done {number}")) is None
    await lane.until_ended()
    lane.provider.knobs.ends = "in_progress"
    assert await lane.ask(request("open")) is None
    await lane.looks()
    assert await lane.ask(request("<b>collected</b>", lane="panel", model="gpt-<4>")) is None


async def page_of(pool: Pool) -> str:
    reads = PostgresReads(pool, FixedClock(), 50.0)
    async with serving(reads) as url, ClientSession(url) as browser, browser.get("/batches") as response:
        assert response.status == 200
        return await response.text()


async def test_the_page_shows_batches_and_what_they_saved(lane: BatchLane) -> None:
    await _filled(lane)
    page = await page_of(lane.pool)
    assert "completed" in page
    assert page.count("gpt-4.1-mini") == 3
    assert "calls in 1 open batch<" in page
    assert "What it saved" in page
    assert "past the deadline" not in page


async def test_the_page_says_what_to_do_where_there_is_no_batch(pool: Pool) -> None:
    assert "ASSAY_LLM_BATCH_LANES" in await page_of(pool)


async def test_status_and_list_show_the_lane(lane: BatchLane) -> None:
    await _filled(lane)
    reads = PostgresReads(lane.pool, FixedClock(), 50.0)
    shown = tables(await reads.batches())
    assert [made.row_count for made in shown] == [1, 2, 1]
    titles = [made.title for made in status_tables(await reads.status())]
    assert "Batches" in titles
