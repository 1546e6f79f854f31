"""Listings as they are held against scores: a cell takes so many and says what it left out."""

from __future__ import annotations

from core.domain.images.buyers.cells import Done, at_most, then_and_now

MANY = [Done(f"L{n}", "lamps", float(n), 10, 5.0, n % 3, 0, 0) for n in range(200)]
SCORES = {each.listing_id: float(n % 9 + 1) for n, each in enumerate(MANY)}


def test_a_figure_of_more_listings_than_it_takes_is_of_the_same_ones_in_any_order_and_says_so() -> None:
    taken, cut = at_most(MANY, SCORES, "click", most=50)
    again, _ = at_most(MANY[::-1], SCORES, "click", most=50)
    assert [each.listing_id for each in taken] == [each.listing_id for each in again]
    assert (len(taken), cut) == (50, "50 of 200 listings")


def test_only_listings_with_a_score_and_something_to_do_with_count_towards_the_most() -> None:
    scored = {f"L{n}": 5.0 for n in range(60)}
    taken, cut = at_most(MANY, scored, "purchase", most=50)
    assert {each.listing_id for each in taken} == {f"L{n}" for n in range(60) if n % 3}
    assert cut == ""


def test_few_listings_are_taken_as_they_are() -> None:
    assert at_most(MANY, SCORES, "click") == (MANY, "")


def test_a_fall_is_weighed_over_the_same_listings_then_and_now() -> None:
    then, now = then_and_now(MANY, MANY[100:], SCORES, SCORES, 3, most=40)
    assert then.score.size == now.score.size == 40
