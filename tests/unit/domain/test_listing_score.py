"""A listing's score from its pictures' scores, and which of a student's pictures the judge looks at."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.labelling import why_labelled
from core.domain.images.listing_score import listing_score
from core.domain.images.student import StudentSays

SCORE = st.integers(1, 10)


@dataclass(frozen=True)
class Unmoved:
    version: str = "student@1"
    extractor: str = "pixels-1"
    unsure_above: float = 1.5

    def says(self, features: bytes) -> StudentSays:
        raise AssertionError("not asked")


def doubt(spread: float) -> StudentSays:
    return StudentSays(5.0, spread, {}, "")


def test_the_main_picture_counts_seven_tenths() -> None:
    assert listing_score(9, [5, 7]) == pytest.approx(0.7 * 9 + 0.3 * 6)


def test_one_picture_alone_is_the_listings_score() -> None:
    assert listing_score(4, []) == 4.0


def test_without_the_main_pictures_score_there_is_none() -> None:
    assert listing_score(None, [9, 9]) is None


@given(SCORE, st.lists(SCORE, max_size=8))
def test_it_lies_between_the_worst_and_the_best_picture(primary: int, others: list[int]) -> None:
    found = listing_score(primary, others)
    assert found is not None
    assert min(primary, *others, 10) - 1e-9 <= found <= max(primary, *others, 1) + 1e-9


@given(SCORE, SCORE, st.lists(SCORE, max_size=8))
def test_a_better_main_picture_never_lowers_it(one: int, other: int, others: list[int]) -> None:
    low, high = listing_score(min(one, other), others), listing_score(max(one, other), others)
    assert low is not None
    assert high is not None
    assert low <= high


@pytest.mark.parametrize(("spread", "why"), [(1.5, None), (1.6, "unsure")])
def test_a_picture_the_student_is_unsure_of_is_labelled(spread: float, why: str | None) -> None:
    assert why_labelled(doubt(spread), Unmoved(), "h", 0.0) == why


def test_the_random_share_is_chosen_by_the_picture_alone() -> None:
    hashes = [f"hash {n}" for n in range(4_000)]
    sure = [h for h in hashes if why_labelled(doubt(0.1), Unmoved(), h, 0.05) == "random"]
    unsure = [h for h in hashes if why_labelled(doubt(9.0), Unmoved(), h, 0.05) == "random"]
    assert sure == unsure
    assert 0.035 < len(sure) / len(hashes) < 0.065
