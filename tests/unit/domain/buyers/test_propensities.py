"""How much places are looked at is found where listings moved, and assumed where they did not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.images.buyers.propensities import ASSUMED, HARVESTED, Pairs, assumed, curve

TRUE = np.array([1.0, 0.6, 0.45, 0.3, 0.2])


def moving(pairs: int, shown: float, rng: np.random.Generator | None = None, looked: np.ndarray = TRUE) -> Pairs:
    """Each pair in two places next to each other; better pairs higher up, as an engine has it."""
    pair = np.repeat(np.arange(pairs), 2)
    first = np.arange(pairs) % (looked.size - 1) + 1
    position = np.stack([first, first + 1], axis=1).ravel()
    good = np.repeat(0.5 / first + 0.02, 2)
    expected = shown * looked[position - 1] * good
    clicks = expected if rng is None else rng.poisson(expected).astype(float)
    return Pairs(pair, position, np.full(pair.size, shown), clicks)


def test_the_truth_comes_out_of_counts_without_chance() -> None:
    found = curve(moving(40, 10_000), 5)
    assert found.method == HARVESTED
    np.testing.assert_allclose(found.propensity, TRUE, rtol=1e-3)


def test_the_truth_comes_out_of_counts_with_chance() -> None:
    found = curve(moving(400, 300, np.random.default_rng(1)), 5)
    np.testing.assert_allclose(found.propensity, TRUE, rtol=0.1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.05, 3), min_size=3, max_size=6))
def test_any_curve_is_found_also_one_that_rises(rest: list[float]) -> None:
    looked = np.array([1.0, *rest])
    found = curve(moving(10 * looked.size, 100_000, looked=looked), looked.size)
    np.testing.assert_allclose(found.propensity, looked, rtol=1e-2)


def test_listings_that_never_moved_give_the_assumed_curve() -> None:
    still = Pairs(np.arange(5), np.arange(5) + 1, np.full(5, 1e6), np.full(5, 1e5))
    found = curve(still, 5)
    assert found.method == ASSUMED
    np.testing.assert_allclose(found.propensity, 1 / np.arange(1, 6))


def test_an_empty_log_gives_the_assumed_curve() -> None:
    none = np.empty(0)
    assert curve(Pairs(none.astype(np.int64), none.astype(np.int64), none, none), 3).method == ASSUMED


def test_too_few_clicks_give_the_assumed_curve() -> None:
    assert curve(moving(8, 10), 5).method == ASSUMED


def test_the_curve_ends_where_nothing_joins_a_place_to_the_first() -> None:
    whole = moving(40, 10_000)
    apart = Pairs(
        np.append(whole.pair, [100, 100]),
        np.append(whole.position, [8, 9]),
        np.append(whole.impressions, [1e4, 1e4]),
        np.append(whole.clicks, [900.0, 800.0]),
    )
    assert curve(apart, 10).propensity.size == 5


def test_a_place_that_wins_or_loses_every_click_it_shares_is_left_out() -> None:
    """Place 6 has clicks of its own from pairs with 7, and none where it stands beside the first five."""
    whole = moving(40, 10_000)
    beside = Pairs(
        np.append(whole.pair, [100, 100, 101, 101]),
        np.append(whole.position, [5, 6, 6, 7]),
        np.append(whole.impressions, [1e3, 1e3, 1e4, 1e4]),
        np.append(whole.clicks, [900.0, 0.0, 500.0, 400.0]),
    )
    found = curve(beside, 10)
    np.testing.assert_allclose(found.propensity, TRUE, rtol=1e-3)


def test_a_place_without_clicks_of_its_own_lies_between_its_neighbours() -> None:
    skipping = Pairs(np.repeat(np.arange(20), 2), np.tile([1, 4], 20), np.full(40, 1e4), np.tile([1_000.0, 250.0], 20))
    found = curve(skipping, 4)
    np.testing.assert_allclose(found.propensity, [1, 0.5, 1 / 3, 0.25], rtol=1e-3)
    assert found.clicks.tolist() == [20_000, 0, 0, 5_000]


@pytest.mark.parametrize("positions", [1, 7])
def test_the_assumed_curve_is_one_by_rank(positions: int) -> None:
    assert assumed(positions).propensity.tolist() == [1 / rank for rank in range(1, positions + 1)]
