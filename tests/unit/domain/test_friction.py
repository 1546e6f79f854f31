"""Friction: Wilson's bound, the market's baseline, volume times excess."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.friction import QuerySignals, baselines, friction_of, wilson_lower


def signals(query: str, searches: int, reformulated: int = 0, exits: int = 0, market: str = "se") -> QuerySignals:
    return QuerySignals("app", market, query, searches, searches, 0, reformulated, exits, 0)


@pytest.mark.parametrize(
    ("k", "n", "bound"), [(0, 10, 0.0), (5, 10, 0.2366), (10, 10, 0.7225), (1, 2, 0.0945), (30, 100, 0.2189)]
)
def test_wilsons_lower_bound_is_the_published_one(k: int, n: int, bound: float) -> None:
    assert wilson_lower(k, n) == pytest.approx(bound, abs=1e-4)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_bound_solves_its_own_equation_and_stays_below_the_share(pair: tuple[int, int]) -> None:
    """The lower end is the p from which the observed share is z standard errors away."""
    k, n = pair
    lower = wilson_lower(k, n)
    assert 0 <= lower <= k / n + 1e-12
    assert k == 0 or (k / n - lower) == pytest.approx(1.959964 * sqrt(lower * (1 - lower) / n), abs=1e-9)


@given(st.integers(1, 1_000), st.integers(2, 50))
def test_more_evidence_of_the_same_share_raises_the_bound(n: int, factor: int) -> None:
    assert wilson_lower(n * factor, 2 * n * factor) > wilson_lower(n, 2 * n)


def test_nothing_seen_is_no_friction() -> None:
    assert wilson_lower(0, 0) == 0.0
    assert friction_of(signals("q", 0), 0.2).excess < 0


def test_a_baseline_is_the_share_of_all_searches_of_its_market() -> None:
    found = baselines([signals("a", 80, 10, 10), signals("b", 20, 0, 5), signals("c", 10, 10, market="de")])
    assert found == {("app", "se"): 0.25, ("app", "de"): 1.0}


def test_priority_is_volume_times_what_is_surely_more_than_usual() -> None:
    friction = friction_of(signals("a", 100, 20, 30), 0.2)
    assert friction.rate == 0.5
    assert friction.priority == pytest.approx(100 * (wilson_lower(50, 100) - 0.2))
