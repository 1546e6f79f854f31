"""From people's grades in a file to the judge that goes live: commands, and the console in headless Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from cli.judge_identity import judge_desk
from core.adapters.audit import PostgresAudit
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.console.access import Door
from core.settings import load_settings
from core.stages.live_judge import settings_judge
from demo.offline_judge import serve as served_judge
from tests.e2e.command import Assay
from tests.support.console_pages import FLAGS
from tests.support.postgres import close_pool
from tests.support.served_console import BUDGET_USD, serving
from tests.support.signed_in import BY_TOKEN, OPERATOR

MODEL = "offline-judge"
BRANDS = ("songmics", "topstar", "ikea", "philips")
THINGS = ("office chair", "desk lamp", "phone case")
PRODUCTS = ("topstar office chair", "songmics office chair", "philips desk lamp", "spigen phone case")
"""What the offline judge calls irrelevant for another brand, the cheaper one, which counts words, often does not."""

RULES = """dataset = "furniture"
split = "both"
[[minimum]]
metric = "coverage"
value = 0.9
read = "value"
"""
CANDIDATE = 'name = "cheaper"\nmodel = "offline-judge-lite"\n'


def graded() -> str:
    """What two people say: 2 for what was asked, 1 for another brand of it, 0 else; they differ now and then."""
    lines = ["query,listing_id,title,brand,market,language,anna,ben"]
    for at, (brand, thing) in enumerate(product(BRANDS, THINGS)):
        for number, title in enumerate(PRODUCTS):
            grade = (title.endswith(thing)) + (title == f"{brand} {thing}")
            other = max(0, grade - 1) if (at + number) % 5 == 0 else grade
            made_by = title.split()[0].title()
            lines.append(f"{brand} {thing},L{number},{title.title()},{made_by},us,en,{grade},{other}")
    return "\n".join(lines) + "\n"


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    opened = await open_pool(postgres_dsn, 4)
    try:
        yield opened
    finally:
        await close_pool(opened, 10.0)


@pytest.fixture
async def assay(tmp_path: Path, postgres_dsn: str) -> AsyncIterator[Assay]:
    """The command, with the offline judge as its provider."""
    for name, text in (("grades.csv", graded()), ("gate.toml", RULES), ("cheaper.toml", CANDIDATE)):
        (tmp_path / name).write_text(text)
    async with served_judge() as base_url:
        yield Assay(
            tmp_path,
            {
                "ASSAY_POSTGRES_DSN": postgres_dsn,
                "ASSAY_LLM_BASE_URL": base_url,
                "ASSAY_LLM_MODEL": MODEL,
                "ASSAY_LLM_REQUESTS_PER_MINUTE": "60000",
                "ASSAY_LLM_TOKENS_PER_MINUTE": "50000000",
            },
        )


@pytest.fixture
async def console(pool: Pool) -> AsyncIterator[str]:
    """The console on the same database, and who signs in."""
    clock, live = SystemClock(), settings_judge(load_settings(llm_model=MODEL))
    door = Door(BY_TOKEN, PostgresAudit(pool), clock)
    judges = judge_desk(pool, clock, lambda: live)
    async with serving(PostgresReads(pool, clock, BUDGET_USD), door=door, judges=judges) as url:
        yield url


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        await opened.close()


async def did(assay: Assay, *arguments: str) -> None:
    done = await assay(*arguments)
    assert done.code == 0, done.err


async def promoted(page: Page) -> None:
    """The form filled in as somebody would, and sent."""
    await page.goto("/judges")
    await page.get_by_role("combobox", name="Promote").select_option(index=0)
    await page.get_by_label("Why").first.fill("A tenth of the price.")
    await page.get_by_role("button", name="Promote").click()


async def test_from_a_file_of_grades_to_the_live_judge(
    assay: Assay, tmp_path: Path, console: str, browser: Browser
) -> None:
    grades, cheaper, rules = (str(tmp_path / name) for name in ("grades.csv", "cheaper.toml", "gate.toml"))
    of = ("--rule", "0=0 1=1 2=2", "--raters", "anna,ben", "--source", "the furniture team", "--licence", "internal")
    await did(assay, "eval", "import", grades, "--name", "furniture", "--application", "shop", *of)
    judges = ("--judge", "settings", "--judge", cheaper)
    await did(assay, "eval", "run", "--dataset", "furniture", *judges, "--name", "noon", "--yes")

    context = await browser.new_context(base_url=console, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto("/evals")
    await page.get_by_label("Token").fill(OPERATOR)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="noon").click()
    await expect(page.get_by_role("row", name="quadratic kappa Cohen")).to_contain_text("to")
    await page.get_by_role("link", name="cheaper against settings").click()
    await expect(page).to_have_title("cheaper against settings · noon · Assay")
    await page.locator("details.changed").first.get_by_role("link", name="The call").last.click(timeout=5_000)
    await expect(page.get_by_role("heading", name="Reply")).to_be_visible()

    await promoted(page)
    await expect(page.get_by_role("alert")).to_contain_text("has passed no gate on the current dataset")
    await expect(page.get_by_label("Why").first).to_have_value("A tenth of the price.")
    await did(assay, "eval", "gate", "--rules", rules, "--run", "noon", "--judge", "cheaper", "--against", "none")
    await promoted(page)
    await expect(page.get_by_role("status")).to_contain_text("Promoted.")
    await expect(page.get_by_role("row").filter(has_text="offline-judge-lite")).to_contain_text("live")
    await page.get_by_role("link", name="passed").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("passed")
    await page.locator("nav summary", has_text="Operation").click()
    await page.get_by_role("link", name="Audit").click()
    await expect(page.get_by_role("row").filter(has_text="judge.promote")).to_contain_text("A tenth of the price.")
    await context.close()
