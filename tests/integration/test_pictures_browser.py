"""Pages about pictures in headless Chromium: read by keyboard, fitting a phone, with text that stands out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page

from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.adapters.reads import PostgresReads
from tests.integration.test_console_browser import CONTRAST
from tests.support import postgres, sample_picture_pages
from tests.support.sample_picture_pages import HOSTILE_URL, LAMP
from tests.support.served_console import BUDGET_USD, FixedClock, serving

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

PATHS = (
    "/pictures",
    "/pictures/ordered?order=worst",
    "/pictures/flags",
    "/pictures/buyers",
    "/pictures/student",
    "/pictures/failures",
    f"/pictures/listing/{quote(LAMP, safe='')}",
)
SPILLS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = "main img:not([alt]), main svg.plot:not([aria-label]), main svg.bar:not([aria-label])"


@pytest.fixture(scope="module")
async def console(postgres_server: str) -> AsyncIterator[str]:
    async with postgres.database(postgres_server, "picture_browser") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 4)
        try:
            await sample_picture_pages.fill(pool)
            async with serving(PostgresReads(pool, FixedClock(), BUDGET_USD)) as url:
                yield url
        finally:
            await postgres.close_pool(pool, 10.0)


async def opened(browser: Browser, url: str, width: int, *, dark: bool = False) -> Page:
    context = await browser.new_context(
        base_url=url, viewport={"width": width, "height": 860}, color_scheme="dark" if dark else "light"
    )
    return await context.new_page()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk", "phone in the dark"])
async def test_each_page_fits_is_named_and_stands_out_from_its_ground(
    browser: Browser, console: str, width: int, dark: bool
) -> None:
    page = await opened(browser, console, width, dark=dark)
    found = {}
    for path in PATHS:
        await page.goto(path)
        for closed in await page.locator("main details:not([open]) > summary").all():
            if await closed.is_visible():
                await closed.click()
        told = (await page.evaluate(SPILLS), await page.locator(NAMELESS).count(), await page.evaluate(CONTRAST))
        found[path] = (*told, await page.locator("h1").count())
    await page.context.close()
    assert found == dict.fromkeys(PATHS, (0, 0, [], 1))


async def test_from_the_worst_picture_to_its_listing_and_on_by_keyboard(browser: Browser, console: str) -> None:
    page = await opened(browser, console, 1280)
    await page.goto("/pictures?market=us&category=lamps")
    await page.locator(".picture .name a").first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/pictures/listing/**")
    assert await page.locator(".beside").count() == 4
    await page.locator(".beside summary", has_text="Technical measures").first.focus()
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    assert await page.get_by_text("Sharpness").first.is_visible()
    await page.get_by_label("Pages about pictures").get_by_role("link", name="Buyers").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/pictures/buyers")
    await page.context.close()


async def test_nothing_of_a_seller_is_asked_for_or_run(browser: Browser, console: str) -> None:
    page = await opened(browser, console, 1280)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(PATHS[-1])
    await page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith((console, "data:"))] == []
    assert await page.get_by_text(HOSTILE_URL, exact=True).first.is_visible()
    assert await page.locator("main script, main img[src='x'], main b").count() == 0
    await page.context.close()
