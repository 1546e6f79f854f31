"""Searches of a shopper become impressions at places and what was done with them."""

from __future__ import annotations

import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from core.domain.fields import Unusable
from core.domain.images.buyers.exposures import Bounds, Cell, DaySums, Place
from core.domain.images.buyers.log_events import listing_of
from core.domain.images.buyers.visits import Visits
from core.domain.search_log import decode_search_log

DAY = date(2026, 3, 2)
NEXT = date(2026, 3, 3)
NOON = 1_772_452_800_000
MINUTE = 60_000
ENGAGEMENT = frozenset({"click", "item_click", "add_to_cart", "purchase"})
WHOLE = Bounds(1.0, 100, 1_000)
US = ("shop", "us")

Record = dict[str, object]


def query(hits: list[str], text: str = "lamp", at: int = NOON, who: str = "c1", query_id: str = "q1") -> Record:
    return {
        "application": "shop",
        "client_id": who,
        "timestamp": at,
        "query_id": query_id,
        "user_query": text,
        "query_response_hit_ids": hits,
        "query_attributes": {"market": "us"},
    }


def event(action: str, listing_id: object, at: int = NOON + 1_000, who: str = "c1", query_id: str = "q1") -> Record:
    attributes = {"object": {"object_id": listing_id}}
    return {
        "application": "shop",
        "client_id": who,
        "timestamp": at,
        "query_id": query_id,
        "action_name": action,
        "event_attributes": attributes,
    }


def folded(*records: Record, bounds: Bounds = WHOLE) -> dict[date, DaySums]:
    sums = {DAY: DaySums(), NEXT: DaySums()}
    visits = Visits(sums, ENGAGEMENT, bounds)
    for record in records:
        value = json.dumps(record).encode()
        read = decode_search_log(value, -1)
        assert not isinstance(read, Unusable)
        visits.add(read, None if read.action is None else listing_of(value))
    visits.close()
    return sums


def places(sums: dict[date, DaySums], day: date = DAY) -> dict[tuple[str, int], tuple[int, ...]]:
    markets = sums[day].markets
    cells = markets[US].places if US in markets else dict[Place, Cell]()
    return {tuple(place): (c.impressions, c.clicks, c.carts, c.purchases) for place, c in cells.items()}


def test_what_a_query_showed_are_impressions_from_place_one_on() -> None:
    assert places(folded(query(["a", "b"]))) == {("a", 1): (1, 0, 0, 0), ("b", 2): (1, 0, 0, 0)}


def test_what_was_done_counts_where_the_listing_stood_once_a_search_and_kind() -> None:
    done = [event(action, "b") for action in ("click", "item_click", "add_to_cart", "purchase", "purchase")]
    assert places(folded(query(["a", "b"]), *done))["b", 2] == (1, 1, 1, 1)


def test_an_action_that_is_no_engagement_counts_nothing() -> None:
    assert places(folded(query(["a"]), event("apply_filter", "a")))["a", 1] == (1, 0, 0, 0)


def test_a_further_page_continues_the_places() -> None:
    found = places(folded(query(["a", "b"]), query(["c", "d"], at=NOON + MINUTE, query_id="q2")))
    assert set(found) == {("a", 1), ("b", 2), ("c", 3), ("d", 4)}


def test_a_further_page_under_the_same_id_continues_the_places_too() -> None:
    found = places(folded(query(["a", "b"]), query(["c"], at=NOON + MINUTE)))
    assert set(found) == {("a", 1), ("b", 2), ("c", 3)}


def test_a_refresh_adds_nothing() -> None:
    again = query(["a", "b"], at=NOON + MINUTE, query_id="q2")
    assert places(folded(query(["a", "b"]), again)) == {("a", 1): (1, 0, 0, 0), ("b", 2): (1, 0, 0, 0)}


def test_a_page_that_a_new_listing_has_shifted_by_one_keeps_its_places() -> None:
    found = places(folded(query(["a", "b", "c"]), query(["c", "d", "e"], at=NOON + MINUTE, query_id="q2")))
    assert found == dict.fromkeys((("a", 1), ("b", 2), ("c", 3), ("d", 5), ("e", 6)), (1, 0, 0, 0))


def test_the_same_query_of_another_shopper_is_a_search_of_its_own() -> None:
    assert places(folded(query(["a"]), query(["a"], who="c2")))["a", 1][0] == 2


def test_the_same_query_an_hour_later_is_a_search_of_its_own() -> None:
    assert places(folded(query(["a"]), query(["a"], at=NOON + 60 * MINUTE, query_id="q2")))["a", 1][0] == 2


def test_an_action_belongs_to_the_search_of_its_query_id() -> None:
    other = query(["b", "a"], "desk", NOON + MINUTE, query_id="q2")
    found = places(folded(query(["a"]), other, event("click", "a", NOON + 2 * MINUTE, query_id="q1")))
    assert (found["a", 1], found["a", 2]) == ((1, 1, 0, 0), (1, 0, 0, 0))


def test_an_action_without_a_known_query_id_belongs_to_the_latest_search() -> None:
    other = query(["b", "a"], "desk", NOON + MINUTE, query_id="q2")
    found = places(folded(query(["a"]), other, event("click", "a", NOON + 2 * MINUTE, query_id="elsewhere")))
    assert (found["a", 1], found["a", 2]) == ((1, 0, 0, 0), (1, 1, 0, 0))


def test_an_action_on_what_was_not_shown_is_unmatched() -> None:
    sums = folded(query(["a"]), event("click", "z"))
    assert sums[DAY].unmatched == 1
    assert ("z", 1) not in places(sums)


def test_an_automated_session_adds_nothing_and_is_counted() -> None:
    records = [query(["a"], f"lamp {n}", NOON + n, query_id=f"q{n}") for n in range(2_001)]
    sums = folded(*records)
    assert places(sums) == {}
    assert sums[DAY].automated == 2_001


def test_a_click_past_midnight_counts_for_the_day_its_search_began() -> None:
    late = NOON + 12 * 60 * MINUTE - 1_000
    sums = folded(query(["a"], at=late), event("click", "a", late + 5_000))
    assert places(sums)["a", 1] == (1, 1, 0, 0)
    assert places(sums, NEXT) == {}


def test_places_further_down_than_the_bound_are_left_out_and_said() -> None:
    bounds = Bounds(1.0, 2, 10)
    sums = folded(query(["a", "b", "c"]), bounds=bounds)
    assert set(places(sums)) == {("a", 1), ("b", 2)}
    assert sums[DAY].note(bounds) == "1 impressions below place 2 left out"


def test_a_share_of_the_shoppers_is_looked_at_and_said() -> None:
    bounds = Bounds(0.25, 100, 10)
    records = [query(["a"], who=f"c{n}", query_id=f"q{n}") for n in range(400)]
    sums = folded(*records, bounds=bounds)
    assert 70 < places(sums)["a", 1][0] < 130
    assert sums[DAY].note(bounds) == "0.25 of the shoppers"


@given(st.permutations(range(12)))
def test_the_queries_kept_one_by_one_are_the_same_in_any_order(order: list[int]) -> None:
    bounds = Bounds(1.0, 100, 4)
    records = [query(["a"], f"lamp {n}", who=f"c{n}", query_id=f"q{n}") for n in order]
    in_order = [query(["a"], f"lamp {n}", who=f"c{n}", query_id=f"q{n}") for n in range(12)]
    kept = folded(*records, bounds=bounds)[DAY].markets[US].queries
    assert kept.kept == folded(*in_order, bounds=bounds)[DAY].markets[US].queries.kept
    assert len(kept.kept) == 4
    assert kept.left_out


def test_the_sampled_queries_say_when_not_all_are_there() -> None:
    bounds = Bounds(1.0, 100, 1)
    sums = folded(query(["a"]), query(["a"], "desk", who="c2", query_id="q2"), bounds=bounds)
    assert sums[DAY].note(bounds) == "places looked at by 1 queries a market"


def test_a_search_without_results_or_actions_is_no_search_here() -> None:
    assert folded(query([]))[DAY].searches == 0


def test_what_an_event_acted_on_is_read_as_the_signals_would() -> None:
    assert listing_of(json.dumps(event("click", 12)).encode()) == "12"
    assert listing_of(json.dumps(event("click", "")).encode()) is None
    assert listing_of(json.dumps(event("click", 10**40)).encode()) == str(10**40)
    assert listing_of(b'{"action_name": "click"}') is None
