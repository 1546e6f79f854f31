"""The report of one judge: figures, intervals, and what is said where there are none."""

from __future__ import annotations

import time

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from threadpoolctl import threadpool_limits

from core.domain.evaluation.agreement import agreement, bounds_of, segments
from core.domain.evaluation.estimates import metric_names
from core.domain.evaluation.sample import IMAGE, RELEVANCE, Sample, Verdicts, sample_of, verdicts_of
from tests.unit.domain.evaluation.samples import SCALES, SEEDS, answers, plain, sample

QUICK = 200


def told(truth, grades, queries, scale=RELEVANCE):
    return agreement(plain(truth, queries, scale), verdicts_of(scale, grades, [None] * len(grades)), QUICK)


def test_quadratic_kappa_is_one_less_what_is_off_by_what_chance_puts_off():
    # Off by one twice: 2. By chance: (3·4 + 4·3·2 + 2·2 + 2·2 + 4·3·2 + 3·4) / 8 = 10.
    found = told([0, 0, 1, 1, 2, 2, 2, 0], [0, 1, 1, 1, 2, 1, 2, 0], list("aabbccdd"))
    assert found.of("quadratic_kappa").value == pytest.approx(0.8)


def test_figures_and_confusion_of_a_small_set():
    found = told([0, 1, 2, 2], [0, 1, 1, 2], ["a", "a", "b", "c"])
    assert (found.n_items, found.n_queries, found.of("exact").value) == (4, 3, 0.75)
    assert found.confusion == ((1, 0, 0), (0, 1, 0), (0, 1, 1))
    assert found.of("precision_acceptable_substitute").value == 0.5
    assert found.of("recall_highly_relevant").value == 0.5
    assert found.of("mean_bias").value == -0.25


@settings(max_examples=25, deadline=None)
@given(scale=SCALES, seed=SEEDS)
def test_an_interval_is_in_the_metrics_range_and_what_has_none_says_why(scale, seed):
    of = sample(seed, scale, queries=15, items=120)
    for each in agreement(of, answers(of, seed), QUICK).estimates:
        low, high = bounds_of(scale, each.name)
        if each.value is None or each.low is None:
            assert each.why_not
            assert each.low is each.high is None
        else:
            assert low <= each.low <= each.high <= high
            assert not each.why_not or each.name == "system_tau"


@pytest.mark.parametrize(
    ("truth", "grades", "queries", "undefined"),
    [
        (
            [1, 1, 1],
            [0, 1, 2],
            list("abc"),
            {
                "kappa": "people gave one label only",
                "quadratic_kappa": "people gave one label only",
                "auc": "people call no item good",
                "rank_correlation": "people gave one label only",
                "ndcg@10": "no query has items of different grades",
                "recall_irrelevant": "people never said irrelevant",
            },
        ),
        (
            [0, 1, 2],
            [1, 1, 1],
            list("abc"),
            {"rank_correlation": "the judge gave one label only", "precision_irrelevant": "the judge never said"},
        ),
        ([2, 2], [2, 2], list("ab"), {"alpha_nominal": "one label only was given", "kappa": "people gave one label"}),
        (
            [0, None],
            [None, 1],
            list("ab"),
            {"exact": "no item is graded by both", "alpha_ordinal": "no item has two raters", "auc": "no item is"},
        ),
        ([0, 2, 1], [0, 2, 2], list("aaa"), {"exact": "one query only", "auc": "one query only", "coverage": "one"}),
        ([], [], [], {"exact": "no item", "coverage": "no item", "system_tau": "no item"}),
    ],
    ids=["one-label-of-people", "one-label-of-the-judge", "one-label-of-all", "no-overlap", "one-query", "nothing"],
)
def test_what_is_not_defined_has_no_value_and_a_reason(truth, grades, queries, undefined):
    found = told(truth, grades, queries)
    for name, why_not in undefined.items():
        each = found.of(name)
        assert (each.value, each.low, each.high) == (None, None, None), name
        assert why_not in each.why_not, name


def test_no_engine_has_no_system_tau():
    assert told([0, 1], [0, 1], list("ab")).of("system_tau").why_not == "fewer than two engines are known"


def test_few_queries_have_a_figure_and_no_interval():
    found = told([0, 1, 2] * 3, [0, 1, 1] * 3, list("abcdefghi")).of("exact")
    assert found.value == pytest.approx(2 / 3)
    assert (found.low, found.why_not) == (None, "9 queries: an interval needs 10")


def test_a_label_of_a_few_queries_has_a_figure_and_no_interval():
    truth = [2] * 30 + [0, 2] * 6
    grades = [2] * 42
    queries = ["one"] * 30 + [f"q{number}" for number in range(12)]
    found = told(truth, grades, queries).of("precision_highly_relevant")
    assert found.value == pytest.approx(36 / 42)
    assert found.low is None
    assert "most of its items lie in few queries" in found.why_not


@pytest.mark.parametrize(("engines", "values"), [(3, 4), (4, 7)])
def test_system_tau_of_few_engines_says_that_it_is_discrete_beside_its_interval(engines, values):
    of = sample(5, queries=40, items=800, engines=engines)
    found = agreement(of, answers(of, 6), QUICK).of("system_tau")
    assert found.low is not None
    assert found.why_not.startswith(f"discrete: with {engines} engines it takes {values} values")


def test_system_tau_of_many_engines_says_nothing_of_its_interval():
    of = sample(5, queries=40, items=800, engines=9)
    assert agreement(of, answers(of, 6), QUICK).of("system_tau").why_not == ""


@pytest.mark.parametrize("name", ["kappa", "quadratic_kappa", "auc", "rank_correlation"])
def test_a_curved_figure_reaches_farther_to_the_side_that_has_more_room(name):
    of = sample(7, queries=30, items=500)
    found = agreement(of, answers(of, 8, right=0.95), QUICK).of(name)
    assert 0 < found.high - found.value < found.value - found.low


def test_what_is_the_same_in_every_query_has_no_interval():
    found = told([0, 1, 2] * 5, [0, 1, 2] * 5, [f"q{number}" for number in range(15)]).of("exact")
    assert (found.value, found.low) == (1.0, None)
    assert "the same in every query" in found.why_not


def test_the_same_seed_gives_the_same_report_and_another_one_nearly():
    of = sample(1, queries=30, items=400)
    verdicts = answers(of, 2)
    one, again, other = (agreement(of, verdicts, 2_000, seed) for seed in (3, 3, 4))
    assert one == again
    assert one.of("exact").low == pytest.approx(other.of("exact").low, abs=0.02)
    assert one.of("exact").low != other.of("exact").low


def test_hard_disagreement_is_highly_relevant_against_irrelevant_and_seven_points_of_pictures():
    assert told([0, 2, 1, 0], [2, 0, 2, 0], list("abcd")).of("hard_disagreement").value == 0.5
    assert told([1, 1, 10], [8, 7, 3], list("abc"), IMAGE).of("hard_disagreement").value == pytest.approx(2 / 3)


def test_alpha_takes_the_judge_as_one_more_rater_of_those_who_graded():
    of = sample_of(RELEVANCE, list("abcd"), [0, 1, 2, 2], [{"x": 0}, {"x": 1, "y": 1}, {"y": 2}, {"x": 2, "y": 2}])
    alike = agreement(of, verdicts_of(RELEVANCE, [0, 1, 2, 2], [None] * 4), QUICK)
    assert alike.of("alpha_nominal").value == 1
    apart = agreement(of, verdicts_of(RELEVANCE, [0, 1, 2, 0], [None] * 4), QUICK)
    graded = [[0, 1, np.nan, 2], [np.nan, 1, 2, 2], [0, 1, 2, 0]]
    for level in ("nominal", "ordinal"):
        library = krippendorff.alpha(graded, level_of_measurement=level)
        assert apart.of(f"alpha_{level}").value == pytest.approx(library)


def test_engines_are_ranked_by_the_judge_and_by_people():
    truth = [2, 0] * 12
    ranks = [{"good": 1, "bad": 2}, {"good": 2, "bad": 1}] * 12
    of = sample_of(RELEVANCE, [f"q{item // 2}" for item in range(24)], truth, [], ranks)
    same = agreement(of, verdicts_of(RELEVANCE, truth, [0.9] * 24), QUICK)
    turned = agreement(of, verdicts_of(RELEVANCE, [2 - grade for grade in truth], [0.9] * 24), QUICK)
    assert (same.of("system_tau").value, turned.of("system_tau").value) == (1, -1)
    assert {each.engine: each.by_people.value == 1 for each in same.engines} == {"good": True, "bad": False}
    assert {each.engine: each.by_judge.value == 1 for each in turned.engines} == {"good": False, "bad": True}


def test_segments_are_the_report_of_their_items():
    of = sample(7, queries=12, items=200)
    verdicts = answers(of, 8)
    market = ["de" if query % 2 else "at" for query in of.query]
    found = {(each.segment, each.value): each.report for each in segments(of, verdicts, {"market": market}, QUICK)}
    kept = np.array(market) == "de"
    assert set(found) == {("market", "at"), ("market", "de")}
    assert found["market", "de"] == agreement(of.only(kept), verdicts.only(kept), QUICK)


def test_items_of_an_unknown_segment_are_in_none():
    of = plain([0, 1, 2], list("abc"))
    found = segments(of, verdicts_of(RELEVANCE, [0, 1, 2], [None] * 3), {"category": ["", "shoes", ""]}, QUICK)
    assert [(each.value, each.report.n_items) for each in found] == [("shoes", 1)]


def test_intervals_of_twenty_queries_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(11)
    share = rng.beta(6, 2, 400)
    held = []
    for _ in range(150):
        chosen = rng.choice(share, 20)
        items = np.repeat(np.arange(20), 15)
        right = rng.random(300) < chosen[items]
        of = Sample(
            RELEVANCE, items.astype(np.int32), np.ones(300, np.int8), np.zeros((300, 0), np.int8), (),
            np.zeros((300, 0), np.int16), (),
        )  # fmt: skip
        exact = agreement(of, Verdicts(np.where(right, 1, 0).astype(np.int8), np.ones(300)), 400).of("exact")
        held.append(exact.low <= share.mean() <= exact.high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_a_report_over_100_000_labels_takes_under_three_seconds_of_one_core():
    of = sample(1, queries=5_000, items=100_000)
    verdicts = answers(of, 2, decimals=2)
    agreement(of.only(of.query < 50), verdicts.only(of.query < 50), QUICK)
    with threadpool_limits(1):
        began = time.process_time()
        found = agreement(of, verdicts, 2_000)
        took = time.process_time() - began
    assert took < 3
    assert [each.name for each in found.estimates] == list(metric_names(RELEVANCE))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sample_of(RELEVANCE, ["a", "b"], [0, 3]), "grade 3 of item 1: 0 to 2 are known"),
        (lambda: sample_of(IMAGE, ["a"], [5], [{"x": 0}]), "grade 0 of item 0: 1 to 10 are known"),
        (lambda: verdicts_of(RELEVANCE, [-1], [None]), "grade -1 of item 0: 0 to 2 are known"),
        (lambda: verdicts_of(RELEVANCE, [1], [1.5]), r"confidence 1\.5 of item 0: 0 to 1 is known"),
    ],
)
def test_grades_outside_the_scale_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
