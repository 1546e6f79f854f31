"""The console's pages over a real database: what they show, what they refuse, how they fail."""

from __future__ import annotations

import re

import asyncpg
import pytest
from aiohttp import ClientSession

from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.adapters.reads import PostgresReads
from core.read_ports import HealthReport
from tests.support import postgres, sample_words
from tests.support.console_pages import MENU_PATHS
from tests.support.served_console import BUDGET_USD, FixedClock, Served, serving, text_of

AA_BATTERY = {"application": "shop", "market": "us", "query": "aa battery"}


# --- What is shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MENU_PATHS)
async def test_every_page_of_the_menu_is_there_and_marks_its_place(visitor: ClientSession, path: str) -> None:
    assert f'href="{path}" aria-current="page"' in await text_of(visitor, path)


async def test_overview_shows_lag_spend_and_tasks_by_reason(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/")
    assert "12.5k" in page  # the third partition's lag
    assert "$18.40" in page
    assert "37\u00a0% of $50.00" in page  # what is reserved counts as used
    assert "over budget" in page


async def test_queries_come_in_the_order_of_what_is_to_gain(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/queries")
    assert page.index(">aa battery<") < page.index(">phone cord<") < page.index(">laptop stand<")


@pytest.mark.parametrize(("sort", "first"), [("searches", "wireless headphones"), ("zero_results", "dosen adapter")])
async def test_queries_are_sorted_by_another_column(visitor: ClientSession, sort: str, first: str) -> None:
    page = await text_of(visitor, "/queries", sort=sort)
    assert re.findall(r'class="name" href="[^"]+">([^<]+)<', page)[0].startswith(first)


async def test_queries_are_filtered_by_market_and_text(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/queries", market="de", q="KAFFEE")
    assert ">kaffeemaschine<" in page
    assert "1 queries" in page


async def test_rare_queries_are_hidden_until_asked_for(visitor: ClientSession) -> None:
    assert "very rare thing" not in await text_of(visitor, "/queries", days="28")
    assert "very rare thing" in await text_of(visitor, "/queries", days="28", sessions="1")


async def test_a_query_shows_signals_reason_results_labels_and_guideline(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query", **AA_BATTERY)
    for part in ("Reformulated", "Why it was chosen", "Results of bm25", "Results of vectors", "by mara", "must have"):
        assert part in page
    assert page.count("is a aa battery") == 2  # both versions of the guideline
    assert "irrelevant" in page


async def test_a_query_is_found_however_it_is_typed(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query", application="shop", market="us", query="  AA   Battery ")
    assert '<h1 class="query">aa battery</h1>' in page


async def test_results_without_a_label_say_why(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query", application="shop", market="us", query="wireless headphones")
    assert "task failed: refused" in page


async def test_labelled_products_outside_of_the_lists_are_shown(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query", **AA_BATTERY)
    assert "L0203" in page[page.index("Judged, not in the newest lists") :]


async def test_pictures_show_the_distribution_and_why_some_failed(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/pictures")
    assert "100 pictures judged" in page
    assert "private address" in page
    assert page.index("Worst") < page.index("Best")


async def test_a_thumbnail_is_a_jpeg(visitor: ClientSession, shop: Served) -> None:
    async with visitor.get(f"/pictures/{shop.filled.image_hash}.jpg") as response:
        assert response.content_type == "image/jpeg"
        assert (await response.read()).startswith(b"\xff\xd8")


async def test_an_alert_shows_its_cause_its_nights_and_its_evidence(visitor: ClientSession, shop: Served) -> None:
    page = await text_of(visitor, f"/alerts/{shop.filled.alert_id}")
    assert "The search engine changed" in page
    assert 'aria-label="mean gain by night"' in page
    assert "share changed" in page


async def test_a_call_tells_its_rules_data_reply_and_cost(visitor: ClientSession, shop: Served) -> None:
    page = await text_of(visitor, f"/calls/{shop.filled.call_id}")
    for part in ("You grade products", "### PRODUCTS", "AAA, not AA.", "$0.0021"):
        assert part in page


async def test_a_call_that_retention_took_is_said_to_be_kept_no_longer(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/calls/00000000-0000-0000-0000-000000000000", status=404)
    assert "This call is not kept" in page


async def test_calls_are_filtered_by_status(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/calls?status=timeout")
    assert page.count("/calls/") == 1


async def test_dead_letters_are_filtered_and_their_bytes_shown(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/dead-letters", reason="not_json", topic="search-log")
    assert "6 shown" in page
    assert "0000  00 03 06" in page  # what is no text is a hexdump


# --- Hostile text --------------------------------------------------------------------------------------------


async def test_a_hostile_title_stays_text(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/query", application="shop", market="us", query="wireless headphones")
    assert sample_words.HOSTILE not in page
    assert "&lt;script&gt;document.title" in page
    assert "<script" not in page


@pytest.mark.parametrize("path", ["/queries", "/calls", "/dead-letters", "/query"])
async def test_a_hostile_parameter_stays_text(visitor: ClientSession, path: str) -> None:
    hostile = '"><script>alert(1)</script>\x00'
    names = ("q", "market", "application", "query", "lane", "status", "reason", "topic", "days", "sort", "sessions")
    async with visitor.get(path, params=dict.fromkeys(names, hostile)) as response:
        assert response.status in (200, 404)
        assert "<script" not in await response.text()


async def test_nothing_may_run_or_be_loaded_from_elsewhere(visitor: ClientSession) -> None:
    async with visitor.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


# --- What is not there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/calls/not-an-id",
        "/calls/00000000-0000-0000-0000-000000000000",
        "/alerts/not-an-id",
        "/alerts/00000000-0000-0000-0000-000000000000",
        "/pictures/0000.jpg",
        "/query?query=never+typed",
    ],
)
async def test_what_is_unknown_is_a_page_that_says_so(visitor: ClientSession, path: str) -> None:
    page = await text_of(visitor, path, status=404)
    assert "<h1>" in page


async def test_an_empty_database_says_on_each_page_what_to_do(pool: asyncpg.Pool) -> None:
    async with serving(PostgresReads(pool, FixedClock(), BUDGET_USD)) as url, ClientSession(url) as session:
        for path in MENU_PATHS:
            assert 'class="empty"' in await text_of(session, path)


# --- Probes, and a database that is away ---------------------------------------------------------------------


async def test_ready_when_assigned_and_postgres_answers(visitor: ClientSession) -> None:
    async with visitor.get("/readyz") as response:
        assert response.status == 200
        assert (await response.json())["checks"] == {"assigned": "ok", "postgres": "ok"}


@pytest.mark.parametrize(
    ("report", "live", "ready"),
    [(HealthReport(False, True), 503, 200), (HealthReport(True, False), 200, 503)],
    ids=["a loop stands", "nothing assigned"],
)
async def test_probes_say_what_the_process_says(shop: Served, report: HealthReport, live: int, ready: int) -> None:
    async with serving(shop.reads, report) as url, ClientSession(url) as session:
        await text_of(session, "/livez", status=live)
        await text_of(session, "/readyz", status=ready)


async def test_metrics_are_the_process_s(visitor: ClientSession) -> None:
    assert await text_of(visitor, "/metrics") == "assay_up 1\n"


async def test_a_database_without_tables_is_named_as_that(empty_postgres_dsn: str) -> None:
    pool = await open_pool(empty_postgres_dsn, 2)
    try:
        async with serving(PostgresReads(pool, FixedClock(), BUDGET_USD)) as url, ClientSession(url) as session:
            assert "assay migrate" in await text_of(session, "/", status=503)
            assert "not migrated" in await text_of(session, "/readyz", status=503)
    finally:
        await pool.close()


async def test_a_database_that_is_away_is_a_page_and_the_process_stays_alive(postgres_server: str) -> None:
    async with postgres.database(postgres_server, "leaving") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 2)
    try:  # the database is dropped now, and the pool's connections with it
        async with serving(PostgresReads(pool, FixedClock(), BUDGET_USD)) as url, ClientSession(url) as session:
            page = await text_of(session, "/queries", status=503)
            assert "does not answer" in page
            assert "Traceback" not in page
            assert "error" in await text_of(session, "/v1/image-scores", status=503, listing_id="L1")
            await text_of(session, "/livez")
            await text_of(session, "/readyz", status=503)
    finally:
        pool.terminate()
