"""The console's pages in headless Chromium, for tests and for pictures of it.

`python -m tests.support.console_pages DIRECTORY` serves the sample shop and pictures its pages there, as in
`docs/images`.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from core.adapters.migrate import migrate
from core.console.site import MENU
from tests.support import needs, sample_engines, sample_evals, sample_picture_pages
from tests.support.postgres import EmbeddedPostgres
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""A browser that asks nobody anything, and that runs as root in a container too."""

MENU_PATHS = [entry.path for group in MENU for entry in group.entries if entry.role == "read"]
"""Pages of the menu that are open to whoever reads, in its order."""

HEADPHONES = "/query?application=shop&market=us&query=wireless+headphones&days=28"
GUIDELINE = "/guideline?application=shop&market=us&query=aa+battery&language=en"
AA_BATTERY = "/query?application=shop&market=us&query=aa+battery&days=28"
LISTING = "L0000"
"""One of the sample shop's, with a scored picture."""

SCORED = f"/pictures/listing/{sample_picture_pages.listing_id(6)}"
BUYERS = "/pictures/buyers?tier=llm"
"""Pages of what `sample_picture_pages` adds."""


def paths(shop: Served) -> dict[str, str]:
    """Every kind of page by name."""
    return {
        "overview": "/",
        "queries": "/queries",
        "query": HEADPHONES,
        "guideline": GUIDELINE,
        "engines": "/engines",
        "comparison": f"/engines/{sample_engines.RUN}",
        "pictures": "/pictures",
        "worst pictures": "/pictures/ordered?order=worst",
        "pictures of a listing": f"/pictures/listing/{LISTING}",
        "flags of pictures": "/pictures/flags",
        "pictures and buyers": "/pictures/buyers",
        "student": "/pictures/student",
        "look-alikes": "/pictures/duplicates",
        "failed pictures": "/pictures/failures",
        "alerts": "/alerts",
        "alert": f"/alerts/{shop.filled.alert_id}",
        "calls": "/calls",
        "batches": "/batches",
        "spending": "/spending",
        "call": f"/calls/{shop.filled.call_id}",
        "label": f"/label/{shop.filled.label_id}",
        "safety": "/safety",
        "dead-letters": "/dead-letters",
        "evaluations": "/evals",
        "evaluation": f"/evals/{sample_evals.RUN}",
        "judges compared": f"/evals/{sample_evals.RUN}/compare?a={sample_evals.OLD}&b={sample_evals.NEW}",
        "gate": f"/evals/gates/{sample_evals.GATE}",
        "tiers": "/tiers",
        "tiers of a run": f"/evals/{sample_evals.RUN}/tiers",
        "judges": "/judges",
    }


async def opened(browser: Browser, shop: Served, size: tuple[int, int], *, dark: bool = False) -> Page:
    """An empty tab of a browser context of its own."""
    context = await browser.new_context(
        base_url=shop.url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    return await context.new_page()


SHOP_PAGES = (
    ("overview", "/", (1280, 860), False),
    ("queries", "/queries", (1280, 860), False),
    ("query", AA_BATTERY, (1280, 1420), False),
    ("guideline", GUIDELINE, (1280, 1180), False),
    ("phone", "/queries", (390, 844), False),
)
PICTURE_PAGES = (
    ("pictures", "/pictures?market=de", (1280, 1160), True),
    ("listing", SCORED, (1280, 1160), False),
    ("buyers", BUYERS, (1280, 980), False),
)
"""Name of the file, page, size, and whether it is dark."""


async def picture(browser: Browser, shop: Served, directory: Path) -> None:
    """The pages that the documents show; those of pictures have rows of their own, which come last."""
    own = paths(shop)
    named = (
        ("alert", own["alert"], (1280, 860), False),
        ("call", own["call"], (1280, 1000), False),
        ("compare", own["judges compared"], (1280, 1240), False),
    )
    for each in (*SHOP_PAGES, *named):
        await _pictured(browser, shop, directory, *each)
    await sample_picture_pages.fill(shop.pool)
    for each in PICTURE_PAGES:
        await _pictured(browser, shop, directory, *each)


async def _pictured(
    browser: Browser, shop: Served, directory: Path, name: str, path: str, size: tuple[int, int], dark: bool
) -> None:
    page = await opened(browser, shop, size, dark=dark)
    await signed_in_at(page, path)
    _save(await page.screenshot(), directory / f"console-{name}.png")
    await page.context.close()


async def signed_in_at(page: Page, path: str) -> None:
    """The page as who operates sees it, with all its pictures."""
    await page.goto(path)
    await page.get_by_label("Token").fill(OPERATOR)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{path}")
    await page.wait_for_load_state("networkidle")


def _save(png: bytes, path: Path) -> None:
    """Written with a palette: a third of the bytes, and no eye sees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


async def main(directory: Path) -> None:
    """Picture the sample shop into a directory."""
    server = EmbeddedPostgres()
    try:
        await migrate(server.dsn)
        async with sample_shop(server.dsn, BY_TOKEN) as shop, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=needs.chromium_path(), args=FLAGS)
            await picture(browser, shop, directory)
            await browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
