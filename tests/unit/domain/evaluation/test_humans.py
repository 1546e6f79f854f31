"""People beside the judge, on the same items against the same consensus."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.datasets import median
from core.domain.evaluation.humans import consensus, humans
from core.domain.evaluation.sample import RELEVANCE, sample_of, verdicts_of
from tests.unit.domain.evaluation.samples import answers, sample

QUICK = 200
GIVEN = st.lists(st.lists(st.integers(-1, 10), min_size=4, max_size=4), min_size=1, max_size=20)


@given(rows=GIVEN)
def test_consensus_is_the_datasets_median_of_those_who_graded(rows):
    expected = [median([each for each in row if each >= 0] or [-1]) for row in rows]
    assert consensus(np.array(rows, dtype=np.int8)).tolist() == expected


def test_each_rater_stands_against_the_others_and_the_judge_in_his_seat():
    ratings = [{"x": 0, "y": 0, "z": 0}, {"x": 2, "y": 1, "z": 1}, {"x": 1, "y": 1}, {"y": 2, "z": 2}, {"x": 2}]
    of = sample_of(RELEVANCE, list("abcde"), [0, 1, 1, 2, 2], ratings)
    found = humans(of, verdicts_of(RELEVANCE, [0, 1, 0, 2, 2], [None] * 5), QUICK)
    x = found[0]
    assert (x.rater, x.n_items, x.n_queries) == ("x", 3, 3)
    assert (x.person.of("exact").value, x.judge.of("exact").value) == (2 / 3, 2 / 3)
    assert x.person.n_items == x.judge.n_items == 3


def test_what_the_judge_left_out_is_left_out_of_the_raters_figures_too():
    of = sample(1, queries=12, items=150)
    verdicts = answers(of, 2)
    for each in humans(of, verdicts, QUICK):
        assert each.person.n_items == each.judge.n_items == each.n_items
    without = humans(of, None, QUICK)
    assert all(
        alone.n_items > beside.n_items for alone, beside in zip(without, humans(of, verdicts, QUICK), strict=True)
    )
    assert {each.judge for each in without} == {None}


def test_raters_who_never_overlap_have_no_figures():
    of = sample_of(RELEVANCE, list("abc"), [0, 1, 2], [{"x": 0}, {"y": 1}, {"x": 2}])
    for each in humans(of, None, QUICK):
        assert each.n_items == 0
        told = {(figure.value, figure.why_not) for figure in each.person.estimates}
        assert told == {(None, f"nobody else graded what {each.rater} did")}


def test_a_person_in_the_judges_seat_is_measured_as_the_judge_is():
    of = sample(3, queries=12, items=150)
    first = humans(
        of, verdicts_of(RELEVANCE, [None if g < 0 else int(g) for g in of.raters[:, 0]], [None] * 150), QUICK
    )
    assert first[0].person == first[0].judge


def test_a_sample_without_raters_has_nobody_beside_the_judge():
    of = sample(4, raters=0)
    assert humans(of, answers(of, 5), QUICK) == ()
    assert agreement(of, answers(of, 5), QUICK).of("alpha_nominal").value is not None
