"""What people say where the judge gives one label, and the mean with each label counted so."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.evaluation.calibration import calibrated
from core.domain.evaluation.sample import RELEVANCE, sample_of, verdicts_of
from tests.unit.domain.evaluation.samples import answers, sample

QUICK = 400


def test_each_label_has_peoples_shares_and_its_bias():
    of = sample_of(RELEVANCE, list("abcdef"), [0, 0, 1, 2, 1, None])
    found = calibrated(of, verdicts_of(RELEVANCE, [0, 1, 1, 2, 2, 2], [None] * 6), QUICK)
    irrelevant, substitute, relevant = found.labels
    assert (irrelevant.people, irrelevant.bias.value) == ((1, 0, 0), None)
    assert (substitute.n_items, substitute.people, substitute.bias.value) == (2, (0.5, 0.5, 0), 0.5)
    assert (relevant.people, relevant.bias.value) == ((0, 0.5, 0.5), 0.5)
    assert irrelevant.bias.why_not == "one query only: it says nothing of others"


def test_the_mean_counts_each_label_as_people_do_and_leaves_the_raw_one_beside_it():
    of = sample_of(RELEVANCE, list("abcdef"), [0, 0, 1, 2, 1, None])
    found = calibrated(of, verdicts_of(RELEVANCE, [0, 1, 1, 2, 2, 2], [None] * 6), QUICK)
    assert found.raw_mean == pytest.approx(8 / 6)
    assert found.calibrated_mean.value == pytest.approx((1 * 0 + 2 * 0.5 + 3 * 1.5) / 6)


def test_a_label_that_people_never_graded_leaves_the_mean_undefined():
    of = sample_of(RELEVANCE, list("abc"), [0, 0, None])
    found = calibrated(of, verdicts_of(RELEVANCE, [0, 0, 2], [None] * 3), QUICK).calibrated_mean
    assert (found.value, found.why_not) == (None, "people graded nothing that the judge calls highly_relevant")


def test_a_judge_who_answered_nothing_is_not_calibrated():
    found = calibrated(sample_of(RELEVANCE, ["a"], [1]), verdicts_of(RELEVANCE, [None], [None]), QUICK)
    assert (found.raw_mean, found.calibrated_mean.why_not) == (None, "the judge answered nothing")


def test_grades_of_a_tenth_bring_a_lenient_judges_mean_near_the_truth():
    of = sample(1, queries=80, items=3_000)
    truth = np.where(of.truth < 0, 1, of.truth)
    rng = np.random.default_rng(2)
    grade = np.minimum(truth + (rng.random(3_000) < 0.5), 2)
    some = [int(each) if rng.random() < 0.1 else None for each in truth]
    of = sample_of(RELEVANCE, [str(each) for each in of.query], some)
    found = calibrated(of, verdicts_of(RELEVANCE, grade.tolist(), [None] * 3_000), 1_000)
    assert found.raw_mean - truth.mean() > 0.25
    assert found.calibrated_mean.value == pytest.approx(truth.mean(), abs=0.1)
    assert found.calibrated_mean.low < truth.mean() < found.calibrated_mean.high


def test_the_same_seed_gives_the_same_calibration():
    of = sample(3, queries=15, items=300)
    assert calibrated(of, answers(of, 4), QUICK) == calibrated(of, answers(of, 4), QUICK)
