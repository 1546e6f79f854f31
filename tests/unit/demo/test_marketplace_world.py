"""The marketplace's records keep the contract, are the same for the same seed, and hold the faults that truth names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec
import pytest

from core.domain.effects import RawRecord
from core.domain.fields import Unusable
from core.domain.folds import ListingsFold, SearchLogFold
from core.domain.friction import QuerySignals, baselines, friction_of
from core.domain.listings import listing_of
from core.domain.panes import Counters, PaneKey, plus
from core.domain.privacy import has_personal_data
from core.domain.search_log import SearchLogRecord, decode_search_log
from core.settings import DEFAULT_ENGAGEMENT_ACTIONS
from demo.marketplace.facts import MARKETS
from demo.marketplace.records import OutRecord
from demo.marketplace.times import DAY_MS
from demo.marketplace.world import Marketplace

START = date(2026, 3, 2)
DAYS, WORSE_ON = 12, 6


def world(seed: int = 7, *, days: int = DAYS, faults: bool = True) -> Marketplace:
    return Marketplace(seed, START, days, sessions_per_day=200, engine_worse_on=min(WORSE_ON, days - 1), faults=faults)


@pytest.fixture(scope="module")
def market() -> Marketplace:
    return world()


@pytest.fixture(scope="module")
def records(market: Marketplace) -> list[list[OutRecord]]:
    return [list(market.day(index)) for index in range(DAYS)]


def folded(records: Iterable[OutRecord], topic: str) -> SearchLogFold | ListingsFold:
    fold = (
        SearchLogFold(topic, 0, frozenset(DEFAULT_ENGAGEMENT_ACTIONS), replay=False)
        if topic == "search-log"
        else ListingsFold(topic, 0, replay=False)
    )
    chosen = [record for record in records if record.topic == topic]
    fold.add([RawRecord(n, record.timestamp_ms, record.value, None) for n, record in enumerate(chosen)], -1)
    fold.close_open()
    return fold


def flat(days: Iterable[list[OutRecord]]) -> list[OutRecord]:
    return [record for day in days for record in day]


def signals(days: Iterable[list[OutRecord]]) -> dict[tuple[str, str], Counters]:
    totals: dict[tuple[str, str], Counters] = {}
    key: PaneKey
    for key, counters in folded(flat(days), "search-log").take().panes.items():
        totals[key.market, key.query] = plus(totals.get((key.market, key.query), Counters()), counters)
    return totals


def mean_gain(market: Marketplace, day: int) -> float:
    gains = [
        (market.grade(name, query.text, listing_id) or 0) / 2
        for name in MARKETS
        for query in market.queries(name)
        if not query.want.nothing
        for listing_id in market.search(name, query.text, day, 10)
    ]
    return sum(gains) / len(gains)


def test_the_same_seed_gives_the_same_bytes(records: list[list[OutRecord]], market: Marketplace) -> None:
    again = world()
    assert list(again.initial_listings()) == list(market.initial_listings())
    assert [list(again.day(index)) for index in range(3)] == records[:3]


def test_another_seed_gives_other_records(records: list[list[OutRecord]]) -> None:
    assert list(world(8).day(0)) != records[0]


def test_a_day_does_not_depend_on_the_days_asked_for_before(records: list[list[OutRecord]]) -> None:
    assert list(world().day(9)) == records[9]


def test_turning_drift_off_changes_nothing_before_the_engine_gets_worse(records: list[list[OutRecord]]) -> None:
    quiet = world(faults=False)
    assert [list(quiet.day(index)) for index in range(WORSE_ON)] == records[:WORSE_ON]


def test_turning_drift_off_leaves_listings_and_visitors_alone(records: list[list[OutRecord]]) -> None:
    quiet, loud = list(world(faults=False).day(WORSE_ON)), records[WORSE_ON]
    assert quiet != loud
    assert [r for r in quiet if r.topic == "listings"] == [r for r in loud if r.topic == "listings"]
    assert {r.key for r in quiet} == {r.key for r in loud}


def test_records_come_in_time_order_and_within_their_day(market: Marketplace, records: list[list[OutRecord]]) -> None:
    for index, day in enumerate(records):
        times = [record.timestamp_ms for record in day]
        assert times == sorted(times)
        assert market.day_start_ms(index) <= times[0]
        assert times[-1] < market.day_start_ms(index) + DAY_MS


def test_initial_listings_come_in_time_order_before_the_first_day(market: Marketplace) -> None:
    times = [record.timestamp_ms for record in market.initial_listings()]
    assert times == sorted(times)
    assert times[-1] < market.day_start_ms(0)


def test_records_are_keyed_by_what_they_belong_to(records: list[list[OutRecord]]) -> None:
    checked = 0
    for record in flat(records[:2]):
        if record.key.startswith(b"broken-"):
            continue
        if record.topic == "search-log":
            decoded = decode_search_log(record.value, record.timestamp_ms)
            assert isinstance(decoded, SearchLogRecord)
            assert record.key.decode() == decoded.identity
            assert decoded.timestamp == record.timestamp_ms
        else:
            assert record.key.decode() == msgspec.json.decode(record.value)["listing_id"]
        checked += 1
    assert checked > 1_000


def test_pages_hold_at_most_twenty_known_listings_and_few_are_empty(
    market: Marketplace, records: list[list[OutRecord]]
) -> None:
    known = {listing_id for listing_id, _ in market.truth().pictures}
    sizes: Counter[int] = Counter()
    for record in flat(records[:2]):
        decoded = decode_search_log(record.value, record.timestamp_ms)
        if isinstance(decoded, Unusable) or decoded.hits is None or record.key == b"us-scraper":
            continue
        assert known.issuperset(decoded.hits)
        assert len(set(decoded.hits)) == len(decoded.hits) <= 20
        sizes[len(decoded.hits)] += 1
    unserved = sum(count for size, count in sizes.items() if size == 0)
    assert 0 < unserved < 0.1 * sizes.total()


def test_first_pages_hold_ten_to_twenty_results_but_for_the_query_without_any(market: Marketplace) -> None:
    for name in MARKETS:
        for query in market.queries(name):
            size = len(market.search(name, query.text, 0))
            assert size == 0 if query.fault == "no_results" else 10 <= size <= 20


def test_dead_letters_are_those_that_truth_names(market: Marketplace, records: list[list[OutRecord]]) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for topic in ("search-log", "listings"):
        found.update((topic, letter.reason) for letter in folded(flat(records), topic).take().dead_letters)
    assert dict(found) == dict(market.truth().broken_records)


def test_one_session_of_the_run_is_automated(records: list[list[OutRecord]]) -> None:
    fold = folded(flat(records), "search-log")
    assert isinstance(fold, SearchLogFold)
    assert fold.take().automated == 1


def test_some_visitors_have_only_a_session_and_some_events_no_query(records: list[list[OutRecord]]) -> None:
    bodies = [
        msgspec.json.decode(record.value)
        for record in records[0]
        if record.topic == "search-log" and not record.key.startswith(b"broken-")
    ]
    assert any("client_id" not in body for body in bodies)
    assert any("action_name" in body and "user_query" not in body for body in bodies)
    assert any("action_name" in body and "user_query" in body for body in bodies)
    assert any("session_id" in body.get("event_attributes", {}) for body in bodies)


def test_queries_served_badly_show_as_friction(market: Marketplace, records: list[list[OutRecord]]) -> None:
    """As selection looks at it: typed in 20 sessions or more, no personal data, first by volume times excess."""
    found = [
        QuerySignals("marketplace", name, query, *counters)
        for (name, query), counters in signals(records[:WORSE_ON]).items()
        if counters.sessions >= 20 and not has_personal_data(query, name)
    ]
    base = baselines(found)
    ranked = sorted(found, key=lambda s: -friction_of(s, base["marketplace", s.market]).priority)
    bad = {(name, query) for name, queries in market.truth().badly_served.items() for query in queries}
    assert {(s.market, s.query) for s in ranked[:10]} >= bad
    for each in found:
        if (each.market, each.query) in bad:
            assert each.struggles / each.searches > 2 * base["marketplace", each.market]


def test_a_query_with_personal_data_is_typed_often_enough_to_need_the_screen(market: Marketplace) -> None:
    for name in MARKETS:
        personal = [query for query in market.queries(name) if query.want.nothing]
        assert max(query.weight for query in personal) * 200 * 28 > 20
        assert all(has_personal_data(query.text, name) for query in personal)


def test_no_other_query_is_taken_for_personal_data(market: Marketplace) -> None:
    for name in MARKETS:
        assert [q.text for q in market.queries(name) if not q.want.nothing and has_personal_data(q.text, name)] == []


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_the_worse_engine_lowers_the_mean_gain_and_nothing_else_does(seed: int) -> None:
    loud, quiet = world(seed), world(seed, faults=False)
    before = mean_gain(loud, WORSE_ON - 1)
    assert abs(before - mean_gain(loud, 0)) < 0.04
    assert 0.08 <= before - mean_gain(loud, WORSE_ON) <= 0.25
    assert abs(before - mean_gain(quiet, WORSE_ON)) < 0.03


def test_result_lists_change_little_from_day_to_day_until_the_engine_gets_worse(market: Marketplace) -> None:
    turnover = [
        sum(
            len(set(market.search(name, query.text, day)) - set(market.search(name, query.text, day - 1)))
            for name in MARKETS
            for query in market.queries(name)
        )
        for day in range(1, WORSE_ON + 1)
    ]
    assert turnover[-1] > 3 * max(turnover[:-1])


def test_truth_names_no_worse_queries_when_drift_is_off() -> None:
    truth = world(faults=False, days=3).truth()
    assert truth.engine_worse_on is None
    assert not any(truth.worse_queries.values())
    assert all(len(queries) == 4 for queries in truth.badly_served.values())


def test_the_catalogue_lives(market: Marketplace) -> None:
    events: Counter[str] = Counter()
    for index in range(DAYS):
        for record in market.day(index):
            if record.topic == "listings" and not record.key.startswith(b"broken-"):
                events[msgspec.json.decode(record.value)["event"]] += 1
    assert set(events) == {"new", "updated", "deleted"}
    assert all(10 <= count <= 100 for count in events.values())


def test_anchors_are_spread_over_grades_markets_and_queries(market: Marketplace) -> None:
    anchors = market.anchors(240)
    assert len(anchors) == 240
    assert min(Counter(anchor["grade"] for anchor in anchors).values()) >= 60
    assert min(Counter(anchor["market"] for anchor in anchors).values()) >= 60
    assert len({anchor["query"] for anchor in anchors}) >= 60
    assert anchors == world().anchors(240)


def test_anchors_agree_with_the_truth_but_for_few_slips(market: Marketplace) -> None:
    slips = 0
    for anchor in market.anchors(240):
        listing = anchor["listing"]
        assert isinstance(listing, dict)
        assert not isinstance(listing_of(listing, -1), Unusable)
        said, true = anchor["grade"], market.grade(str(anchor["market"]), str(anchor["query"]), listing["listing_id"])
        assert isinstance(said, int)
        assert true is not None
        assert abs(said - true) <= 1
        slips += said != true
    assert slips <= 24


def test_a_grade_is_unknown_for_what_the_market_does_not_know(market: Marketplace) -> None:
    listing_id = market.search("us", "sneakers", 0)[0]
    assert market.grade("us", " SNEAKERS", listing_id) == 2
    assert market.grade("us", "submarine", listing_id) is None
    assert market.grade("de", "sneaker", listing_id) is None
    assert market.grade("fr", "sneakers", listing_id) is None


def test_a_time_has_its_day(market: Marketplace) -> None:
    start = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
    assert market.day_of(start) == 0
    assert market.day_of(start + timedelta(days=3, hours=23)) == 3
    assert market.day_of(start - timedelta(seconds=1)) == -1
