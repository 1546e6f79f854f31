"""`JudgementStore`: a result, its event and its task's end stand together, each fact once."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest

from core.adapters.postgres import Pool
from core.domain.events import event_id
from core.domain.labels import Label
from core.ports import OutgoingEvent, TaskFailure
from core.stages.events import image_score_event, relevance_event
from tests.contract.facts import label, outcome, score, task
from tests.contract.stores import PostgresStores, Stores
from tests.support.fakes import NOON

QUERY = ("de", "blaues sofa", "de")
HOUR = timedelta(hours=1)


async def waiting_events(stores: Stores) -> list[OutgoingEvent]:
    async with stores.outbox.batch(1_000) as events:
        return list(events)


async def leased(stores: Stores, *keys: str) -> list[UUID]:
    await stores.inbox.add([task(key) for key in keys])
    (group,) = await stores.inbox.lease(["relevance"], 1, len(keys), 60)
    return [each.task_id for each in group]


# --- Labels ----------------------------------------------------------------------------------------------


async def test_labels_events_and_the_end_of_tasks_are_saved_together(stores: Stores) -> None:
    done = await leased(stores, "a", "b")
    facts = [label("a"), label("b", listing_id="L2", image_hash="h")]
    later = NOON + HOUR
    await stores.judgements.save_labels(facts, [relevance_event(fact) for fact in facts], done, later)
    assert await stores.judgements.labels(["a", "b", "c"]) == {"a", "b"}
    assert {event.event_id for event in await waiting_events(stores)} == {fact.event_id for fact in facts}
    for key in "ab":
        ended = await stores.task(key)
        assert (ended.state, ended.reason, ended.finished_at) == ("done", "", later)


async def test_an_event_comes_out_as_it_went_in(stores: Stores) -> None:
    event = relevance_event(label("a"))
    await stores.judgements.save_labels([label("a")], [event], [], NOON)
    assert await waiting_events(stores) == [event]


async def test_a_known_content_key_adds_neither_row_nor_event(stores: Stores) -> None:
    first, second = label("a", reasoning="first"), label("a", reasoning="second")
    await stores.judgements.save_labels([first], [relevance_event(first)], [], NOON)
    await waiting_events(stores)
    fresh = label("b", reasoning="new")
    await stores.judgements.save_labels([second, fresh], [relevance_event(second), relevance_event(fresh)], [], NOON)
    assert await stores.reasonings() == {"a": "first", "b": "new"}
    assert [event.event_id for event in await waiting_events(stores)] == [fresh.event_id]


async def test_a_key_twice_in_one_batch_is_one_row_and_one_event(stores: Stores) -> None:
    fact = label("a")
    await stores.judgements.save_labels([fact, fact], [relevance_event(fact), relevance_event(fact)], [], NOON)
    assert len(await waiting_events(stores)) == 1


async def test_a_task_ends_also_when_its_label_was_known(stores: Stores) -> None:
    await stores.judgements.save_labels([label("a")], [], [], NOON)
    done = await leased(stores, "a")
    await stores.judgements.save_labels([], [], done, NOON)
    assert (await stores.task("a")).state == "done"


async def test_a_finished_task_keeps_the_time_it_ended(stores: Stores) -> None:
    done = await leased(stores, "a")
    await stores.judgements.save_labels([], [], done, NOON)
    await stores.judgements.save_labels([], [], done, NOON + HOUR)
    assert (await stores.task("a")).finished_at == NOON


async def test_a_late_result_ends_a_task_that_was_given_up(stores: Stores) -> None:
    done = await leased(stores, "a")
    await stores.inbox.release([], [TaskFailure(done[0], "timeout")])
    await stores.judgements.save_labels([label("a")], [], done, NOON)
    ended = await stores.task("a")
    assert (ended.state, ended.reason) == ("done", "")


async def test_savers_that_meet_each_find_their_own_done(stores: Stores) -> None:
    await leased(stores, *(f"t{n}" for n in range(30)))
    facts = [label(f"t{n}") for n in range(30)]

    async def save(number: int) -> str:
        fact, at = facts[number], NOON + number * HOUR
        done = [event_id(f"task/{fact.content_key}")]
        await stores.judgements.save_labels([fact], [relevance_event(fact)], done, at)
        assert await stores.judgements.labels([fact.content_key]) == {fact.content_key}
        return (await stores.task(fact.content_key)).state

    assert await asyncio.gather(*(save(number) for number in range(30))) == ["done"] * 30
    assert len(await waiting_events(stores)) == 30
    assert sorted([(await stores.task(fact.content_key)).finished_at for fact in facts]) == [
        NOON + number * HOUR for number in range(30)
    ]


async def test_of_two_savers_of_one_key_that_meet_one_row_and_its_own_event_stand(stores: Stores) -> None:
    first, second = label("a", reasoning="first"), label("a", reasoning="second")
    await asyncio.gather(
        stores.judgements.save_labels([first], [relevance_event(first)], [], NOON),
        stores.judgements.save_labels([second], [relevance_event(second)], [], NOON),
    )
    assert await stores.reasonings() == {"a": "first"}
    assert await waiting_events(stores) == [relevance_event(first)]


async def test_scores_of_savers_that_meet_are_all_there(stores: Stores) -> None:
    facts = [score(f"s{n}", image_hash=f"h{n}") for n in range(10)]
    await asyncio.gather(
        *(stores.judgements.save_image_score([fact], [image_score_event(fact)], [], NOON) for fact in facts)
    )
    assert len(await waiting_events(stores)) == 10


async def test_no_keys_have_no_labels(stores: Stores) -> None:
    assert await stores.judgements.labels([]) == set()


# --- Pictures --------------------------------------------------------------------------------------------


async def test_the_first_description_of_a_picture_stands(stores: Stores) -> None:
    await stores.judgements.save_description("h1", "d@1", "eye-1", "a blue sofa")
    await stores.judgements.save_description("h1", "d@1", "eye-1", "something else")
    assert await stores.judgements.description("h1", "d@1", "eye-1") == "a blue sofa"


@pytest.mark.parametrize("other", [("h2", "d@1", "eye-1"), ("h1", "d@2", "eye-1"), ("h1", "d@1", "eye-2")])
async def test_a_description_is_of_one_picture_prompt_and_model(stores: Stores, other: tuple[str, str, str]) -> None:
    await stores.judgements.save_description("h1", "d@1", "eye-1", "a blue sofa")
    assert await stores.judgements.description(*other) is None


async def test_a_score_comes_back_whole_for_its_picture_prompt_and_model(stores: Stores) -> None:
    fact = score("s1")
    await stores.judgements.save_image_score([fact], [image_score_event(fact)], [], NOON)
    assert await stores.judgements.image_score("h1", "image@1", "eye-1") == fact
    assert await stores.judgements.image_score("h2", "image@1", "eye-1") is None
    assert await stores.judgements.image_score("h1", "image@2", "eye-1") is None
    assert await stores.judgements.image_score("h1", "image@1", "eye-2") is None


async def test_a_score_without_a_call_comes_back_without_one(stores: Stores) -> None:
    fact = score("s1", call_id=None, tier="student")
    await stores.judgements.save_image_score([fact], [], [], NOON)
    assert await stores.judgements.image_score("h1", "image@1", "eye-1") == fact


async def test_the_same_picture_may_be_scored_for_two_listings(stores: Stores) -> None:
    facts = [score("s1"), score("s2", listing_id="L2")]
    await stores.judgements.save_image_score(facts, [image_score_event(fact) for fact in facts], [], NOON)
    assert {event.key for event in await waiting_events(stores)} == {"L1", "L2"}


async def test_a_known_score_adds_neither_row_nor_event_and_ends_its_task(stores: Stores) -> None:
    fact, changed = score("s1"), score("s1", score=1)
    await stores.judgements.save_image_score([fact], [image_score_event(fact)], [], NOON)
    await waiting_events(stores)
    done = await leased(stores, "a")
    await stores.judgements.save_image_score([changed], [image_score_event(changed)], done, NOON)
    assert await stores.judgements.image_score("h1", "image@1", "eye-1") == fact
    assert await waiting_events(stores) == []
    assert (await stores.task("a")).state == "done"


async def test_many_who_ask_for_scores_at_once_each_have_their_own(stores: Stores) -> None:
    facts = [score(f"s{n}", image_hash=f"h{n}", image_url=f"u{n}") for n in range(0, 30, 2)]
    await stores.judgements.save_image_score(facts, [], [], NOON)
    found = await asyncio.gather(*(stores.judgements.image_score(f"h{n}", "image@1", "eye-1") for n in range(30)))
    assert [None if fact is None else fact.content_key for fact in found] == [
        None if n % 2 else f"s{n}" for n in range(30)
    ]


async def test_flags_and_doubt_come_back_with_a_score(stores: Stores) -> None:
    facts = [
        score("s1", flags=("ai_made", "over_edited")),
        score("s2", image_hash="h2", image_url="2", spread=0.7, tier="student", call_id=None),
    ]
    await stores.judgements.save_image_score(facts, [], [], NOON)
    assert [await stores.judgements.image_score(h, "image@1", "eye-1") for h in ("h1", "h2")] == facts


async def test_tasks_that_follow_a_score_are_queued_with_it(stores: Stores) -> None:
    done = await leased(stores, "a")
    more = [task("label", kind="image_label", group="L1")]
    await stores.judgements.save_image_score([score("s1", tier="student", call_id=None)], [], done, NOON, more)
    assert (await stores.task("a")).state == "done"
    assert (await stores.task("label")).state == "waiting"
    ((queued,),) = await stores.inbox.lease(["image_label"], 1, 8, 60)
    assert (queued.task_key, queued.group_key) == ("label", "L1")


async def test_a_task_that_follows_is_queued_once(stores: Stores) -> None:
    more = [task("label", kind="image_label")]
    for _ in range(2):
        await stores.judgements.save_image_score([], [], [], NOON, more)
    assert await stores.inbox.runnable(["image_label"]) == 1


STUDENT = {"tier": "student", "model": "student", "prompt_version": "student@1", "call_id": None, "spread": 0.5}


async def test_a_students_score_is_not_written_over_the_judges_of_the_same_picture(stores: Stores) -> None:
    done = await leased(stores, "a")
    await stores.judgements.save_image_score([score("s1")], [], [], NOON)
    late = score("s2", judged_at=NOON + HOUR, **STUDENT)
    await stores.judgements.save_image_score([late], [image_score_event(late)], done, NOON + HOUR)
    assert await stores.judgements.image_score("h1", "student@1", "student") is None
    assert await waiting_events(stores) == []
    assert (await stores.task("a")).state == "done"


@pytest.mark.parametrize(
    "other",
    [
        {"image_hash": "another picture"},
        {"listing_id": "L2"},
        {"image_url": "https://pictures.example/2.jpg"},
        {"tier": "student", "model": "student", "prompt_version": "student@0"},
    ],
    ids=["the picture changed", "another listing", "another address", "an older student"],
)
async def test_a_students_score_is_written_where_the_judge_has_not_scored_this_picture(
    stores: Stores, other: dict[str, object]
) -> None:
    await stores.judgements.save_image_score([score("s1", **other)], [], [], NOON)
    late = score("s2", judged_at=NOON + HOUR, **STUDENT)
    await stores.judgements.save_image_score([late], [image_score_event(late)], [], NOON + HOUR)
    assert await stores.judgements.image_score("h1", "student@1", "student") == late
    assert [event.event_id for event in await waiting_events(stores)] == [late.event_id]


async def test_the_judges_score_is_written_after_the_students(stores: Stores) -> None:
    early, late = score("s1", **STUDENT), score("s2", judged_at=NOON + HOUR)
    for fact in (early, late):
        await stores.judgements.save_image_score([fact], [image_score_event(fact)], [], fact.judged_at)
    assert [event.event_id for event in await waiting_events(stores)] == [early.event_id, late.event_id]


# --- Anchors ---------------------------------------------------------------------------------------------


async def test_the_first_outcome_of_an_anchor_and_night_stands(stores: Stores) -> None:
    await stores.enroll("p1")
    done = await leased(stores, "a")
    first = [outcome("p1", "2025-03-03", Label.IRRELEVANT), outcome("p1", "2025-03-04", Label.HIGHLY_RELEVANT)]
    await stores.judgements.save_anchor_outcomes(first, done, NOON)
    await stores.judgements.save_anchor_outcomes([outcome("p1", "2025-03-03", Label.HIGHLY_RELEVANT)], [], NOON)
    assert await stores.anchor_grades() == {("p1", "2025-03-03"): 0, ("p1", "2025-03-04"): 2}
    assert (await stores.task("a")).state == "done"


# --- PostgreSQL alone ------------------------------------------------------------------------------------


async def test_what_a_model_writes_is_stored_without_the_character_postgres_refuses(work_pool: Pool) -> None:
    judgements = PostgresStores(work_pool).judgements
    await judgements.save_labels([label("a", reasoning="gr\x00een")], [], [], NOON)
    await judgements.save_image_score([score("s", reasoning="\x00sharp")], [], [], NOON)
    await judgements.save_description("h", "d", "m", "blue\x00")
    assert await work_pool.fetchval("SELECT reasoning FROM assay.relevance_labels") == "green"
    assert await work_pool.fetchval("SELECT reasoning FROM assay.image_scores") == "sharp"
    assert await judgements.description("h", "d", "m") == "blue"


async def test_a_save_that_fails_leaves_nothing_of_it(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    done = await leased(stores, "a")
    wrong = dataclasses.replace(relevance_event(label("a")), topic="a\x00b")
    with pytest.raises(Exception, match="0x00"):
        await stores.judgements.save_labels([label("a")], [wrong], done, NOON)
    assert await stores.judgements.labels(["a"]) == set()
    assert (await stores.task("a")).state == "running"


async def test_a_score_that_fails_queues_nothing(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    done = await leased(stores, "a")
    with pytest.raises(Exception, match="0x00"):
        await stores.judgements.save_image_score([score("s", image_url="\x00")], [], done, NOON, [task("label")])
    assert await work_pool.fetchval("SELECT count(*) FROM assay_data.tasks") == 1
    assert (await stores.task("a")).state == "running"


async def test_a_row_that_no_table_takes_fails_its_own_saver_and_no_neighbour(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    good, bad = [label(f"good{n}") for n in range(5)], label("bad", listing_id="a\x00b")
    ends = await asyncio.gather(
        *(
            stores.judgements.save_labels([fact], [relevance_event(fact)], [], NOON)
            for fact in (*good[:2], bad, *good[2:])
        ),
        return_exceptions=True,
    )
    assert [isinstance(end, Exception) for end in ends] == [False, False, True, False, False, False]
    assert set(await stores.reasonings()) == {fact.content_key for fact in good}
    assert len(await waiting_events(stores)) == 5


async def test_replicas_that_save_the_same_labels_at_once_save_each_once(work_pool: Pool) -> None:
    stores = PostgresStores(work_pool)
    facts = [label(f"k{n}") for n in range(300)]

    async def save(mine: list[object]) -> None:
        given = [fact for fact in facts if fact in mine]
        await stores.judgements.save_labels(given, [relevance_event(fact) for fact in given], [], NOON)

    await asyncio.gather(*(save(list(facts[start:])) for start in (0, 50, 0, 100, 0, 25)))
    assert len(await waiting_events(stores)) == len(facts)


async def test_the_newest_label_is_the_one_that_rankers_see(work_pool: Pool) -> None:
    judgements = PostgresStores(work_pool).judgements
    old, new = label("a", label=Label.IRRELEVANT), label("b", label=Label.HIGHLY_RELEVANT, judged_at=NOON + HOUR)
    await judgements.save_labels([new], [], [], NOON)
    await judgements.save_labels([old], [], [], NOON)
    rows = await work_pool.fetch("SELECT label, grade, event_id FROM assay.relevance_labels")
    assert [tuple(row) for row in rows] == [("highly_relevant", 2, new.event_id)]
    assert await work_pool.fetchval("SELECT count(*) FROM assay.relevance_label_history") == 2
