"""Pages of judges over a real database: what is shown, and a promotion that is refused, then allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from aiohttp import ClientResponse, ClientSession

from core.adapters.judge_book import PostgresJudgeBook
from core.adapters.judgements import PostgresJudgements
from core.adapters.shadow_store import PostgresShadows
from tests.contract.facts import label
from tests.support.fake_judges import judge, reworded, settings_version
from tests.support.fakes import NOON
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR, READER, hidden_fields, visiting

ONE = judge("strict")
OTHER = reworded(judge("strict", "judge-2"), guideline="Write <b>guidelines</b>.\nBe strict.")


@pytest.fixture
async def shop(postgres_dsn: str) -> AsyncIterator[Served]:
    async with sample_shop(postgres_dsn, BY_TOKEN) as served:
        book = PostgresJudgeBook(served.pool)
        for each in (settings_version(), ONE, OTHER):
            await book.save(each, "ada", NOON)
        yield served


@pytest.fixture
async def visitor(shop: Served) -> AsyncIterator[ClientSession]:
    async with visiting(shop.url, OPERATOR) as session:
        yield session


async def text(visitor: ClientSession, path: str, **parameters: str) -> str:
    async with visitor.get(path, params=parameters) as response:
        assert response.status == 200
        return await response.text()


async def sent(visitor: ClientSession, path: str, **fields: str) -> ClientResponse:
    hidden = hidden_fields(await text(visitor, "/judges"))
    return await visitor.post(path, data=hidden | fields, allow_redirects=False)


async def test_every_version_is_shown_and_the_settings_judge_is_live(visitor: ClientSession) -> None:
    page = await text(visitor, "/judges")
    assert all(each.version in page for each in (settings_version(), ONE, OTHER))
    assert page.count('<span class="tag done">live</span>') == 1
    assert "Roll back" not in page


async def test_a_promotion_without_a_gate_is_refused_then_allowed_with_a_reason(
    shop: Served, visitor: ClientSession
) -> None:
    refused = await sent(visitor, "/judges/promote", version=ONE.version, why="better")
    forced = await sent(visitor, "/judges/promote", version=ONE.version, why="the old model ends", force="yes")
    assert (refused.status, forced.status) == (409, 303)
    assert "has passed no gate on the current dataset" in await refused.text()
    assert await PostgresJudgeBook(shop.pool).live() == ONE
    page = await text(visitor, "/judges")
    assert "the old model ends" in page
    assert "forced" in page
    noted = await shop.pool.fetch("SELECT subject FROM assay_data.audit WHERE act = 'judge.promote'")
    assert [row["subject"] for row in noted] == [ONE.version]


async def test_a_promotion_that_can_not_be_audited_is_none(shop: Served, visitor: ClientSession) -> None:
    await shop.pool.execute("ALTER TABLE assay_data.audit ADD CONSTRAINT none_now CHECK (act <> 'judge.promote')")
    failed = await sent(visitor, "/judges/promote", version=ONE.version, why="better", force="yes")
    assert failed.status == 500
    assert await PostgresJudgeBook(shop.pool).live() is None


async def test_a_rollback_goes_back_to_the_judge_before(shop: Served, visitor: ClientSession) -> None:
    for each in (ONE, OTHER):
        await sent(visitor, "/judges/promote", version=each.version, why="w", force="yes")
    back = await sent(visitor, "/judges/rollback", why="worse on shoes")
    assert back.status == 303
    assert await PostgresJudgeBook(shop.pool).live() == ONE
    assert "worse on shoes" in await text(visitor, "/judges")


async def test_who_only_reads_sees_no_form_and_promotes_nothing(shop: Served) -> None:
    async with visiting(shop.url, READER) as reader:
        page = await text(reader, "/judges")
        async with reader.post("/judges/promote", data={"version": ONE.version, "why": "w"}) as refused:
            assert refused.status == 403
    assert "Promoting takes the role operate" in page
    assert await PostgresJudgeBook(shop.pool).live() is None


async def test_what_differs_is_shown_by_line_and_escaped(visitor: ClientSession) -> None:
    page = await text(visitor, "/judges/diff", a=ONE.version, b=OTHER.version)
    assert "judge-2" in page
    assert "Write &lt;b&gt;guidelines&lt;/b&gt;." in page
    assert "<b>guidelines" not in page


async def test_one_version_shows_its_prompts_and_how_it_agreed_in_the_shadow(
    shop: Served, visitor: ClientSession
) -> None:
    live = label("live", judge=settings_version().version)
    await PostgresJudgements(shop.pool).save_labels([live], [], [], NOON)
    said = label("said", judge=OTHER.version, call_id=UUID(int=8))
    await PostgresShadows(shop.pool).save_labels([(live.event_id, said)], [], NOON)
    page = await text(visitor, f"/judges/{OTHER.version}")
    assert "Be strict." in page
    assert "In the shadow" in page


@pytest.mark.parametrize("path", ["/judges/nobody", "/judges/diff?a=live&b=nobody"])
async def test_a_judge_that_is_none_is_not_found(visitor: ClientSession, path: str) -> None:
    async with visitor.get(path) as response:
        assert response.status == 404
