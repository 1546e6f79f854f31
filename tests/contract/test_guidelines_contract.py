"""Guidelines and claims: what the port promises, in memory and in PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from core.adapters.claims import PostgresClaims
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.postgres import Pool
from core.domain.guidelines import GuidelineKey
from core.domain.judging import GuidelineReply
from core.domain.task_keys import query_group
from core.guideline_ports import Edited, GuidelineChanged, GuidelineEdit
from core.ports import NewTask, Task
from tests.contract.facts import guideline, label, listing
from tests.contract.stores import PostgresStores, Stores
from tests.support.fakes import NOON

KEY = GuidelineKey("de", "blaues sofa", "de")
MADE_FOR = "guideline@1"
JUDGE = "text|judge-1|judgements@1"
HOUR = timedelta(hours=1)
TOLD = {"listing_id": "X1", "title": "Blaues Sofa, zwei Sitze"}


def said(text: str) -> GuidelineReply:
    return guideline("any", text).body


def edit(text: str, revision: int, key: GuidelineKey = KEY, author: str = "ada") -> GuidelineEdit:
    return GuidelineEdit(key, said(text), author, "why", revision, "v1", MADE_FOR, "judge-1")


async def edited(stores: Stores, text: str, revision: int, key: GuidelineKey = KEY) -> Edited:
    stores.clock.advance(3_600)
    return await stores.guidelines.edit(edit(text, revision, key), JUDGE, stores.clock.now())


def pair(listing_id: str, query: str = "blaues sofa", **payload: object) -> NewTask:
    subject = {"application": "shop", "market": "de", "query": query, "listing_id": listing_id}
    group = query_group("shop", "de", query)
    return NewTask(f"k {query} {listing_id}", "relevance", "panel", group, subject, {"language": "de", **payload})


async def leased(stores: Stores) -> list[Task]:
    groups = await stores.inbox.lease(("relevance",), 50, 50, 300.0)
    return [task for group in groups for task in group]


# --- In force --------------------------------------------------------------------------------------------


async def test_there_is_no_guideline_before_one_is_saved(stores: Stores) -> None:
    assert await stores.guidelines.guideline(KEY, MADE_FOR) is None


async def test_a_guideline_comes_back_whole(stores: Stores) -> None:
    saved = guideline("v1")
    assert await stores.guidelines.save_guideline(KEY, saved, NOON) == saved
    assert await stores.guidelines.guideline(KEY, MADE_FOR) == saved


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, market="at"),
        replace(KEY, query="sofa"),
        replace(KEY, language="en"),
        replace(KEY, context=(("gender", "women"),)),
    ],
)
async def test_a_guideline_belongs_to_its_query_and_context(stores: Stores, other: GuidelineKey) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    assert await stores.guidelines.guideline(other, MADE_FOR) is None


async def test_a_models_guideline_of_another_prompt_is_none(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    assert await stores.guidelines.guideline(KEY, "guideline@2") is None


async def test_the_first_guideline_of_a_prompt_and_model_stands(stores: Stores) -> None:
    first, second = guideline("v1", "first"), guideline("v2", "second")
    await stores.guidelines.save_guideline(KEY, first, NOON)
    assert await stores.guidelines.save_guideline(KEY, second, NOON + HOUR) == first
    assert await stores.guidelines.guideline(KEY, MADE_FOR) == first


async def test_the_newest_models_guideline_of_the_prompt_is_in_force(stores: Stores) -> None:
    newest = guideline("v2", model="judge-2")
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.guidelines.save_guideline(KEY, newest, NOON + HOUR)
    assert await stores.guidelines.guideline(KEY, MADE_FOR) == newest


async def test_a_persons_edit_wins_over_every_model_and_prompt(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    made = await edited(stores, "mine", 1)
    by_model = guideline("v9", prompt_version="guideline@2")
    standing = await stores.guidelines.save_guideline(KEY, by_model, NOON + 3 * HOUR)
    assert (standing.version, standing.author) == (made.version, "ada")
    assert await stores.guidelines.guideline(KEY, "guideline@3") == standing


# --- History ---------------------------------------------------------------------------------------------


async def test_many_who_ask_at_once_each_get_their_own(stores: Stores) -> None:
    keys = [replace(KEY, query=f"query {number}") for number in range(30)]
    saves = (stores.guidelines.save_guideline(key, guideline(key.query), NOON) for key in keys[:20])
    assert [each.version for each in await asyncio.gather(*saves)] == [key.query for key in keys[:20]]
    found = await asyncio.gather(*(stores.guidelines.guideline(key, MADE_FOR) for key in keys))
    assert [each and each.version for each in found] == [key.query for key in keys[:20]] + [None] * 10


async def test_guidelines_of_two_models_saved_at_once_are_two_revisions(stores: Stores) -> None:
    made = [replace(guideline(f"v{number}"), model=f"model-{number}") for number in range(3)]
    await asyncio.gather(*(stores.guidelines.save_guideline(KEY, each, NOON) for each in made))
    history = await stores.guidelines.history(KEY, MADE_FOR)
    assert [(each.revision, each.stored.version) for each in history] == [(3, "v2"), (2, "v1"), (1, "v0")]


async def test_history_tells_who_wrote_what_from_what_and_why_newest_first(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    made = await edited(stores, "mine", 1)
    newest, oldest = await stores.guidelines.history(KEY, MADE_FOR)
    assert (newest.stored.version, newest.revision, newest.in_force) == (made.version, 2, True)
    assert (newest.stored.author, newest.comment, newest.based_on) == ("ada", "why", "v1")
    assert newest.created_at == NOON + HOUR
    assert (oldest.stored.version, oldest.revision, oldest.in_force, oldest.based_on) == ("v1", 1, False, "")


async def test_history_counts_the_labels_of_each_version(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    facts = [label("a", guideline_version="v1"), label("b", guideline_version="v1", listing_id="L2")]
    await stores.judgements.save_labels(facts, [], [], NOON)
    await edited(stores, "mine", 1)
    assert [version.labels for version in await stores.guidelines.history(KEY, MADE_FOR)] == [0, 2]


async def test_text_that_comes_back_is_a_version_of_its_own(stores: Stores) -> None:
    versions = [(await edited(stores, text, number)).version for number, text in enumerate(("a", "b", "a"))]
    assert len(set(versions)) == 3


async def test_a_query_tells_in_which_contexts_it_has_guidelines(stores: Stores) -> None:
    filtered = replace(KEY, context=(("category", "sofas"), ("colour", "blue")))
    for key in (filtered, KEY):
        await stores.guidelines.save_guideline(key, guideline("v1"), NOON)
    await stores.guidelines.save_guideline(replace(KEY, query="sofa"), guideline("v1"), NOON)
    assert await stores.guidelines.keys("de", "blaues sofa") == [KEY, filtered]


# --- Edits -----------------------------------------------------------------------------------------------


async def test_an_edit_of_what_is_not_the_newest_is_refused_and_leaves_nothing(stores: Stores) -> None:
    await edited(stores, "first", 0)
    with pytest.raises(GuidelineChanged, match="revision 1"):
        await edited(stores, "second", 0)
    assert len(await stores.guidelines.history(KEY, MADE_FOR)) == 1


async def test_an_edit_queues_what_was_judged_by_this_guideline_and_nothing_else(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.guidelines.save_guideline(replace(KEY, query="sofa"), guideline("v1"), NOON)
    for listing_id in ("L1", "L2", "L3"):
        await stores.tell(listing(listing_id))
    facts = [
        label("a", guideline_version="v1", listing_id="L1"),
        label("b", guideline_version="v1", listing_id="L2"),
        label("c", guideline_version="v1", listing_id="L3", query="sofa"),
        label("d", guideline_version="v1", listing_id="L3", market="at"),
        label("e", guideline_version="of another context", listing_id="L3"),
    ]
    await stores.judgements.save_labels(facts, [], [], NOON)
    made = await edited(stores, "mine", 1)
    tasks = await leased(stores)
    assert (made.queued, made.gone) == (2, 0)
    assert sorted(task.subject["listing_id"] for task in tasks) == ["L1", "L2"]
    assert {(task.lane, task.payload["reason"], task.payload["language"]) for task in tasks} == {
        ("live", "request", "de")
    }


async def test_a_second_edit_queues_the_pairs_once_more(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.tell(listing("L1"))
    await stores.judgements.save_labels([label("a", guideline_version="v1")], [], [], NOON)
    assert [(await edited(stores, text, number)).queued for number, text in enumerate(("a", "b"), 1)] == [1, 1]


async def test_pairs_that_are_being_judged_are_queued_too(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.tell(listing("L1"))
    await stores.tell(listing("L2"))
    await stores.judgements.save_labels([label("a", guideline_version="v1", listing_id="L2")], [], [], NOON)
    await stores.inbox.add([pair("L1"), pair("L1", query="sofa")])
    await leased(stores)
    made = await edited(stores, "mine", 1)
    assert made.queued == 2


async def test_a_product_that_only_its_task_told_of_is_judged_anew_with_it(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.inbox.add([pair("X1", listing=TOLD)])
    done = [task.task_id for task in await leased(stores)]
    await stores.judgements.save_labels([label("a", guideline_version="v1", listing_id="X1")], [], done, NOON)
    made = await edited(stores, "mine", 1)
    [task] = await leased(stores)
    assert (made.queued, made.gone, task.payload["listing"]) == (1, 0, TOLD)


async def test_a_product_that_nobody_tells_of_any_more_is_counted_as_gone(stores: Stores) -> None:
    await stores.guidelines.save_guideline(KEY, guideline("v1"), NOON)
    await stores.judgements.save_labels([label("a", guideline_version="v1")], [], [], NOON)
    made = await edited(stores, "mine", 1)
    assert (made.queued, made.gone) == (0, 1)


# --- Claims ----------------------------------------------------------------------------------------------


async def test_one_of_several_claims_stands_until_it_is_released(stores: Stores) -> None:
    got = await asyncio.gather(*(stores.claims.claim("a", 60.0) for _ in range(5)))
    assert sorted(got) == [False] * 4 + [True]
    await stores.claims.release("a")
    assert await stores.claims.claim("a", 60.0)


async def test_a_claim_is_of_one_thing(stores: Stores) -> None:
    assert await stores.claims.claim("a", 60.0)
    assert await stores.claims.claim("b", 60.0)


async def test_of_many_who_claim_at_once_one_gets_each_thing(stores: Stores) -> None:
    names = [f"thing {number % 10}" for number in range(50)]
    got = await asyncio.gather(*(stores.claims.claim(name, 60.0) for name in names))
    assert sorted(name for name, mine in zip(names, got, strict=True) if mine) == sorted(set(names))


async def test_a_claim_whose_asker_was_cancelled_is_free(stores: Stores) -> None:
    asked = asyncio.create_task(stores.claims.claim("a", 60.0))
    await asyncio.sleep(0)
    asked.cancel()
    with suppress(asyncio.CancelledError):
        if await asked:
            await stores.claims.release("a")
    assert await stores.claims.claim("a", 60.0)


async def test_a_claim_of_another_outlives_an_asker_that_was_cancelled(stores: Stores) -> None:
    assert await stores.claims.claim("a", 60.0)
    asked = asyncio.create_task(stores.claims.claim("a", 60.0))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert not await stores.claims.claim("a", 60.0)


# --- PostgreSQL alone ------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_a_claim_that_is_renewed_goes_on_and_is_released_by_its_holder_alone(work_pool: Pool) -> None:
    mine, other = PostgresClaims(work_pool), PostgresClaims(work_pool)
    assert await mine.claim("a", 0.2)
    await mine.renew("a", 60.0)
    await other.renew("a", 0.0)
    await other.release("a")
    await asyncio.sleep(0.25)
    assert not await other.claim("a", 60.0)
    await mine.release("a")
    assert await other.claim("a", 60.0)


async def test_a_claim_that_has_ended_may_be_taken_over(work_pool: Pool) -> None:
    claims = PostgresStores(work_pool).claims
    assert await claims.claim("a", 0.0)
    assert await claims.claim("a", 60.0)


async def test_of_people_who_edit_at_once_one_is_first(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    done = await asyncio.gather(*(edited(stores, f"by {n}", 0) for n in range(5)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Edited"] + ["GuidelineChanged"] * 4


async def test_replicas_that_save_a_guideline_at_once_agree_on_one(work_pool: Pool) -> None:
    store = PostgresStores(work_pool).guidelines
    made = [guideline(f"v{number}", f"by {number}") for number in range(5)]
    standing = await asyncio.gather(*(store.save_guideline(KEY, each, NOON) for each in made))
    assert len({each.version for each in standing}) == 1


async def test_replicas_that_save_and_claim_many_in_any_order_never_deadlock(work_pool: Pool) -> None:
    replicas = [PostgresStores(work_pool) for _ in range(6)]
    keys = [replace(KEY, query=f"query {number}") for number in range(40)]

    async def work(stores: PostgresStores, key: GuidelineKey) -> str:
        if await stores.claims.claim(key.query, 60.0):
            await stores.claims.release(key.query)
        return (await stores.guidelines.save_guideline(key, guideline("v1"), NOON)).version

    orders = [keys, keys[::-1], keys[7:] + keys[:7]] * 2
    pairs = [(stores, key) for stores, order in zip(replicas, orders, strict=True) for key in order]
    assert set(await asyncio.gather(*(work(stores, key) for stores, key in pairs))) == {"v1"}


async def test_what_a_model_writes_is_stored_without_the_character_postgres_refuses(work_pool: Pool) -> None:
    store = PostgresGuidelines(work_pool)
    standing = await store.save_guideline(KEY, guideline("v1", "a \x00sofa, not \\u0000"), NOON)
    assert standing.body.guideline.highly_relevant == "a sofa, not \\u0000"


async def test_labels_of_one_context_are_seen_beside_those_of_another(work_pool: Pool) -> None:
    stores, filtered = PostgresStores(work_pool), replace(KEY, context=(("gender", "women"),))
    await stores.guidelines.save_guideline(KEY, guideline("plain"), NOON)
    await stores.guidelines.save_guideline(filtered, guideline("filtered"), NOON)
    facts = [label("a", guideline_version="plain"), label("b", guideline_version="filtered", judged_at=NOON + HOUR)]
    await stores.judgements.save_labels(facts, [], [], NOON)
    rows = await work_pool.fetch("SELECT context, guideline_version FROM assay.relevance_labels_by_context ORDER BY 1")
    assert [tuple(row) for row in rows] == [("", "plain"), ('{"gender":"women"}', "filtered")]
