"""The page on attacked listings, over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from aiohttp import ClientSession

from core.adapters.canary_store import PostgresCanaries
from core.adapters.clock import SystemClock
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.canary import load_canaries
from core.console.safety import SHOWN_CHARS, visible
from core.domain.canary import CanaryJudgeId, CaseOutcome, JudgedCase
from core.domain.labels import Label
from tests.support import postgres
from tests.support.fakes import NOON
from tests.support.postgres import close_pool
from tests.support.served_console import serving

CALL = UUID("00000000-0000-0000-0000-0000000000ca")
LOW, HIGH = Label.IRRELEVANT, Label.HIGHLY_RELEVANT


@pytest.fixture
async def pool(postgres_server: str) -> AsyncIterator[Pool]:
    async with postgres.database(postgres_server, "safety") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 2)
        try:
            yield pool
        finally:
            await close_pool(pool, 10.0)


async def page_of(pool: Pool, path: str) -> str:
    reads = PostgresReads(pool, SystemClock(), 50.0)
    async with serving(reads) as url, ClientSession(url) as session, session.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def judged(pool: Pool, prompt_version: str, set_version: str) -> None:
    store, judge = PostgresCanaries(pool), CanaryJudgeId(prompt_version, "judge-1", "text", set_version)
    await store.begin(judge, 2, NOON)
    won = CaseOutcome("headphones/keywords", "keywords", LOW, HIGH)
    held = CaseOutcome("headphones/invisible", "invisible", LOW, LOW)
    await store.save(judge, [JudgedCase(won, "A cable.", "<b>Headphones</b>.", CALL, CALL), JudgedCase(held)], NOON)


@pytest.mark.postgres
async def test_without_a_run_the_page_says_how_to_get_one(pool: Pool) -> None:
    assert "assay canary" in await page_of(pool, "/safety")


@pytest.mark.postgres
async def test_a_run_is_shown_with_lifts_texts_and_verdicts(pool: Pool) -> None:
    await judged(pool, "judgements@1", load_canaries().version)
    page = await page_of(pool, "/safety")
    assert "2 of 2" in page
    assert "50.0" in page
    assert "WIRELESS NOISE CANCELLING HEADPHONES" in page
    assert "&lt;b&gt;Headphones&lt;/b&gt;" in page
    assert f"/calls/{CALL}" in page
    assert "[U+E0054]" in page


@pytest.mark.postgres
async def test_one_kind_of_one_judge_can_be_looked_at(pool: Pool) -> None:
    await judged(pool, "judgements@1", "another")
    page = await page_of(pool, "/safety?run=0&kind=invisible")
    assert "headphones/invisible" in page
    assert "headphones/keywords" not in page
    assert "The set has changed since" in page


def test_what_cannot_be_seen_is_written_out_and_a_long_text_is_cut() -> None:
    assert visible("a\u200bb\nc") == "a[U+200B]b\nc"
    assert visible("x" * (SHOWN_CHARS + 5)).endswith("… and 5 characters more")
