"""A cascade over HTTP, ledger and database: two models of the offline judge, and what the view says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.adapters.llm_open import open_llms
from core.adapters.postgres import Pool, connection, open_pool
from core.domain.judging import GuidelineReply, LabelGuide, Requirement
from core.domain.relevance import Search
from core.ports import Listing, Llm, StoredGuideline, Task
from core.prompts import load_prompt
from core.settings import Settings
from core.stages.grading import Grades, Grading, cascade_of
from core.stages.judge_items import Item
from core.stages.judge_recipe import Recipe
from core.telemetry import Metrics
from demo.offline_judge import serve
from tests.support.postgres import close_pool

pytestmark = pytest.mark.postgres

CHEAP, STRONG = "offline-judge-lite", "offline-judge"
GUIDELINE = StoredGuideline(
    "g1",
    "guideline.1",
    CHEAP,
    "model",
    GuidelineReply(
        translation="running shoes",
        specificity="medium",
        requirements=[Requirement(requirement="kind: running shoes", importance="must_have", why="asked")],
        guideline=LabelGuide(highly_relevant="running shoes", acceptable_substitute="sneakers", irrelevant="rest"),
    ),
)
TITLES = ("Trail running shoes for men", "Shoe polish, black", "Garden hose 20 m", "Sneakers for running")


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    opened = await open_pool(postgres_dsn, 5)
    try:
        yield opened
    finally:
        await close_pool(opened, 10.0)


def _item(title: str) -> Item:
    task = Task(uuid4(), title, "relevance", "live", "g", {"query": "running shoes"}, {}, 1)
    return Item(task, Listing(title, "uk", "en", title, None, None, None, None, None, {}, (), "hash"), key=title)


async def _graded(llm: Llm, settings: Settings, market: str) -> Grades:
    prompts = (load_prompt("guideline"), load_prompt("judgements"), load_prompt("picture_description"))
    grading = Grading(llm, Recipe("text", CHEAP, CHEAP, *prompts), cascade_of(settings))
    search = Search("shop", market, "running shoes", "en")
    return await grading.grade(search, GUIDELINE, [_item(title) for title in TITLES])


async def test_a_cascade_is_graded_by_two_models_and_told_by_day_and_market(pool):
    market = str(uuid4())
    async with AsyncExitStack() as stack:
        settings = Settings(
            _env_file=None,
            llm_base_url=await stack.enter_async_context(serve()),
            llm_model=CHEAP,
            llm_cascade_model=STRONG,
            llm_requests_per_minute=60_000,
            llm_tokens_per_minute=10**8,
        )
        around = Surroundings(pool, SystemClock(), SystemClock(), Metrics())
        llm = await stack.enter_async_context(open_llms(settings, around, "test"))
        grades = await _graded(llm, settings, market)
    models = [each.reply.asked_model for each in grades.given.values()]
    assert set(models) == {CHEAP, STRONG}
    async with connection(pool) as held:
        row = await held.fetchrow("SELECT * FROM assay.cascade_days WHERE market = $1", market)
    assert (row["application"], row["pairs"], row["escalated"]) == ("shop", len(TITLES), models.count(STRONG))
    told = ("must_have_undecided", "low_confidence", "disagreement", "no_second_opinion")
    assert sum(row[name] for name in told) == row["escalated"]
    assert 0 < row["cheap_usd"] < row["strong_usd"]
    assert float(row["saved_usd"]) == pytest.approx(
        float(row["strong_alone_usd"] - row["cheap_usd"] - row["strong_usd"])
    )
