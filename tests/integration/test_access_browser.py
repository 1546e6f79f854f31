"""Signing in, writing, being audited and signing out, in headless Chromium."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from core.adapters.migrate import migrate
from tests.support import postgres
from tests.support.console_pages import GUIDELINE, opened
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR

DESK, PHONE = (1280, 820), (320, 640)


@pytest.fixture(scope="module")
async def shop(postgres_server: str) -> AsyncIterator[Served]:
    async with postgres.database(postgres_server, "access") as dsn:
        await migrate(dsn)
        async with sample_shop(dsn, BY_TOKEN) as served:
            yield served


async def sign_in(page: Page, path: str) -> None:
    await page.goto(path)
    await page.get_by_label("Token").fill(OPERATOR)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{path}")


async def test_who_signs_in_edits_a_guideline_finds_it_in_the_audit_and_signs_out(
    browser: Browser, shop: Served
) -> None:
    page = await opened(browser, shop, DESK)
    await sign_in(page, GUIDELINE)
    await page.get_by_label("Irrelevant").fill("Everything but AA cells.")
    await page.get_by_label("What changes and why").fill("Chargers came through.")
    await page.get_by_role("button", name="Save and judge again").click()
    await expect(page.get_by_role("status")).to_contain_text("judged again")
    await page.locator("nav summary", has_text="Operation").click()
    await page.get_by_role("link", name="Audit").click()
    row = page.get_by_role("row").filter(has_text="guideline.save")
    for told in ("olaf", "operate", "guideline of aa battery", "Chargers came through."):
        await expect(row).to_contain_text(told)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.go_back()
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Faudit$"))
    await page.context.close()


async def test_a_link_on_another_site_needs_no_second_sign_in(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await sign_in(page, "/alerts")
    foreign = shop.url.replace("127.0.0.1", "localhost")  # another site to the browser, the same to us
    await page.goto(f"{foreign}/sign-in")
    await page.evaluate("address => { location.href = address }", f"{shop.url}/calls")
    await expect(page.get_by_role("heading", name="LLM calls")).to_be_visible()
    await page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_no_page_of_those_signed_in_scrolls_sideways(
    browser: Browser, shop: Served, size: tuple[int, int]
) -> None:
    page = await opened(browser, shop, size)
    await page.goto("/sign-in")
    widths = [await page.evaluate("document.documentElement.scrollWidth")]
    await sign_in(page, "/audit")
    for path in ("/audit", "/", GUIDELINE):
        await page.goto(path)
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await page.context.close()
    assert max(widths) <= size[0]
