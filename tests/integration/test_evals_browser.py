"""Evaluation in headless Chromium: from the list to two judges beside one another, and to a gate, by keyboard."""

from __future__ import annotations

from playwright.async_api import Browser

from tests.support.console_pages import opened
from tests.support.sample_evals import CALL
from tests.support.served_console import Served

DESK = (1280, 820)


async def test_two_judges_are_compared_and_the_gate_is_read(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/evals")
    await page.get_by_role("link", name="compare").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/compare?*")
    worst = page.locator("details.changed").first
    assert await worst.locator(".reasoning").first.is_visible()
    assert await worst.get_by_text("worse", exact=True).is_visible()
    assert await worst.get_by_role("link", name="The call").first.get_attribute("href") == f"/calls/{CALL}"
    closed = page.locator("details.changed:not([open])").first
    await closed.locator("summary").focus()
    await page.keyboard.press("Enter")
    assert await page.locator("details.changed[open]").count() == 4
    await page.get_by_role("link", name="strict-brands@").last.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/evals/gates/*")
    assert await page.get_by_text("not passed", exact=True).is_visible()
    assert await page.locator("tbody tr", has_text="broken").count() == 3
    await page.context.close()
