"""Reviewing in headless Chromium: by keyboard, on a phone, without a script; to the dataset that comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from cli.eval_review import Wanted, exported
from cli.eval_store import Draft
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.migrate import migrate
from core.adapters.reviews import PostgresReviews
from core.domain.evaluation.rules import unstated
from core.settings import load_settings
from tests.support import postgres
from tests.support.console_pages import opened
from tests.support.sample_reviews import asked, candidate, filling, opinion
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR, REVIEWER

DESK, PHONE = (1280, 800), (390, 844)
ITEMS = [
    candidate(f"S{n:02}", f"sofa {n}", opinions=[opinion(grade=2, reasoning="As asked.", content_key=f"k{n}")])
    for n in range(22)
]


@pytest.fixture(scope="module")
async def database(postgres_server: str) -> AsyncIterator[str]:
    async with postgres.database(postgres_server, "reviews") as dsn:
        await migrate(dsn)
        yield dsn


@pytest.fixture(scope="module")
async def one_shop(database: str) -> AsyncIterator[Served]:
    async with sample_shop(database, BY_TOKEN) as served:
        yield served


@pytest.fixture
async def shop(one_shop: Served) -> Served:
    """The shop with twenty-two items, each for two."""
    await one_shop.pool.execute("TRUNCATE assay_data.review_fills, assay_data.review_items CASCADE")
    await one_shop.pool.execute("TRUNCATE assay_data.review_leases")
    rows = [asked(each, place, "random" if place % 5 == 0 else "taught") for place, each in enumerate(ITEMS)]
    await PostgresReviews(one_shop.pool).fill(filling(items=len(rows)), rows, 2)
    return one_shop


async def reviewing(browser: Browser, shop: Served, token: str, size: tuple[int, int] = DESK) -> Page:
    """A tab at the queue."""
    page = await opened(browser, shop, size)
    await page.goto("/review")
    await page.get_by_label("Token").fill(token)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/review")
    return page


async def press(page: Page, key: str) -> None:
    """A key that leads to another page."""
    async with page.expect_navigation():
        await page.keyboard.press(key)


async def test_twenty_reviews_by_keyboard_to_a_dataset(browser: Browser, shop: Served, database: str) -> None:
    ada = await reviewing(browser, shop, REVIEWER)
    for _ in range(20):
        await press(ada, "1")
    await expect(ada.locator(".progress")).to_contain_text("20 today · 2 waiting")

    await press(ada, "u")
    await expect(ada.get_by_role("heading", name="sofa 19")).to_be_visible()
    await ada.keyboard.press("n")
    await ada.keyboard.type("A chair, 3 legs.")
    await ada.keyboard.press("Escape")
    await press(ada, "i")
    await expect(ada.get_by_text("As asked.")).to_be_visible()
    await ada.keyboard.press("3")
    await ada.keyboard.press("7")
    await press(ada, "Enter")
    await expect(ada.get_by_role("heading", name="sofa 20")).to_be_visible()
    await press(ada, "s")
    await expect(ada.get_by_role("heading", name="sofa 21")).to_be_visible()

    olaf = await reviewing(browser, shop, OPERATOR)
    await press(olaf, "a")
    await press(olaf, "Enter")
    await press(olaf, "h")
    await expect(olaf.locator(".progress")).to_contain_text("1 to decide")
    await olaf.get_by_role("link", name="to decide").click()
    await olaf.get_by_role("link", name="sofa 0").click()
    await olaf.get_by_label("Why").fill("It seats two.")
    await olaf.get_by_role("button", name="Highly relevant").click()
    await expect(olaf.get_by_role("status")).to_contain_text("Decided.")
    await olaf.goto("/review/agreement")
    await expect(olaf.get_by_role("row").filter(has_text="ada and olaf")).to_contain_text("50.0 %")
    for page in (ada, olaf):
        await page.context.close()

    items = await exported_items(database, shop)
    assert len(items) == 20
    assert items["S00"] == ({"ada": 2, "olaf": 1}, 2)
    assert items["S19"] == ({"ada": 0}, 0)
    remarks = await shop.pool.fetch("SELECT note, tags FROM assay_data.review_acts WHERE act = 'remark'")
    assert [(row["note"], row["tags"]) for row in remarks] == [("A chair, 3 legs.", ["category", "too_lenient"])]


async def exported_items(database: str, shop: Served) -> dict[str, tuple[dict[str, int], int | None]]:
    """Ratings and truth by listing, of the dataset that the command makes."""
    settings = load_settings(postgres_dsn=database)
    draft = Draft("reviewed", "relevance", unstated("relevance").text, False, "review queue", "internal", "mara", ())
    stored, left_out = await exported(settings, draft, Wanted("", False, False, 0.5))
    assert (stored.fresh, left_out) == (True, {})
    datasets = PostgresDatasets(shop.pool)
    found = await datasets.find("reviewed")
    assert found is not None
    assert found.raters == ("ada", "olaf")
    return {each.listing_id: (dict(each.ratings), each.truth) for each in await datasets.items(found)}


async def test_a_key_pressed_twice_answers_one_item(browser: Browser, shop: Served) -> None:
    page = await reviewing(browser, shop, REVIEWER)
    async with page.expect_navigation():
        await page.evaluate(
            "const press = () => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', bubbles: true}));"
            " press(); press(); press();"
        )
    assert await shop.pool.fetchval("SELECT count(*) FROM assay_data.review_acts") == 1
    await page.context.close()


async def test_what_is_typed_into_the_note_answers_nothing(browser: Browser, shop: Served) -> None:
    page = await reviewing(browser, shop, REVIEWER)
    await page.keyboard.press("n")
    await page.keyboard.type("1 sofa, has 2 seats")
    assert await page.get_by_label("Note").input_value() == "1 sofa, has 2 seats"
    assert await shop.pool.fetchval("SELECT count(*) FROM assay_data.review_acts") == 0
    await page.context.close()


async def test_the_queue_works_without_a_script(browser: Browser, shop: Served) -> None:
    context = await browser.new_context(base_url=shop.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/review")
    await page.get_by_label("Token").fill(REVIEWER)
    await page.get_by_role("button", name="Sign in").click()
    await page.goto("/review")
    await page.get_by_role("button", name="Irrelevant").click()
    await page.get_by_text("too lenient").click()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Skip").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_contain_text("Taken back.")
    acts = await shop.pool.fetch("SELECT act FROM assay_data.review_acts ORDER BY act_id")
    assert [row["act"] for row in acts] == ["answer", "remark", "skip", "undo"]
    await context.close()


@pytest.mark.parametrize("size", [PHONE, (320, 640), DESK], ids=["phone", "small phone", "desk"])
async def test_everything_asked_and_every_answer_is_on_one_screen(
    browser: Browser, shop: Served, size: tuple[int, int]
) -> None:
    page = await reviewing(browser, shop, REVIEWER, size)
    width, height = size
    for name in ("Highly relevant", "Acceptable substitute", "Irrelevant", "Skip", "Undo"):
        box = await page.get_by_role("button", name=re.compile(name, re.IGNORECASE)).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    title = await page.get_by_role("heading", name="Sofa S00, zwei Sitze").bounding_box()
    assert title is not None
    assert title["y"] + title["height"] <= height
    for path in ("/review", "/review?kind=image", "/review/disagreements", "/review/agreement"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.context.close()


async def test_the_pages_complain_of_nothing(browser: Browser, shop: Served) -> None:
    page = await reviewing(browser, shop, REVIEWER)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda response: said.append(response.url) if response.status >= 400 else None)
    await press(page, "3")
    for path in ("/review", "/review?kind=image", "/review/disagreements", "/review/agreement"):
        await page.goto(path, wait_until="networkidle")
    assert said == [], json.dumps(said)
    await page.context.close()
