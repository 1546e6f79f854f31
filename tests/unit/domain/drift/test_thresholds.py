"""Thresholds are formulas; the drift design's table checks them. And T over queries."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.drift.budget import (
    DriftSettings,
    catalogue_threshold,
    engine_threshold,
    judge_threshold,
)
from core.domain.drift.statistics import T_LIMIT, flip_bound, flip_excess, over_queries, t_threshold

GAINS = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=40)


@pytest.mark.parametrize(
    ("settings", "judge", "engine", "catalogue"),
    [(DriftSettings("fitted"), 3_600, 3.11, 2.98), (DriftSettings("guaranteed"), 18_000, 3.59, 3.48)],
)
def test_the_formulas_give_the_designs_table_at_150_queries(
    settings: DriftSettings, judge: float, engine: float, catalogue: float
) -> None:
    assert judge_threshold(settings) == pytest.approx(judge)
    assert engine_threshold(settings, 1, 150) == pytest.approx(engine, abs=0.005)
    assert catalogue_threshold(settings, 1, 150) == pytest.approx(catalogue, abs=0.005)


def test_segments_share_one_budget_but_the_judge_has_his_once() -> None:
    many = DriftSettings(segments=20)
    assert engine_threshold(many, 3, 150) == engine_threshold(DriftSettings(), 20, 150) > 3.9
    assert judge_threshold(many) == judge_threshold(DriftSettings())


def test_t_is_students() -> None:
    assert over_queries([0.1, 0.2, 0.3]).t == pytest.approx(0.2 / (0.1 / math.sqrt(3)))


@given(GAINS, st.randoms(use_true_random=False))
def test_t_does_not_depend_on_the_order_of_queries_and_turns_with_the_sign(
    gains: list[float], shuffle: random.Random
) -> None:
    test = over_queries(gains)
    assert over_queries(shuffle.sample(gains, len(gains))) == test
    assert over_queries([-gain for gain in gains]).t == pytest.approx(-test.t)


@pytest.mark.parametrize(("gains", "t"), [([], 0), ([0.5], 0), ([0.0] * 9, 0), ([0.1] * 9, T_LIMIT)])
def test_t_of_degenerate_differences(gains: list[float], t: float) -> None:
    assert over_queries(gains).t == t


def test_nothing_passes_a_threshold_of_fewer_than_two_queries() -> None:
    assert t_threshold(0.01, 1) == math.inf


def test_clopper_pearson_without_flips_is_its_closed_form() -> None:
    assert flip_bound(0, 100) == pytest.approx(1 - 0.01 ** (1 / 100))
    assert flip_bound(0, 0) == 1.0
    assert flip_bound(5, 5) == 1.0


def test_flip_excess_is_the_upper_tail() -> None:
    assert flip_excess(0, 300, 0.01) == pytest.approx(1)
    assert flip_excess(1, 300, 0.01) == pytest.approx(1 - 0.99**300)
