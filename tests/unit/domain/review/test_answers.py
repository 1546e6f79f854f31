"""What people did with an item, and what it comes to."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from core.domain.review.answers import Act, decided, is_disputed, ratings_of, remark_of, standing, truth_of
from core.domain.review.export import dataset_item
from core.domain.review.tags import TAGS, known_tags
from tests.support.fakes import NOON
from tests.support.sample_reviews import candidate

ANSWER = Act(1, UUID(int=1), "ada", "answer", 2, True, None, "", (), NOON)
UNDO = Act(2, UUID(int=1), "ada", "undo", None, True, 1, "", (), NOON)
AGAIN = replace(ANSWER, act_id=3, grade=1, blind=False)
BOB = replace(ANSWER, act_id=4, reviewer="bob", grade=0)
SKIP = replace(ANSWER, act_id=5, reviewer="cem", act="skip", grade=None)
DECISION = replace(ANSWER, act_id=6, reviewer="eve", act="decision", grade=1, note="a sofa bed")


def test_what_was_taken_back_does_not_stand() -> None:
    assert standing([ANSWER, UNDO]) == []


def test_what_was_said_after_stands() -> None:
    assert standing([ANSWER, UNDO, AGAIN, SKIP]) == [AGAIN, SKIP]


def test_a_skip_is_no_rating() -> None:
    assert ratings_of([ANSWER, BOB, SKIP]) == {"ada": 2, "bob": 0}


def test_an_answer_after_the_label_was_seen_is_not_blind() -> None:
    assert ratings_of([ANSWER, UNDO, AGAIN, BOB], blind=True) == {"bob": 0}


@pytest.mark.parametrize(
    ("ratings", "decision", "truth"),
    [({}, None, None), ({"a": 2, "b": 1}, None, 1), ({"a": 2, "b": 2, "c": 0}, None, 2), ({"a": 2, "b": 0}, 2, 2)],
)
def test_what_counts_is_the_decision_else_the_median_rounded_down(
    ratings: dict[str, int], decision: int | None, truth: int | None
) -> None:
    assert truth_of(ratings, decision) == truth


@pytest.mark.parametrize(
    ("ratings", "needed", "decision", "disputed"),
    [
        ({"a": 2, "b": 0}, 2, None, True),
        ({"a": 2, "b": 2}, 2, None, False),
        ({"a": 2, "b": 0}, 3, None, False),
        ({"a": 2, "b": 0}, 2, 1, False),
    ],
)
def test_a_dispute_is_a_difference_between_all_who_were_asked(
    ratings: dict[str, int], needed: int, decision: int | None, disputed: bool
) -> None:
    assert is_disputed(ratings, needed, decision) == disputed


def test_the_newest_decision_counts() -> None:
    later = replace(DECISION, act_id=7, grade=0)
    assert decided([ANSWER, DECISION, later]) == later


def test_the_newest_remark_of_a_reviewer_counts() -> None:
    noted = replace(ANSWER, note="a chair")
    remark = replace(ANSWER, act_id=8, act="remark", grade=None, note="", tags=("brand",))
    assert remark_of([noted], "ada") == ("a chair", ())
    assert remark_of([noted, remark], "ada") == ("", ("brand",))
    assert remark_of([noted, remark], "bob") == ("", ())


def test_the_same_pair_is_the_same_item_whichever_way_it_comes() -> None:
    assert candidate("L1", dataset="d@1").subject.item_id == candidate("L1").subject.item_id
    assert candidate("L1").subject.item_id != candidate("L2").subject.item_id


def test_a_product_that_changed_is_another_item() -> None:
    subject = candidate("L1").subject
    assert replace(subject, content_hash="h2").item_id != subject.item_id


def test_an_exported_item_has_its_reviewers_as_raters() -> None:
    told = candidate("L1")
    item = dataset_item(told.subject, told.listing, told.segment, [ANSWER, BOB, DECISION], 0.5)
    assert item is not None
    assert (item.ratings, item.truth, item.listing) == ({"ada": 2, "bob": 0}, 1, told.listing)


def test_what_nobody_answered_is_not_exported() -> None:
    told = candidate("L1")
    assert dataset_item(told.subject, told.listing, told.segment, [SKIP], 0.5) is None


def test_there_are_nine_classes_each_under_its_key() -> None:
    assert [each.key for each in TAGS] == [str(n) for n in range(1, 10)]


def test_what_is_no_class_is_left_out() -> None:
    assert known_tags(["style", "nonsense", "brand", "brand"]) == ("brand", "style")
