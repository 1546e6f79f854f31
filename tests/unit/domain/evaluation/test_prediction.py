"""Means corrected by the human grades there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.evaluation.prediction import Graded, corrected, prediction_powered
from core.domain.evaluation.sample import RELEVANCE, Sample, Verdicts, sample_of, verdicts_of
from tests.unit.domain.evaluation.samples import SEEDS


def plus_plus(people: list[float], judge: list[float], others: list[float]) -> tuple[float, float, float]:
    """PPI++ of a mean as the paper writes it (Angelopoulos, Duchi, Zrnic 2023), items drawn singly: value, standard
    error and power. `judge` of the items in `people`, `others` of the rest."""
    n, rest = len(people), len(others)
    mean_people, mean_judge = sum(people) / n, sum(judge) / n
    covariance = sum((y - mean_people) * (f - mean_judge) for y, f in zip(people, judge, strict=True)) / n
    everyone = [*judge, *others]
    middle = sum(everyone) / len(everyone)
    variance = sum((f - middle) ** 2 for f in everyone) / len(everyone)
    power = covariance / ((1 + n / rest) * variance)
    errors = [y - power * f for y, f in zip(people, judge, strict=True)]
    spread = sum((e - sum(errors) / n) ** 2 for e in errors) / n
    value = power * sum(others) / rest + sum(errors) / n
    return value, (spread / n + power**2 * variance / rest) ** 0.5, power


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, right=st.floats(0.3, 0.9))
def test_where_each_item_is_a_query_it_is_ppi_plus_plus(seed, right):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 4_000)
    judge = np.where(rng.random(4_000) < right, truth, rng.integers(0, 3, 4_000)).astype(float)
    people = np.where(np.arange(4_000) < 400, truth, np.nan)
    query = np.arange(4_000, dtype=np.int32)
    value, error, power = plus_plus(truth[:400].tolist(), judge[:400].tolist(), judge[400:].tolist())
    # The paper's mean is over the items that people did not grade, ours over all: the powers differ by that share.
    same = prediction_powered(Graded(query, judge, people), power * 4_000 / 3_600)
    assert same.value == pytest.approx(value)
    assert same.error == pytest.approx(error, rel=0.03)
    tuned = prediction_powered(Graded(query, judge, people))
    assert tuned.power == pytest.approx(power * 4_000 / 3_600, abs=0.15)
    assert tuned.value == pytest.approx(value, abs=0.3 * error)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_the_power_is_the_one_with_the_least_error(seed):
    rng = np.random.default_rng(seed)
    query = np.sort(rng.integers(0, 30, 300)).astype(np.int32)
    truth = rng.integers(0, 3, 300) + rng.normal(size=30)[query]
    judge = truth + rng.normal(size=300)
    people = np.where(rng.random(300) < 0.3, truth, np.nan)
    best = prediction_powered(Graded(query, judge, people))
    for power in (0.0, 0.5, 1.0):
        assert best.error <= prediction_powered(Graded(query, judge, people), power).error + 1e-12


def test_power_none_is_peoples_mean_and_power_one_takes_the_bias_out():
    query = np.arange(6, dtype=np.int32)
    judge, people = np.array([2.0, 2, 1, 2, 2, 1]), np.array([1.0, 2, 0, np.nan, np.nan, np.nan])
    assert prediction_powered(Graded(query, judge, people), 0).value == pytest.approx(1)
    assert prediction_powered(Graded(query, judge, people), 1).value == pytest.approx(10 / 6 - 2 / 3)


def lenient(seed: int) -> tuple[Sample, Verdicts, np.ndarray]:
    """60 queries of 40 items; the judge calls a third of the irrelevant and the substitutes one grade too good."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(60), 40).astype(np.int32)
    good = rng.beta(2, 2, 60)[query]
    truth = np.minimum((rng.random(2_400) < good).astype(int) + (rng.random(2_400) < good), 2)
    grade = np.minimum(truth + (rng.random(2_400) < 0.35), 2)
    none = np.zeros((2_400, 0))
    of = Sample(RELEVANCE, query, truth.astype(np.int8), none.astype(np.int8), (), none.astype(np.int16), ())
    return of, Verdicts(grade.astype(np.int8), np.ones(2_400)), truth


def test_200_human_labels_bring_a_mean_that_is_off_by_a_fifth_to_within_a_twentieth():
    of, verdicts, truth = lenient(1)
    rng = np.random.default_rng(2)
    off, raw, held = [], [], []
    for _ in range(100):
        known = np.zeros(2_400, dtype=bool)
        known[rng.choice(2_400, 200, replace=False)] = True
        partly = Sample(
            of.scale, of.query, np.where(known, of.truth, -1).astype(np.int8), of.raters, (), of.ranks, ()
        )  # fmt: skip
        found = corrected(partly, verdicts)[0]
        off.append(abs(found.value - truth.mean()))
        raw.append(abs(found.raw - truth.mean()))
        held.append(found.low <= truth.mean() <= found.high)
    assert min(raw) >= 0.2
    assert np.mean(off) <= 0.05
    assert np.mean(held) >= 0.93


def test_without_human_grades_the_raw_mean_stands_alone():
    found = corrected(sample_of(RELEVANCE, ["a", "b"], [None, None]), verdicts_of(RELEVANCE, [2, 1], [None, None]))[0]
    assert (found.raw, found.value, found.low) == (1.5, None, None)
    assert found.why_not == "no item that the judge answered has a human grade"


def test_human_grades_of_few_queries_have_a_value_and_no_interval():
    of = sample_of(RELEVANCE, list("aabbc"), [0, None, 2, 1, None])
    found = corrected(of, verdicts_of(RELEVANCE, [1, 0, 2, 2, 1], [None] * 5))[0]
    assert found.value is not None
    assert (found.low, found.why_not) == (None, "human grades in 2 queries: an interval needs 10")


def test_a_judge_who_answered_nothing_has_no_mean():
    found = corrected(sample_of(RELEVANCE, ["a"], [1]), verdicts_of(RELEVANCE, [None], [None]))[0]
    assert (found.raw, found.value, found.why_not) == (None, None, "the judge answered nothing")


def test_ndcg_of_an_engine_is_corrected_by_the_queries_that_people_graded():
    rng = np.random.default_rng(4)
    truth, ranks, queries, grades = [], [], [], []
    for query in range(80):
        for rank in range(1, 9):
            grade = int(rng.integers(0, 3))
            truth.append(grade if query < 30 else None)
            grades.append(min(grade + int(rng.random() < 0.4), 2))
            ranks.append({"shop": rank})
            queries.append(f"q{query:02d}")
    of = sample_of(RELEVANCE, queries, truth, [], ranks)
    found = corrected(of, verdicts_of(RELEVANCE, grades, [None] * len(grades)))[1]
    assert (found.name, found.n_labelled, found.n_items) == ("ndcg@10:shop", 30, 80)
    assert found.low < found.value < found.high
    assert found.value != found.raw
