"""Measures and their differences: against values worked out by hand and, over random lists, by the definition."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.engines import QueryKey
from core.domain.ranking import FEWEST, QueryFigures, difference, estimate, query_figures, values_of

SOFA: QueryKey = ("shop", "de", "sofa")
GRADES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2), min_size=1)


def key(n: int) -> QueryKey:
    return "shop", "de", f"q{n}"


def one(ids: str, grades: dict[str, int], k: int = 4) -> QueryFigures:
    (found,) = query_figures({("a", SOFA): list(ids)}, {SOFA: grades}, k)
    return found


def dcg(grades: list[int], k: int) -> float:
    return sum(grade / log2(rank + 1) for rank, grade in enumerate(grades[:k], 1))


def test_a_worked_example() -> None:
    found = one("abcd", {"a": 1, "b": 0, "c": 2, "d": 2, "e": 2})
    assert found.ndcg == pytest.approx((1 + 2 / 2 + 2 / log2(5)) / (2 + 2 / log2(3) + 2 / 2 + 1 / log2(5)))
    assert (found.precision, found.irrelevant, found.shown, found.judged) == (0.75, 0.25, 4, 4)


@settings(max_examples=60)
@given(st.permutations(list("abcdefgh")), GRADES, st.integers(1, 9))
def test_figures_are_those_of_the_definition_over_what_is_judged(
    ids: list[str], grades: dict[str, int], k: int
) -> None:
    found = one("".join(ids), grades, k)
    judged = [grades[each] for each in ids[:k] if each in grades]
    assert (found.shown, found.judged) == (min(k, 8), len(judged))
    if not judged:
        assert (found.ndcg, found.precision, found.irrelevant) == (None, None, None)
        return
    ideal = dcg(sorted(grades.values(), reverse=True), k)
    assert found.ndcg == pytest.approx(dcg(judged, k) / ideal if ideal else 0)
    relevant = sum(grade > 0 for grade in judged)
    assert found.precision == pytest.approx(relevant / (k - (found.shown - len(judged))))
    assert found.irrelevant == pytest.approx(1 - relevant / len(judged))


def test_only_the_first_k_count() -> None:
    assert one("abcd", {"a": 0, "b": 2}, k=1).ndcg == 0


def test_an_empty_list_shows_nothing_relevant_and_nothing_irrelevant() -> None:
    found = one("", {"a": 2})
    assert (found.ndcg, found.precision, found.irrelevant) == (0, 0, None)


def test_a_query_without_any_label_has_no_figures() -> None:
    (found,) = query_figures({("a", SOFA): []}, {}, 3)
    assert (found.ndcg, found.precision, found.irrelevant, found.judged) == (None, None, None, 0)


def test_queries_where_nothing_is_relevant_count_as_nought() -> None:
    assert one("ab", {"a": 0, "b": 0}).ndcg == 0


def test_values_are_those_of_one_engine_that_has_them() -> None:
    lists = {("a", key(1)): ["x"], ("a", key(2)): ["y"], ("b", key(1)): ["x"]}
    figures = query_figures(lists, {key(1): {"x": 2}, key(2): {"z": 1}}, 3)
    assert values_of(figures, "a", "ndcg") == {key(1): 1.0}


def test_an_interval_holds_the_mean_and_is_the_same_for_the_same_seed() -> None:
    values = [n / 40 for n in range(40)]
    found = estimate(values, 7)
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert (found, found.queries) == (estimate(values, 7), 40)


def test_too_few_queries_have_a_mean_and_no_interval() -> None:
    found = estimate([0.5] * (FEWEST - 1), 1)
    assert (found.value, found.low, found.high) == (0.5, None, None)
    paired = difference({key(1): 1.0}, {key(1): 0.5}, 1)
    assert (paired.value, paired.low, paired.p) == (0.5, None, None)


def test_no_query_has_no_mean() -> None:
    assert estimate([], 1).value is None
    assert difference({key(1): 1.0}, {key(2): 1.0}, 1).queries == 0


def test_a_difference_is_paired_by_query() -> None:
    base = {key(n): (n % 5) / 5 for n in range(30)}
    better = {query: value + 0.1 for query, value in base.items()} | {key(99): 0.0}
    found = difference(better, base, 1)
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)
    assert found.p is not None
    assert found.p < 0.001
    assert (found.queries, found.wins, found.losses, found.ties) == (30, 30, 0, 0)


def test_engines_that_are_alike_differ_by_nothing() -> None:
    base = {key(n): n / 30 for n in range(30)}
    found = difference(base, base, 1)
    assert (found.value, found.low, found.high, found.p, found.ties) == (0, 0, 0, 1, 30)


def test_a_difference_that_goes_both_ways_is_no_finding() -> None:
    base = {key(n): 0.5 for n in range(40)}
    other = {key(n): 0.5 + (0.2 if n % 2 else -0.2) for n in range(40)}
    found = difference(other, base, 1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert found.p is not None
    assert found.p > 0.5
