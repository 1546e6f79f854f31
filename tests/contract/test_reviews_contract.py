"""The review queue: what the port promises, in memory and in PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from core.access_ports import AuditFilter
from core.adapters.audit import PostgresAudit
from core.adapters.postgres import Pool
from core.adapters.reviews import PostgresReviews
from core.domain.access import AuditEntry
from core.domain.review.answers import Act, ratings_of
from core.review_ports import AnswerFilter, Candidate, Progress, ReviewRefused, ReviewStore
from tests.support.fake_reviews import InMemoryReviews
from tests.support.fakes import NOON
from tests.support.sample_reviews import asked, candidate, filling, opinion

LEASE_S = 600.0
LATER = NOON + timedelta(minutes=1)
SOFA, CHAIR = candidate("L1"), candidate("L2")


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def reviews(request: pytest.FixtureRequest) -> ReviewStore:
    if request.param == "fake":
        return InMemoryReviews()
    return PostgresReviews(request.getfixturevalue("work_pool"))


async def filled(reviews: ReviewStore, candidates: Sequence[Candidate], needed: int = 1, number: int = 1) -> int:
    rows = [asked(each, place) for place, each in enumerate(candidates)]
    return await reviews.fill(filling(number=number, items=len(rows)), rows, needed)


async def taken(reviews: ReviewStore, reviewer: str = "ada", minutes: int = 0) -> UUID | None:
    item = await reviews.take(reviewer, "relevance", NOON + timedelta(minutes=minutes), LEASE_S)
    return item.item_id if item else None


def item_id(each: Candidate) -> UUID:
    return each.subject.item_id


# --- Taking ----------------------------------------------------------------------------------------------


async def test_an_empty_queue_gives_nothing(reviews: ReviewStore) -> None:
    assert await reviews.take("ada", "relevance", NOON, LEASE_S) is None


async def test_an_item_comes_back_whole(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA], needed=3)
    item = await reviews.take("ada", "relevance", NOON, LEASE_S)
    assert item is not None
    assert (item.subject, item.listing, item.segment) == (SOFA.subject, SOFA.listing, SOFA.segment)
    assert (item.needed, item.decided, item.guideline) == (3, None, None)


async def test_items_come_by_their_place(reviews: ReviewStore) -> None:
    await filled(reviews, [CHAIR, SOFA])
    assert await taken(reviews) == item_id(CHAIR)


async def test_what_is_on_screen_stays_on_screen(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR])
    assert await taken(reviews) == await taken(reviews, minutes=1) == item_id(SOFA)


async def test_what_one_has_on_screen_another_does_not_get(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR])
    assert [await taken(reviews), await taken(reviews, "bob")] == [item_id(SOFA), item_id(CHAIR)]


async def test_two_who_take_at_once_get_two_items(reviews: ReviewStore) -> None:
    await filled(reviews, [candidate(f"L{n}") for n in range(8)])
    got = await asyncio.gather(*(taken(reviews, f"reviewer-{n}") for n in range(8)))
    assert len(set(got)) == 8


async def test_an_item_for_two_is_on_two_screens(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA], needed=2)
    assert [await taken(reviews, who) for who in ("ada", "bob", "cem")] == [item_id(SOFA), item_id(SOFA), None]


async def test_a_lease_that_ended_gives_the_item_to_another(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await taken(reviews)
    assert await taken(reviews, "bob", minutes=11) == item_id(SOFA)


async def test_each_kind_has_its_own_queue(reviews: ReviewStore) -> None:
    picture = candidate("P1", kind="image")
    await reviews.fill(filling("image"), [asked(picture)], 1)
    assert await taken(reviews) is None
    item = await reviews.take("ada", "image", NOON, LEASE_S)
    assert item is not None
    assert item.subject == picture.subject


# --- Answering -------------------------------------------------------------------------------------------


async def test_nobody_gets_an_item_twice(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR], needed=5)
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.answer(item_id(CHAIR), "ada", None, "", NOON)
    assert await taken(reviews) is None


async def test_enough_answers_close_an_item(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    assert await taken(reviews, "bob") is None


async def test_a_skip_leaves_the_item_to_others(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", None, "", NOON)
    assert await taken(reviews, "bob") == item_id(SOFA)


async def test_a_second_answer_is_refused(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA], needed=2)
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    with pytest.raises(ReviewRefused, match="already"):
        await reviews.answer(item_id(SOFA), "ada", 1, "", NOON)
    assert ratings_of(await reviews.acts(item_id(SOFA))) == {"ada": 2}


async def test_an_answer_to_nothing_is_refused(reviews: ReviewStore) -> None:
    with pytest.raises(ReviewRefused, match="no such item"):
        await reviews.answer(uuid.UUID(int=9), "ada", 2, "", NOON)


async def test_an_answer_that_comes_late_counts_too(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "bob", 1, "", NOON)
    await reviews.answer(item_id(SOFA), "ada", 1, "after lunch", LATER)
    assert ratings_of(await reviews.acts(item_id(SOFA))) == {"bob": 1, "ada": 1}


async def test_what_was_said_of_it_is_kept_whole(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", 0, "a chair", NOON)
    await reviews.remark(item_id(SOFA), "ada", "no sofa at all", ["category"], LATER)
    answer, remark = await reviews.acts(item_id(SOFA))
    assert (answer.act, answer.grade, answer.note, answer.blind, answer.at) == ("answer", 0, "a chair", True, NOON)
    assert (remark.act, remark.note, remark.tags, remark.at) == ("remark", "no sofa at all", ("category",), LATER)


# --- Taking back -----------------------------------------------------------------------------------------


async def test_undo_takes_the_newest_answer_back_and_puts_its_item_on_screen(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.answer(item_id(CHAIR), "ada", 1, "", LATER)
    assert await reviews.undo("ada", "relevance", LATER, LEASE_S) == item_id(CHAIR)
    assert await taken(reviews, minutes=1) == item_id(CHAIR)
    assert ratings_of(await reviews.acts(item_id(CHAIR))) == {}


async def test_an_undo_is_a_row_of_its_own(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    kept = await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.undo("ada", "relevance", LATER, LEASE_S)
    told = [(act.act, act.grade, act.undoes) for act in await reviews.acts(item_id(SOFA))]
    assert told == [("answer", 2, None), ("undo", None, kept.act_id)]


async def test_undo_goes_back_step_by_step(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.answer(item_id(CHAIR), "ada", None, "", LATER)
    undone = [await reviews.undo("ada", "relevance", LATER, LEASE_S) for _ in range(2)]
    assert undone == [item_id(CHAIR), item_id(SOFA)]


async def test_there_is_nothing_to_take_back_twice(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.undo("ada", "relevance", LATER, LEASE_S)
    with pytest.raises(ReviewRefused, match="nothing"):
        await reviews.undo("ada", "relevance", LATER, LEASE_S)


async def test_nobody_takes_back_what_another_said(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    with pytest.raises(ReviewRefused):
        await reviews.undo("bob", "relevance", LATER, LEASE_S)


async def test_an_answer_after_an_undone_one_is_not_blind(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.undo("ada", "relevance", LATER, LEASE_S)
    assert not (await reviews.answer(item_id(SOFA), "ada", 1, "", LATER)).blind


async def test_an_answer_after_an_undone_skip_is_blind(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await reviews.answer(item_id(SOFA), "ada", None, "", NOON)
    await reviews.undo("ada", "relevance", LATER, LEASE_S)
    assert (await reviews.answer(item_id(SOFA), "ada", 1, "", LATER)).blind


# --- Deciding --------------------------------------------------------------------------------------------


async def disagreeing(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR], needed=2)
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await reviews.answer(item_id(SOFA), "bob", 0, "", NOON)


async def test_answers_that_differ_wait_for_a_decision(reviews: ReviewStore) -> None:
    await disagreeing(reviews)
    (found,) = await reviews.answered(AnswerFilter("relevance", disputed=True))
    assert found.item.item_id == item_id(SOFA)
    assert (await reviews.progress("ada", "relevance", NOON)).disputed == 1


async def test_a_decision_ends_the_dispute(reviews: ReviewStore) -> None:
    await disagreeing(reviews)
    await reviews.decide(item_id(SOFA), "eve", 1, "a sofa bed", LATER)
    assert await reviews.answered(AnswerFilter("relevance", disputed=True)) == []
    (found,) = await reviews.answered(AnswerFilter("relevance"))
    assert (found.item.decided, found.acts[-1].note, found.acts[-1].reviewer) == (1, "a sofa bed", "eve")


async def test_a_later_decision_replaces_the_first(reviews: ReviewStore) -> None:
    await disagreeing(reviews)
    await reviews.decide(item_id(SOFA), "eve", 1, "a sofa bed", LATER)
    await reviews.decide(item_id(SOFA), "eve", 0, "on a second look", LATER)
    item = await reviews.item(item_id(SOFA))
    assert item is not None
    assert item.decided == 0


async def test_what_nobody_answered_is_not_decided(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    with pytest.raises(ReviewRefused, match="nobody"):
        await reviews.decide(item_id(SOFA), "eve", 1, "", NOON)


async def test_after_a_decision_no_answer_is_taken_back(reviews: ReviewStore) -> None:
    await disagreeing(reviews)
    await reviews.decide(item_id(SOFA), "eve", 1, "a sofa bed", LATER)
    with pytest.raises(ReviewRefused, match="decided"):
        await reviews.undo("ada", "relevance", LATER, LEASE_S)


async def test_after_a_decision_nobody_answers(reviews: ReviewStore) -> None:
    await disagreeing(reviews)
    await reviews.decide(item_id(SOFA), "eve", 1, "a sofa bed", LATER)
    with pytest.raises(ReviewRefused, match="decided"):
        await reviews.answer(item_id(SOFA), "cem", 1, "", LATER)


# --- Filling ---------------------------------------------------------------------------------------------


async def test_an_item_is_queued_once_however_often_it_is_drawn(reviews: ReviewStore) -> None:
    assert await filled(reviews, [SOFA]) == 1
    assert await filled(reviews, [CHAIR, SOFA], number=2) == 1
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    await filled(reviews, [SOFA], number=3)
    assert await taken(reviews) == item_id(CHAIR)


async def test_the_probability_of_each_draw_is_kept(reviews: ReviewStore) -> None:
    await reviews.fill(filling(number=1), [asked(SOFA, 0, "random", 0.25), asked(CHAIR, 1)], 1)
    await reviews.fill(filling(number=2), [asked(CHAIR, 0, "random", 0.5)], 1)
    for each in (SOFA, CHAIR):
        await reviews.answer(item_id(each), "ada", 2, "", NOON)
    found = {each.item.item_id: each.random_in for each in await reviews.answered(AnswerFilter("relevance"))}
    assert found == {item_id(SOFA): {uuid.UUID(int=1): 0.25}, item_id(CHAIR): {uuid.UUID(int=2): 0.5}}


async def test_opinions_are_kept_once_the_shadows_last(reviews: ReviewStore) -> None:
    live, lite = opinion("live@1"), opinion("lite@2", 0, content_key="k2", judged_at=LATER, shadow=True)
    both = candidate("L1", opinions=[lite, live])
    await filled(reviews, [both])
    await filled(reviews, [both], number=2)
    assert list(await reviews.opinions(item_id(both))) == [live, lite]


async def test_an_anchor_stays_one(reviews: ReviewStore) -> None:
    await filled(reviews, [candidate("L1", anchors=True)])
    await filled(reviews, [SOFA], number=2)
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON)
    (found,) = await reviews.answered(AnswerFilter("relevance"))
    assert found.anchors


async def test_fillings_are_told_newest_first(reviews: ReviewStore) -> None:
    old, new = filling(number=1), filling(number=2, at=LATER)
    await reviews.fill(old, [asked(SOFA)], 1)
    await reviews.fill(new, [asked(SOFA)], 1)
    assert list(await reviews.fills("relevance", 5)) == [new, old]


async def test_answered_items_are_counted_by_filling(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR])
    await reviews.answer(item_id(SOFA), "ada", 1, "", NOON)
    await reviews.answer(item_id(CHAIR), "ada", None, "", NOON)
    known, nothing = filling(number=1).fill_id, uuid.UUID(int=404)
    assert dict(await reviews.answered_of([known, nothing])) == {known: 1, nothing: 0}


async def test_answers_of_one_filling_are_told_alone(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA])
    await filled(reviews, [CHAIR], number=2)
    for each in (SOFA, CHAIR):
        await reviews.answer(item_id(each), "ada", 2, "", NOON)
    (found,) = await reviews.answered(AnswerFilter("relevance", fill=uuid.UUID(int=2)))
    assert found.item.item_id == item_id(CHAIR)


async def test_progress_counts_what_is_left_and_what_is_done(reviews: ReviewStore) -> None:
    await filled(reviews, [SOFA, CHAIR, candidate("L3")])
    await reviews.answer(item_id(SOFA), "ada", 2, "", NOON - timedelta(days=1))
    await reviews.answer(item_id(CHAIR), "ada", 2, "", NOON)
    assert await reviews.progress("ada", "relevance", NOON) == Progress(waiting=1, today=1, disputed=0)


async def test_a_random_share_is_told_whole_and_alone(reviews: ReviewStore) -> None:
    await reviews.fill(filling(number=1), [asked(SOFA, 0, "random", 0.25), asked(CHAIR, 1)], 1)
    await reviews.fill(filling(number=2), [asked(candidate("L3"), 0, "random", 0.5)], 1)
    await reviews.answer(item_id(CHAIR), "ada", 2, "", NOON)
    first = await reviews.answered(AnswerFilter("relevance", fill=uuid.UUID(int=1), at_random=True))
    every = await reviews.answered(AnswerFilter("relevance", at_random=True))
    assert [each.item.item_id for each in first] == [item_id(SOFA)]
    assert {each.item.item_id for each in every} == {item_id(SOFA), item_id(candidate("L3"))}


# --- Audit -----------------------------------------------------------------------------------------------


def audited(act: Act) -> AuditEntry:
    return AuditEntry(act.at, act.reviewer, "review", f"review.{act.act}", str(act.item_id))


async def test_the_audit_entry_of_every_act_is_kept_with_it(
    reviews: ReviewStore, request: pytest.FixtureRequest
) -> None:
    await filled(reviews, [SOFA, CHAIR])
    await reviews.answer(item_id(SOFA), "ada", 1, "", NOON, audited)
    await reviews.remark(item_id(SOFA), "ada", "odd", ["brand"], NOON, audited)
    await reviews.answer(item_id(CHAIR), "ada", None, "", LATER, audited)
    await reviews.undo("ada", "relevance", LATER, LEASE_S, audited)
    await reviews.decide(item_id(SOFA), "olaf", 2, "because", LATER, audited)
    audit = (
        reviews.audit if isinstance(reviews, InMemoryReviews) else PostgresAudit(request.getfixturevalue("work_pool"))
    )
    kept = [row.entry for row in await audit.entries(AuditFilter(act="review"))][::-1]
    assert [each.act for each in kept] == [f"review.{act}" for act in ("answer", "remark", "skip", "undo", "decision")]
    assert [each.subject for each in kept] == [str(item_id(each)) for each in (SOFA, SOFA, CHAIR, CHAIR, SOFA)]


@pytest.mark.postgres
async def test_without_its_audit_entry_nothing_is_kept(work_pool: Pool) -> None:
    reviews = PostgresReviews(work_pool)
    await filled(reviews, [SOFA])
    with pytest.raises(asyncpg.CheckViolationError):
        await reviews.answer(item_id(SOFA), "ada", 1, "", NOON, lambda act: replace(audited(act), who=""))
    assert list(await reviews.acts(item_id(SOFA))) == []
