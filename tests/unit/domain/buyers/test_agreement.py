"""Scores are held against what buyers did: what is there is found, what is not there is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata

from core.domain.images.buyers.agreement import (
    Agreement,
    Lifts,
    Listings,
    Ranks,
    agreement,
    fall,
    kendall,
    reliability,
    strata,
)


def world(lift: float, seed: int, listings: int = 400, looks: float = 200.0, strata_count: int = 8) -> Listings:
    """Listings of which each point of score brings so much more; strata differ by far more than scores do."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, strata_count, listings)
    score = rng.integers(1, 11, listings).astype(np.float64)
    base = rng.lognormal(np.log(looks), 0.7, listings)
    own = rng.normal(0, 0.4, listings)
    rate = 0.05 * np.exp(0.8 * stratum / strata_count + own) * (1 + lift) ** score
    return Listings(stratum, score, rng.poisson(base * rate).astype(np.float64), base)


def found(given_world: Listings, seed: int = 0) -> Agreement:
    return agreement(given_world, 200, np.random.default_rng(seed))


def test_a_lift_that_is_there_is_found_with_its_interval() -> None:
    said = found(world(0.08, 1))
    assert said.lift is not None
    assert said.correlation is not None
    assert said.lift.low < 0.08 < said.lift.high
    assert said.lift.low > 0
    assert said.correlation.low > 0


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    lifts = [found(world(0.06, seed), seed).lift for seed in range(60)]
    covered = sum(each is not None and each.low <= 0.06 <= each.high for each in lifts)
    assert covered >= 51


def test_nothing_is_found_where_nothing_is() -> None:
    said = [found(world(0.0, seed), seed) for seed in range(60)]
    assert sum(each.lift is not None and not each.lift.low <= 0 <= each.lift.high for each in said) <= 9
    assert (
        sum(each.correlation is not None and not each.correlation.low <= 0 <= each.correlation.high for each in said)
        <= 9
    )


def test_a_lift_is_not_pulled_down_by_few_clicks_as_the_correlation_is() -> None:
    much, little = found(world(0.08, 3, looks=5_000)), found(world(0.08, 3, looks=8))
    assert much.lift is not None
    assert little.lift is not None
    assert much.correlation is not None
    assert little.correlation is not None
    assert little.lift.low < much.lift.value < little.lift.high
    assert little.correlation.value < much.correlation.value - 0.1


def test_strata_that_differ_say_nothing_of_scores() -> None:
    stratum = np.repeat(np.arange(10), 20)
    score = np.where(stratum < 5, 3.0, 8.0) + np.tile([0.0, 1.0], 100)
    done = np.where(stratum < 5, 10.0, 90.0)
    held = Listings(stratum, score, done, np.full(200, 1_000.0))
    assert Lifts(held).logs(np.ones((1, 200)))[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"done": np.zeros(400)}, "0 actions"),
        ({"base": np.zeros(400)}, "0 listings"),
        ({"score": np.full(400, 5.0)}, "one score"),
    ],
)
def test_too_little_is_said_and_not_guessed(changes: dict[str, np.ndarray], note: str) -> None:
    said = found(replace(world(0.08, 1), **changes))
    assert said.correlation is said.lift is None
    assert note in said.note


def test_one_rate_for_all_has_no_correlation_and_no_nan() -> None:
    """Such as a shop whose every click is also an add to cart."""
    held = world(0.08, 1)
    said = found(replace(held, done=held.base))
    assert (said.correlation, said.kendall) == (None, None)
    assert "one rate" in said.note
    assert said.lift is not None
    assert said.lift.value == pytest.approx(0, abs=1e-9)


def test_a_lift_without_end_is_said_and_not_given() -> None:
    held = world(0.08, 1, strata_count=1)
    said = found(replace(held, done=np.where(held.score == 10, 20.0, 0.0)))
    assert said.lift is None
    assert said.correlation is not None
    assert "best or worst" in said.note


def test_no_fall_is_told_of_a_lift_without_end() -> None:
    before = world(0.08, 1, strata_count=1)
    now = replace(before, done=np.where(before.score == 1, 20.0, 0.0))
    assert fall(before, now, 50, np.random.default_rng(1)) is None


def test_a_listing_alone_in_its_stratum_is_left_out() -> None:
    held = world(0.08, 1)
    alone = replace(held, stratum=np.append(held.stratum[:-1], 99))
    assert found(alone).listings == 399


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 10)), min_size=2, max_size=40))
def test_ranks_are_the_midranks_of_each_stratum(rows: list[tuple[int, int]]) -> None:
    stratum, value = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    held = Listings(stratum, value, np.ones(len(rows)), np.ones(len(rows)))
    ranks = Ranks(held)._score.ranks(np.ones(len(rows)))
    for each in np.unique(stratum):
        of_it = stratum == each
        np.testing.assert_allclose(ranks[of_it], (rankdata(value[of_it]) - 0.5) / of_it.sum())


def test_kendall_of_one_stratum_is_the_usual_one() -> None:
    held = world(0.08, 5, strata_count=1)
    assert kendall(held) == pytest.approx(kendalltau(held.score, held.done / held.base).statistic)


def test_a_listing_that_was_looked_at_little_weighs_little_and_a_large_one_not_without_end() -> None:
    held = world(0.0, 2, listings=2_000, looks=100)
    weights = reliability(held)
    small, large = held.base < 50, held.base > 400
    assert weights[small].mean() < 0.5 * weights[large].mean()
    assert weights.max() <= 1


def test_price_bands_hold_equally_many_of_a_category_and_no_price_is_a_band() -> None:
    prices = np.array([*range(1, 10), *range(100, 1_000, 100), np.nan])
    made = strata(["a"] * 9 + ["b"] * 9 + ["a"], prices, 3)
    assert np.bincount(made).tolist() == [3, 3, 3, 1, 3, 3, 3]


def test_a_lift_that_went_is_told_in_standard_errors() -> None:
    before = world(0.08, 1, looks=800)
    rng = np.random.default_rng(9)
    flat = before.done.sum() / before.base.sum()
    now = replace(before, done=rng.poisson(before.base * flat).astype(np.float64))
    gone = fall(before, now, 200, np.random.default_rng(1))
    assert gone is not None
    assert gone.deviations > 3
    assert gone.now < 0.03 < gone.before


def test_a_lift_that_stayed_is_no_fall() -> None:
    before = world(0.08, 1, looks=800)
    now = replace(before, done=np.random.default_rng(4).poisson(before.done).astype(np.float64))
    stayed = fall(before, now, 200, np.random.default_rng(1))
    assert stayed is not None
    assert abs(stayed.deviations) < 3


def test_no_fall_is_told_of_too_little() -> None:
    before = world(0.08, 1)
    assert fall(before, replace(before, done=np.zeros(400)), 50, np.random.default_rng(1)) is None
