"""Ladders of scores: what counts as kept, and how it is added up."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.metamorphic import ALL, TRANSFORMS, Ladder, orders, rises

SCORES = st.integers(1, 10) | st.none()
LADDERS = st.lists(
    st.builds(
        Ladder,
        st.sampled_from([f"picture {number}" for number in range(12)]),
        st.sampled_from(TRANSFORMS),
        st.tuples(SCORES, SCORES, SCORES, SCORES),
    ),
    max_size=40,
)


@given(st.tuples(SCORES, SCORES, SCORES, SCORES))
def test_a_ladder_is_kept_where_no_stronger_answer_is_above_any_weaker_one(scores: tuple[int | None, ...]) -> None:
    known = [score for score in scores if score is not None]
    assert Ladder("p", "blur", scores).kept == all(weak >= strong for weak, strong in combinations(known, 2))


@given(LADDERS)
def test_every_ladder_with_two_answers_is_kept_or_named_with_its_largest_rise(ladders: list[Ladder]) -> None:
    found = orders(ladders)[0]
    named = rises(ladders)
    assert found.ladders == found.kept + len(named)
    assert all(rise.after > rise.before and rise.stronger > rise.weaker for rise in named)
    assert [rise.after - rise.before for rise in named] == sorted((r.after - r.before for r in named), reverse=True)


@given(LADDERS)
def test_transforms_add_up_to_all_of_them(ladders: list[Ladder]) -> None:
    whole, *parts = orders(ladders)
    assert whole.transform == ALL
    assert [sum(getattr(part, name) for part in parts) for name in ("ladders", "kept", "flat", "unanswered")] == [
        getattr(whole, name) for name in ("ladders", "kept", "flat", "unanswered")
    ]


@given(LADDERS)
def test_a_share_lies_inside_its_interval(ladders: list[Ladder]) -> None:
    for order in orders(ladders):
        assert order.share is None or (order.low or 0.0) <= order.share <= (order.high or 0.0) + 1e-9


@given(LADDERS)
def test_flat_ladders_are_kept_ones(ladders: list[Ladder]) -> None:
    assert all(order.flat <= order.kept <= order.ladders for order in orders(ladders))


def test_ties_are_told_from_falls_step_by_step() -> None:
    [_, blur] = orders([Ladder("a", "blur", (9, 9, 5, 6)), Ladder("b", "blur", (9, 7, 7, 7))])
    assert [(step.strength, step.fell, step.tied, step.rose) for step in blur.steps] == [
        (1, 1, 1, 0),
        (2, 1, 1, 0),
        (3, 0, 1, 1),
    ]
    assert (blur.kept, blur.share, blur.mean_drop) == (1, 0.5, 2.5)


def test_a_step_over_a_missing_answer_goes_from_the_nearest_one_before() -> None:
    [_, blur] = orders([Ladder("a", "blur", (5, None, 8, 2))])
    assert [(step.strength, step.rose) for step in blur.steps] == [(2, 1), (3, 0)]
    assert blur.unanswered == 1


def test_pictures_that_are_all_alike_count_once_each_however_many_ladders_they_have() -> None:
    ladders = [Ladder(f"p{number}", name, (9, 7, 5, 3)) for number in range(10) for name in TRANSFORMS]
    whole, *parts = orders(ladders)
    assert whole.ladders == 50
    assert whole.low == parts[0].low


def test_without_ladders_nothing_is_claimed() -> None:
    [whole] = orders([])
    assert (whole.share, whole.low, whole.mean_drop) == (None, None, None)
