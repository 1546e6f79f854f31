"""Judge b against judge a: paired by item, clustered by query."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.bootstrap import drawn_difference
from core.domain.evaluation.comparison import compared, compared_segments
from core.domain.evaluation.intervals import interval
from core.domain.evaluation.sample import RELEVANCE, verdicts_of
from core.domain.evaluation.tables import tables_of
from tests.unit.domain.evaluation.samples import SCALES, SEEDS, answers, plain, sample

QUICK = 200


@settings(max_examples=20, deadline=None)
@given(scale=SCALES, seed=SEEDS)
def test_turned_around_a_comparison_says_the_opposite(scale, seed):
    of = sample(seed, scale, queries=14, items=120)
    one, other = answers(of, seed + 1), answers(of, seed + 2, right=0.5)
    there, back = compared(of, one, other, QUICK), compared(of, other, one, QUICK)
    assert (there.n_items, there.changed) == (back.n_items, back.changed)
    for forth, again in zip(there.differences, back.differences, strict=True):
        assert forth.value == (None if again.value is None else pytest.approx(-again.value))
        if forth.low is not None and forth.name != "system_tau":
            assert (forth.low, forth.high) == pytest.approx((-again.high, -again.low), abs=1e-9)


def test_it_goes_by_the_items_that_both_have_answered_and_coverage_by_all():
    truth = [0, 1, 2, 2, 0, 1]
    one = verdicts_of(RELEVANCE, [0, 1, 2, None, 1, 1], [None] * 6)
    other = verdicts_of(RELEVANCE, [0, 2, 2, 2, None, None], [None] * 6)
    found = compared(plain(truth, list("aabbcc")), one, other, QUICK)
    assert (found.n_items, found.n_queries, found.changed) == (3, 2, 1)
    assert (found.of("exact").a, found.of("exact").b) == (1, pytest.approx(2 / 3))
    assert (found.of("coverage").a, found.of("coverage").b) == (pytest.approx(5 / 6), pytest.approx(4 / 6))


def test_pairing_makes_the_interval_of_a_difference_narrower_than_those_of_the_judges():
    of = sample(3, queries=40, items=600)
    one = answers(of, 4)
    few = np.random.default_rng(5).random(600) < 0.05
    other = type(one)(np.where(few & (one.grade >= 0), 0, one.grade).astype(np.int8), one.confidence)
    difference = compared(of, one, other).of("exact")
    alone = agreement(of, one).of("exact")
    assert difference.high - difference.low < 0.85 * (alone.high - alone.low)


def test_a_better_judge_is_told_as_better():
    of = sample(6, queries=60, items=900)
    found = compared(of, answers(of, 7, right=0.5), answers(of, 8, right=0.95))
    for name in ("exact", "kappa", "quadratic_kappa", "alpha_ordinal", "auc"):
        assert found.of(name).low > 0, name
    assert found.of("hard_disagreement").high < 0


@pytest.mark.parametrize("name", ["auc", "ndcg@10"])
def test_the_order_of_a_few_queries_has_a_difference_and_no_interval(name):
    of = sample(13, queries=39, items=600)
    found = compared(of, answers(of, 14, right=0.5), answers(of, 15, right=0.9), QUICK).of(name)
    assert found.value is not None
    assert found.low is None
    assert found.why_not.endswith("queries: an interval of a difference in it needs 40")


def test_a_difference_allows_for_a_query_as_far_out_as_the_farthest_that_was_not_drawn():
    of = sample(16, queries=60, items=600)
    drawn = drawn_difference(tables_of(of, answers(of, 17)), tables_of(of, answers(of, 18)), QUICK, 7)
    blind = replace(drawn, unseen=np.zeros_like(drawn.unseen))
    aware, without = (interval(each, "exact", 60, (-1, 1)) for each in (drawn, blind))
    assert aware[0] < without[0] < without[1] < aware[1]


@pytest.mark.parametrize(("queries", "told"), [(2, False), (3, True)])
def test_a_difference_made_by_two_queries_has_no_interval(queries, told):
    of = sample(19, queries=60, items=600)
    one = answers(of, 20, right=1.0)
    moved = (of.query < queries) & (one.grade >= 0)
    other = type(one)(np.where(moved, (one.grade + 1) % 3, one.grade).astype(np.int8), one.confidence)
    found = compared(of, one, other, QUICK).of("mean_bias")
    assert (found.low is not None) is told
    assert told or found.why_not == "only 2 of the queries tell the two apart: an interval needs 3"


def test_judges_who_say_the_same_differ_by_nothing_and_have_no_interval():
    of = sample(9, queries=20, items=200)
    verdicts = answers(of, 10)
    found = compared(of, verdicts, verdicts, QUICK).of("kappa")
    assert (found.value, found.low) == (0, None)
    assert "the same in every query" in found.why_not


def test_judges_who_share_no_item_have_no_difference():
    one, other = (verdicts_of(RELEVANCE, grades, [None] * 2) for grades in ([0, None], [None, 1]))
    found = compared(plain([0, 1], list("ab")), one, other)
    assert {(each.value, each.why_not) for each in found.differences} == {(None, "no item is answered by both judges")}


def test_what_one_judge_leaves_undefined_has_no_difference_and_says_why():
    one, other = (verdicts_of(RELEVANCE, grades, [None] * 4) for grades in ([0, 0, 2, 2], [1, 1, 1, 1]))
    found = compared(plain([0, 0, 2, 2], list("abcd")), one, other, QUICK).of("precision_irrelevant")
    assert (found.a, found.b, found.value) == (1, None, None)
    assert found.why_not == "the judge never said irrelevant"


def test_one_query_has_no_difference():
    one, other = (verdicts_of(RELEVANCE, grades, [None] * 3) for grades in ([0, 1, None], [0, 2, 1]))
    found = compared(plain([0, 1, 2], list("aaa")), one, other, QUICK)
    for each in (found.of("exact"), found.of("coverage")):
        assert (each.value, each.why_not) == (None, "one query only: it says nothing of others")


def test_segments_are_the_comparison_of_their_items():
    of = sample(11, queries=12, items=200)
    one, other = answers(of, 12), answers(of, 13)
    length = ["long" if query % 3 else "short" for query in of.query]
    found = {each.value: each.comparison for each in compared_segments(of, one, other, {"length": length}, QUICK)}
    kept = np.array(length) == "short"
    assert found["short"] == compared(of.only(kept), one.only(kept), other.only(kept), QUICK)
