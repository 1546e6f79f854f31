"""The memory of a fold is bounded: beyond that whole listings are left out, and what is told of others stays right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.buyers.exposures import CLICK, Bounds, DaySums

US = ("shop", "us")
FREE = Bounds(1.0, 100, 1_000)


def counted(searches: list[tuple[int, list[int]]], bounds: Bounds) -> DaySums:
    sums = DaySums()
    for query, shown in searches:
        places = {f"L{listing}": place for place, listing in enumerate(dict.fromkeys(shown), 1)}
        sums.count(US, query, places, {next(iter(places)): CLICK}, bounds)
    return sums


pages = st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 60), min_size=1, max_size=8)), min_size=1)


@given(pages)
def test_a_fold_holds_no_more_places_than_its_bound_and_knows_how_many(searches: list[tuple[int, list[int]]]) -> None:
    sums = counted(searches, Bounds(1.0, 100, 3, max_places=20))
    market = sums.markets[US]
    assert sums.held == len(market.places) + sum(map(len, market.queries.kept.values())) <= 20


@given(pages)
def test_of_the_listings_that_are_kept_every_impression_and_click_is(searches: list[tuple[int, list[int]]]) -> None:
    whole, cut = counted(searches, FREE), counted(searches, Bounds(1.0, 100, 1_000, max_places=20))
    kept = {place.listing_id for place in cut.markets[US].places}
    told = {place: cell for place, cell in whole.markets[US].places.items() if place.listing_id in kept}
    assert cut.markets[US].places == told
    assert cut.impressions == whole.impressions


def test_a_day_that_was_cut_says_so() -> None:
    bounds = Bounds(1.0, 100, 1_000, max_places=20)
    assert counted([(1, list(range(30)))], FREE).note(FREE) == ""
    assert "more than 20 places" in counted([(1, list(range(30)))], bounds).note(bounds)
