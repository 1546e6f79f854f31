"""The page of a guideline: history and form over a real database, and who may not post."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse, ClientSession

from core.adapters.postgres import Pool
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR, READER, REVIEWER, hidden_fields, visiting

MARKET = {"market": "us", "query": "aa battery", "language": "en"}
SAID = {
    "translation": "aa battery",
    "specificity": "specific",
    "requirement-1": "AA (LR6) batteries",
    "importance-1": "must_have",
    "why-1": "The size was named.",
    "requirement-2": "  ",
    "importance-2": "nice_to_have",
    "why-2": "nothing is required, so no row",
    "highly_relevant": "Packs of AA batteries.",
    "acceptable_substitute": "Rechargeable AA cells.",
    "irrelevant": "Other sizes; chargers alone.",
    "comment": "Chargers came through.",
}
TASKS = "SELECT task_id, subject->>'query' AS query FROM assay.judge_tasks"


@pytest.fixture
async def shop(postgres_dsn: str) -> AsyncIterator[Served]:
    async with sample_shop(postgres_dsn, BY_TOKEN) as served:
        yield served


@pytest.fixture
async def visitor(shop: Served) -> AsyncIterator[ClientSession]:
    async with visiting(shop.url, REVIEWER) as session:
        yield session


async def hidden(visitor: ClientSession) -> dict[str, str]:
    """The fields of the form as the page has it, token and revision among them."""
    async with visitor.get("/guideline", params=MARKET) as response:
        return hidden_fields(await response.text())


async def sent(visitor: ClientSession, fields: dict[str, str], **headers: str) -> ClientResponse:
    return await visitor.post("/guideline", data=fields, headers=headers, allow_redirects=False)


async def versions(pool: Pool) -> list[tuple[int, str]]:
    rows = await pool.fetch(
        "SELECT revision, author FROM assay.guideline_history WHERE market = 'us' AND query = 'aa battery' ORDER BY 1"
    )
    return [tuple(row) for row in rows]


# --- What is shown ---------------------------------------------------------------------------------------


async def test_the_page_shows_what_is_in_force_and_who_changed_what_and_why(visitor: ClientSession) -> None:
    async with visitor.get("/guideline", params=MARKET) as response:
        page = await response.text()
    for part in ("version g2 by mara", "Shoppers mean the size, not the brand.", "Revision 1", "in force", "from g1"):
        assert part in page


async def test_the_page_of_a_query_leads_to_its_guideline(visitor: ClientSession) -> None:
    async with visitor.get("/query", params={"application": "shop", **MARKET}) as response:
        assert "/guideline?application=shop&amp;market=us&amp;query=aa+battery&amp;language=en" in await response.text()


async def test_a_query_without_a_guideline_says_so(visitor: ClientSession) -> None:
    async with visitor.get("/guideline", params={"query": "<b>nothing</b>"}) as response:
        page = await response.text()
    assert "No guideline yet" in page
    assert "<b>nothing" not in page


# --- Edits -----------------------------------------------------------------------------------------------


async def test_an_edit_is_in_force_at_once_and_its_query_alone_is_judged_again(
    visitor: ClientSession, shop: Served
) -> None:
    labelled = await shop.pool.fetchval(
        "SELECT count(DISTINCT listing_id) FROM assay.relevance_labels WHERE query = 'aa battery' AND market = 'us'"
    )
    before = {row["task_id"] for row in await shop.pool.fetch(TASKS)}
    response = await sent(visitor, {**await hidden(visitor), **SAID})
    assert response.status == 303
    async with visitor.get(response.headers["Location"]) as after:
        page = await after.text()
    assert f"{labelled} results of this query are judged again" in page
    assert "by ada" in page
    assert "Chargers came through." in page
    assert "+</span> must_have: AA (LR6) batteries (The size was named.)" in page
    assert "nothing is required" not in page
    queued = [row["query"] for row in await shop.pool.fetch(TASKS) if row["task_id"] not in before]
    assert queued == ["aa battery"] * labelled


async def test_of_two_who_edit_the_second_sees_what_the_first_wrote_and_can_go_on(
    visitor: ClientSession, shop: Served
) -> None:
    async with visiting(shop.url, OPERATOR) as other:
        form = await hidden(other)
        await sent(visitor, {**await hidden(visitor), **SAID})
        second = await sent(other, {**form, **SAID, "irrelevant": "Everything else."})
        page = await second.text()
        third = await sent(other, {**hidden_fields(page), **SAID, "irrelevant": "Everything else."})
    assert second.status == 409
    assert "revision 3 by ada was written since" in page
    assert "Everything else." in page
    assert third.status == 303
    assert [author for _, author in await versions(shop.pool)] == ["model", "mara", "ada", "olaf"]


async def test_an_earlier_version_is_restored_as_the_newest(visitor: ClientSession, shop: Served) -> None:
    fields = {**await hidden(visitor), "version": "g1"}
    async with visitor.post("/guideline/restore", data=fields, allow_redirects=False) as response:
        assert response.status == 303
    assert await versions(shop.pool) == [(1, "model"), (2, "mara"), (3, "ada")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"irrelevant": ""}, "irrelevant: empty"),
        ({"specificity": "vague"}, "specificity"),
        ({"translation": "x" * 1_001}, "translation: 1001 characters"),
    ],
)
async def test_an_edit_that_lacks_something_is_shown_again_and_not_saved(
    visitor: ClientSession, shop: Served, change: dict[str, str], said: str
) -> None:
    response = await sent(visitor, {**await hidden(visitor), **SAID, **change})
    page = await response.text()
    assert response.status == 400
    assert said in page[page.index('role="alert"') :][:200]
    assert "AA (LR6) batteries" in page
    assert len(await versions(shop.pool)) == 2


# --- Who may not -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_post_from_another_site_is_refused(
    visitor: ClientSession, shop: Served, headers: dict[str, str]
) -> None:
    response = await sent(visitor, {**await hidden(visitor), **SAID}, **headers)
    assert response.status == 403
    assert len(await versions(shop.pool)) == 2


@pytest.mark.parametrize("token", ["", "A" * 43])
async def test_a_post_without_the_visitors_token_is_refused(visitor: ClientSession, shop: Served, token: str) -> None:
    response = await sent(visitor, {**await hidden(visitor), **SAID, "token": token})
    assert response.status == 403
    assert len(await versions(shop.pool)) == 2


async def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: ClientSession) -> None:
    async with visitor.get("/guideline", params=MARKET) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_who_only_reads_sees_no_form_and_posts_nothing(shop: Served) -> None:
    async with visiting(shop.url, READER) as reader:
        async with reader.get("/guideline", params=MARKET) as response:
            page = await response.text()
        refused = await sent(reader, {**hidden_fields(page), **SAID})
        why = await refused.text()
    assert 'action="/guideline"' not in page
    assert refused.status == 403
    assert "You are rita and may read" in why
    assert len(await versions(shop.pool)) == 2


async def test_where_nobody_signs_in_the_page_only_shows_and_a_post_is_refused(postgres_dsn: str) -> None:
    async with sample_shop(postgres_dsn) as shop, ClientSession(shop.url, headers={"Origin": shop.url}) as visitor:
        async with visitor.get("/guideline", params=MARKET) as response:
            page = await response.text()
        refused = await visitor.post("/guideline", data=SAID)
    assert "<form" not in page
    assert "ASSAY_CONSOLE_TOKENS" in page
    assert refused.status == 403


async def test_an_edit_and_its_audit_are_kept_together(visitor: ClientSession, shop: Served) -> None:
    await sent(visitor, {**await hidden(visitor), **SAID})
    rows = await shop.pool.fetch("SELECT who, role, act, subject, detail FROM assay.audit WHERE act <> 'sign-in'")
    assert [tuple(row) for row in rows] == [
        (
            "ada",
            "review",
            "guideline.save",
            "guideline of aa battery",
            {"market": "us", "language": "en", "comment": "Chargers came through.", "revision": 3},
        )
    ]
    refused = await sent(visitor, {**await hidden(visitor), **SAID, "irrelevant": ""})
    assert refused.status == 400
    assert await shop.pool.fetchval("SELECT count(*) FROM assay.audit WHERE act = 'guideline.save'") == 1
