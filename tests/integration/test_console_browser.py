"""The console in headless Chromium: by keyboard, on a phone, with hostile text."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from core.console.site import MENU
from tests.support import sample_words
from tests.support.console_pages import HEADPHONES, opened, paths
from tests.support.served_console import Served

DESK, PHONE = (1280, 820), (390, 844)


async def test_no_page_complains_or_asks_elsewhere(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not _own(request.url, shop) else None)
    page.on("response", lambda response: said.append(response.url) if response.status >= 400 else None)
    for path in paths(shop).values():
        await page.goto(path, wait_until="networkidle")
    await page.context.close()
    assert said == []


def _own(url: str, shop: Served) -> bool:
    return url.startswith((shop.url, "data:"))


@pytest.mark.parametrize("size", [PHONE, (320, 640), DESK], ids=["phone", "small phone", "desk"])
async def test_no_page_scrolls_sideways(browser: Browser, shop: Served, size: tuple[int, int]) -> None:
    page = await opened(browser, shop, size)
    widths = {}
    for name, path in paths(shop).items():
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        widths[name] = await page.evaluate("document.documentElement.scrollWidth")
    await page.context.close()
    assert {name: width for name, width in widths.items() if width > size[0]} == {}


async def test_the_keyboard_skips_to_the_content_and_reaches_every_page(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/")
    expected = ["#main", "/", *(entry.path for group in MENU for entry in group.entries)]
    reached = []
    while len(reached) < len(expected):
        await page.keyboard.press("Tab")
        if await page.locator("nav summary:focus").count():
            await page.keyboard.press("Enter")
        else:
            reached.append(await page.evaluate("document.activeElement.getAttribute('href')"))
    assert reached == expected
    await page.context.close()


async def test_a_group_of_the_menu_closes_with_a_click_beside_it_and_marks_its_place(
    browser: Browser, shop: Served
) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/judges")
    await expect(page.locator("nav summary[aria-current]")).to_have_text("Judging")
    await page.locator("nav summary", has_text="Operation").click()
    dead_letters = page.locator("nav").get_by_role("link", name="Dead letters")
    await expect(dead_letters).to_be_visible()
    await page.mouse.click(640, 700)
    await expect(dead_letters).to_be_hidden()
    await page.context.close()


@pytest.mark.parametrize("width", [1280, 1024, 800, 390, 320])
async def test_the_menu_is_not_cut_at_any_width(browser: Browser, shop: Served, width: int) -> None:
    page = await opened(browser, shop, (width, 844))
    await page.goto("/")
    for name in ("", "Judging", "Operation"):
        if name:
            await page.locator("nav summary", has_text=name).click()
        for entry in await page.locator("nav a:visible, nav summary").all():
            box = await entry.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    await page.context.close()


async def test_the_skip_link_leads_to_the_content(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/queries")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.context.close()


async def test_what_has_the_focus_is_seen(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/queries")
    for _ in range(4):
        await page.keyboard.press("Tab")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.context.close()


async def test_a_query_is_opened_and_its_reasoning_read_by_keyboard(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto("/queries")
    await page.get_by_role("link", name="aa battery").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/query?*")
    await page.locator(".product summary").first.focus()
    await page.keyboard.press("Enter")
    assert await page.locator(".product .reasoning").first.is_visible()
    await page.context.close()


async def test_filters_work_without_scripts(browser: Browser, shop: Served) -> None:
    context = await browser.new_context(base_url=shop.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/queries")
    await page.get_by_label("Market").select_option("de")
    await page.get_by_role("button", name="Show").click()
    assert await page.locator("tbody tr").count() == 7
    assert await page.get_by_label("Market").input_value() == "de"
    await context.close()


async def test_hostile_text_is_read_and_not_run(browser: Browser, shop: Served) -> None:
    page = await opened(browser, shop, DESK)
    await page.goto(HEADPHONES)
    assert await page.title() == "wireless headphones · Assay"
    assert await page.get_by_text(sample_words.HOSTILE).count() == 2  # once for each engine
    assert await page.locator("main script, main img[src='x']").count() == 0
    await page.context.close()


async def test_every_page_has_one_heading_and_every_picture_plot_and_field_a_name(
    browser: Browser, shop: Served
) -> None:
    page = await opened(browser, shop, DESK)
    nameless = (
        "img:not([alt]), svg:not([aria-label]):not([aria-hidden]), "
        ":is(input:not([type=hidden]), select, textarea):not(label *, [aria-label])"
    )
    headings, titles = {}, {}
    for name, path in paths(shop).items():
        await page.goto(path)
        assert await page.locator(nameless).count() == 0
        headings[name] = await page.locator("h1").count()
        titles[name] = await page.title()
    await page.context.close()
    assert set(headings.values()) == {1}
    assert len(set(titles.values())) == len(titles)


CONTRAST = """
() => {
  const channels = c => c.match(/[\\d.]+/g).map((v, i) => c.startsWith('color(') && i < 3 ? v * 255 : +v);
  const light = c => channels(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor, parts = channels(c);
      if (parts.length < 4 || parts[3] === 1) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  const weak = new Set();
  for (const e of document.querySelectorAll('main *, header *, footer *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('svg')) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return [...weak];
}
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_text_stands_out_from_its_ground(browser: Browser, shop: Served, dark: bool) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    page = await opened(browser, shop, DESK, dark=dark)
    weak = {}
    for name, path in paths(shop).items():
        await page.goto(path)
        weak[name] = await page.evaluate(CONTRAST)
    await page.context.close()
    assert {name: found for name, found in weak.items() if found} == {}
