"""What is queued and in which order: the random share is a sample, the rest is what teaches most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.domain.review.drawing import Frame, disagreement, draw, frame_of, teaches

PART = st.floats(0, 1)
SIGNS = st.tuples(PART, PART, st.integers(0, 10_000), st.booleans(), st.booleans())


def framed(rows: list[tuple[float, float, int, bool, bool]]) -> Frame:
    """Disagreement, confidence, searches, named by an alert, queued: a row a candidate."""
    disagreements, sure, searches, drift, queued = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return frame_of(range(len(rows)), disagreements, sure, searches, [float(each) for each in drift], queued)


FRAMES = st.lists(SIGNS, max_size=60).map(framed)


def plain(n: int) -> Frame:
    return framed([(0.0, 0.5, 10, False, False)] * n)


# --- The queue as a whole --------------------------------------------------------------------------------


@given(FRAMES, st.integers(1, 80), PART, st.integers(0, 9))
def test_nobody_gets_an_item_twice(frame: Frame, items: int, share: float, seed: int) -> None:
    drawn = draw(frame, items, share, np.random.default_rng(seed))
    assert len({each.index for each in drawn}) == len(drawn) <= min(items, len(frame))


@given(FRAMES, st.integers(1, 80), PART, st.integers(0, 9))
def test_places_count_up_from_nought(frame: Frame, items: int, share: float, seed: int) -> None:
    drawn = draw(frame, items, share, np.random.default_rng(seed))
    assert [each.place for each in drawn] == list(range(len(drawn)))


@given(FRAMES, st.integers(1, 80), PART, st.integers(0, 9))
def test_the_random_share_is_as_large_as_asked(frame: Frame, items: int, share: float, seed: int) -> None:
    wanted = min(items, len(frame))
    at_random = sum(each.drawn == "random" for each in draw(frame, items, share, np.random.default_rng(seed)))
    assert share * wanted - 1e-6 <= at_random < share * wanted + 1


def test_an_empty_frame_gives_nothing() -> None:
    assert draw(plain(0), 10, 0.5, np.random.default_rng(1)) == []


# --- The random share ------------------------------------------------------------------------------------


@given(st.lists(SIGNS, min_size=1, max_size=60), st.integers(1, 60), PART, st.integers(0, 9), st.randoms())
def test_nothing_known_of_an_item_enters_the_random_share(
    rows: list[tuple[float, float, int, bool, bool]], items: int, share: float, seed: int, other: object
) -> None:
    shuffled = list(rows)
    other.shuffle(shuffled)  # type: ignore[attr-defined]
    picked = [
        [each.index for each in draw(framed(kept), items, share, np.random.default_rng(seed)) if each.drawn == "random"]
        for kept in (rows, shuffled)
    ]
    assert picked[0] == picked[1]


@given(FRAMES, st.integers(1, 80), PART, st.integers(0, 9))
def test_each_random_item_carries_its_probability(frame: Frame, items: int, share: float, seed: int) -> None:
    drawn = [each for each in draw(frame, items, share, np.random.default_rng(seed)) if each.drawn == "random"]
    assert {each.probability for each in drawn} <= {len(drawn) / max(1, len(frame))}


def test_every_candidate_is_drawn_as_often_as_its_probability_says() -> None:
    rows = [(place / 20, 0.5, place * 50, place % 3 == 0, place % 4 == 0) for place in range(20)]
    frame, times = framed(rows), 4_000
    counts = np.zeros(20)
    for seed in range(times):
        counts[
            [each.index for each in draw(frame, 10, 0.5, np.random.default_rng(seed)) if each.drawn == "random"]
        ] += 1
    assert stats.chisquare(counts, np.full(20, times * 5 / 20)).pvalue > 0.001


def test_a_weighted_total_of_the_random_share_is_unbiased() -> None:
    """Though the queue's order follows what is estimated."""
    rows = [(float(place % 7 == 0), 0.5, 10, False, False) for place in range(70)]
    frame = framed(rows)
    totals = []
    for seed in range(2_000):
        drawn = draw(frame, 20, 0.5, np.random.default_rng(seed))
        totals.append(sum(rows[each.index][0] / each.probability for each in drawn if each.drawn == "random"))
    assert np.mean(totals) == pytest.approx(10, abs=4 * np.std(totals) / np.sqrt(len(totals)))


def test_any_beginning_of_the_queue_has_its_part_of_the_random_share() -> None:
    drawn = draw(plain(1_000), 100, 0.2, np.random.default_rng(1))
    assert [sum(each.drawn == "random" for each in drawn[:n]) for n in (10, 50, 100)] == [2, 10, 20]


# --- What teaches most -----------------------------------------------------------------------------------


@given(FRAMES, st.integers(1, 80), st.integers(0, 9))
def test_the_rest_is_what_teaches_most_in_its_order(frame: Frame, items: int, seed: int) -> None:
    drawn = draw(frame, items, 0.0, np.random.default_rng(seed))
    free = np.flatnonzero(~frame.queued)
    best = sorted(teaches(frame)[free], reverse=True)[: len(drawn)]
    assert [each.teaches for each in drawn] == pytest.approx(best)
    assert {each.probability for each in drawn} <= {1.0}


def test_what_is_queued_already_is_not_chosen_again() -> None:
    frame = framed([(1.0, 0.1, 100, True, True), (0.2, 0.9, 1, False, False)])
    assert [each.index for each in draw(frame, 2, 0.0, np.random.default_rng(1))] == [1]


@pytest.mark.parametrize("place", range(4), ids=["disagreement", "doubt", "traffic", "drift"])
def test_each_sign_alone_makes_an_answer_teach_more(place: int) -> None:
    usual = [0.2, 0.8, 10, False, False]
    more = [0.7, 0.3, 1_000, True, False]
    changed = [*usual[:place], more[place], *usual[place + 1 :]]
    without, with_it = teaches(framed([tuple(usual), tuple(changed)]))  # type: ignore[list-item]
    assert with_it > without


def test_where_nothing_speaks_against_the_judge_nothing_is_learned() -> None:
    assert teaches(framed([(0.0, 1.0, 1_000_000, False, False)])) == [0.0]


def test_a_confidence_that_was_not_told_is_no_doubt() -> None:
    assert teaches(framed([(0.0, float("nan"), 5, False, False)])) == [0.0]


@given(FRAMES)
def test_what_an_answer_teaches_is_a_share(frame: Frame) -> None:
    worth = teaches(frame)
    assert ((worth >= 0) & (worth <= 1)).all()


@pytest.mark.parametrize(
    ("grades", "ends", "apart"), [([0, 2], (0, 2), 1.0), ([1, 2, 2], (0, 2), 0.5), ([4], (1, 10), 0.0), ([], (0, 2), 0)]
)
def test_disagreement_is_the_part_of_the_scale_between_judges(
    grades: list[int], ends: tuple[int, int], apart: float
) -> None:
    assert disagreement(grades, *ends) == apart
