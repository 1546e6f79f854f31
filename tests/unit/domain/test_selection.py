"""What is chosen: only what many typed and holds no personal data; panel, friction and volume apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

from core.domain.friction import QuerySignals
from core.domain.selection import (
    FRESH_SHARE,
    Earlier,
    Ranking,
    by_friction,
    by_volume,
    cooled_down,
    eligible,
    fresh_traffic,
    length_band,
    panel,
    results_hash,
    volume_band,
)

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DAY = date(2025, 6, 1)


def signals(
    query: str, searches: int = 100, struggles: int = 0, *, sessions: int = 50, market: str = "se"
) -> QuerySignals:
    return QuerySignals("app", market, query, searches, sessions, 0, struggles, 0, 0)


def many(count: int, market: str = "se") -> list[QuerySignals]:
    return [signals(f"query {i}" if i % 2 else f"q{i}", 10 + 60 * (i % 3), market=market) for i in range(count)]


def shuffled(pool: Sequence[QuerySignals]) -> list[QuerySignals]:
    mixed = list(pool)
    Random(1).shuffle(mixed)
    return mixed


def queries(ranking: Ranking) -> list[str]:
    return [choice.query for choice in ranking.candidates]


def chosen(rankings: Sequence[Ranking]) -> set[str]:
    return {query for ranking in rankings for query in queries(ranking)[: ranking.places]}


def keys(names: set[str], market: str = "se") -> frozenset[tuple[str, str, str]]:
    return frozenset(("app", market, name) for name in names)


def test_a_query_of_few_people_is_never_a_candidate() -> None:
    assert eligible([signals("rare", 10_000, sessions=19), signals("common", sessions=20)], 20) == [
        signals("common", sessions=20)
    ]


def test_a_query_with_personal_data_is_never_a_candidate() -> None:
    assert eligible([signals("anna@example.com"), signals("4111 1111 1111 1111")], 20) == []


def test_friction_takes_what_is_surely_worse_than_the_market_highest_priority_first() -> None:
    pool = [signals("fine", 1_000, 100), signals("bad", 100, 80), signals("worse", 300, 240)]
    found = by_friction(pool, pool, 10)
    assert queries(found) == ["worse", "bad"]
    assert all(choice.reason == "friction" and choice.priority > 0 for choice in found.candidates)


def test_a_querys_struggles_are_measured_against_its_own_market() -> None:
    pool = [signals("a", 500, 400, market="de"), signals("b", 500, 100), signals("c", 500, 5)]
    assert queries(by_friction(pool, pool, 10)) == ["b"]


def test_the_baseline_counts_queries_that_cant_be_chosen_too() -> None:
    rare, common = signals("rare", 10_000, 9_000, sessions=1), signals("a", 100, 50)
    assert queries(by_friction([rare, common], [common], 10)) == []
    assert queries(by_friction([signals("calm", 10_000), common], [common], 10)) == ["a"]


def test_volume_ranks_each_market_by_its_searches() -> None:
    rankings = by_volume([*many(6), signals("top", 1_000), *many(3, "de")], 2)
    assert [ranking.places for ranking in rankings] == [2, 2]
    assert queries(rankings[0])[0] == "top"
    assert {choice.market for choice in rankings[1].candidates} == {"de"}


def test_the_panel_is_the_same_on_every_replica() -> None:
    pool = many(200)
    other = shuffled(pool)
    assert chosen(panel(pool, pool, 40, frozenset())) == chosen(panel(other, other, 40, frozenset()))


def test_the_panel_keeps_its_members_and_tops_up() -> None:
    pool = many(200)
    first = chosen(panel(pool, pool, 30, frozenset()))
    assert len(first) == 30
    assert chosen(panel(pool, pool, 30, keys(first))) == first
    assert first < chosen(panel(pool, pool, 40, keys(first)))


def test_a_member_that_cant_be_judged_for_now_keeps_its_seat() -> None:
    rare = signals("rare", sessions=19)
    pool = [rare, *many(20)]
    assert len(chosen(panel(pool, pool[1:], 10, keys({"rare"})))) == 9


def test_a_member_without_traffic_loses_its_seat() -> None:
    pool = many(20)
    assert len(chosen(panel(pool, pool, 10, keys({"gone"})))) == 10


def test_every_stratum_is_in_a_panel_that_is_large_enough() -> None:
    pool = many(200)
    strata = {s.query: (length_band(s.query), volume_band(s.searches)) for s in pool}
    in_panel = chosen(panel(pool, pool, len(set(strata.values())), frozenset()))
    assert {strata[query] for query in in_panel} == set(strata.values())


def test_fresh_traffic_comes_from_outside_the_panel_and_is_the_same_all_day() -> None:
    pool = many(200)
    members = keys({s.query for s in pool[:100]})
    drawn = chosen(fresh_traffic(pool, 100, members, DAY))
    assert len(drawn) == 100 * FRESH_SHARE
    assert drawn == chosen(fresh_traffic(shuffled(pool), 100, members, DAY))
    assert not {("app", "se", query) for query in drawn} & members
    assert drawn != chosen(fresh_traffic(pool, 100, members, DAY + timedelta(days=1)))


def test_a_querys_chance_to_be_fresh_follows_its_searches() -> None:
    pool = [signals("head", 900), signals("tail", 100)]
    days = [chosen(fresh_traffic(pool, 10, frozenset(), DAY + timedelta(days=n))) for n in range(2_000)]
    assert 0.87 < sum(drawn == {"head"} for drawn in days) / len(days) < 0.93  # 0.9, four standard errors each way


def test_friction_waits_for_its_cool_down_unless_the_results_changed() -> None:
    earlier = Earlier(NOW - timedelta(days=6), "h")
    assert cooled_down(None, "h", NOW, 7)
    assert not cooled_down(earlier, "h", NOW, 7)
    assert cooled_down(earlier, "other", NOW, 7)
    assert cooled_down(earlier, "h", NOW + timedelta(days=1), 7)


def test_the_hash_of_results_tells_orders_apart() -> None:
    assert results_hash(["a", "b"]) != results_hash(["b", "a"])


def test_bands_at_their_edges() -> None:
    assert [volume_band(n) for n in (49, 50, 499, 500)] == ["tail", "torso", "torso", "head"]
    assert [length_band(" ".join("x" * n)) for n in (1, 2, 3, 4, 5)] == [0, 1, 2, 2, 3]
