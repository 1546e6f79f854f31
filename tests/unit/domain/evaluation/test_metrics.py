"""The vectorised metrics are the libraries' figures, on any resample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from core.domain.evaluation.bootstrap import of_all, weights
from core.domain.evaluation.estimates import metric_names
from core.domain.evaluation.metrics import metrics
from core.domain.evaluation.order import by_engine, by_grade
from core.domain.evaluation.points import points
from core.domain.evaluation.sample import RELEVANCE, Sample, Verdicts
from core.domain.evaluation.tables import BINS, left_out, summed, tables_of
from core.domain.ranking import query_figures
from tests.unit.domain.evaluation.samples import SCALES, SEEDS, answers, resampled, sample


@settings(max_examples=60, deadline=None)
@given(scale=SCALES, seed=SEEDS, raters=st.integers(0, 4))
def test_every_metric_of_a_resample_is_the_librarys_figure_of_its_items(scale, seed, raters):
    of = sample(seed, scale, raters=raters)
    verdicts = answers(of, seed + 1)
    times = np.random.default_rng(seed).multinomial(of.queries, np.full(of.queries, 1 / of.queries))
    found = metrics(summed(tables_of(of, verdicts), times[:, None].astype(float)))
    drawn, given_verdicts = resampled(of, verdicts, times)
    library = points(drawn, given_verdicts, of_all(tables_of(drawn, given_verdicts)))
    assert set(found) == set(library) == set(metric_names(scale))
    for name, point in library.items():
        expected = np.nan if point.value is None else point.value
        told = found[name][0] if point.queries > 1 else np.nan
        assert told == pytest.approx(expected, abs=1e-9, nan_ok=True), name


@settings(max_examples=25, deadline=None)
@given(scale=SCALES, seed=SEEDS)
def test_leaving_a_query_out_is_drawing_all_others_once(scale, seed):
    of = sample(seed, scale)
    tables = tables_of(of, answers(of, seed))
    without = metrics(left_out(tables, 0, of.queries))
    drawn = metrics(summed(tables, 1 - np.eye(of.queries)))
    for name, values in without.items():
        np.testing.assert_allclose(values, drawn[name], atol=1e-9, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, items=st.integers(2, 30))
def test_ndcg_by_grade_is_that_of_scikit_learn_ties_and_all(seed, items):
    rng = np.random.default_rng(seed)
    truth, score = rng.integers(0, 3, items).astype(np.int8), rng.integers(0, 5, items) / 4
    found = by_grade(np.zeros(items, dtype=np.int32), truth, score, 1, 0)[0]
    if np.ptp(truth):
        assert found == pytest.approx(ndcg_score([truth], [score], k=10))
    else:
        assert np.isnan(found)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_ndcg_of_engines_is_that_of_the_ranking_report(seed):
    of = sample(seed)
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(1, 41), (3, 1)), axis=1).T
    of = Sample(of.scale, of.query, of.truth, of.raters, of.rater_names, order.astype(np.int16), of.engine_names)
    known = of.truth >= 0
    found = by_engine(of, of.truth, known)
    for query in range(of.queries):
        items = np.flatnonzero(of.query == query)
        grades = {("a", str(query)): {str(item): int(of.truth[item]) for item in items if known[item]}}
        for engine in range(3):
            first = sorted((item for item in items if order[item, engine] <= 10), key=lambda item: order[item, engine])
            lists = {("e", ("a", str(query))): [str(item) for item in first]}
            shown = [str(item) for item in first if known[item]]
            expected = query_figures(lists, grades, 10)[0].ndcg if shown else None
            assert found[query, engine] == pytest.approx(np.nan if expected is None else expected, nan_ok=True)


def test_auc_of_more_scores_than_bins_is_off_by_less_than_a_thousandth():
    of = sample(3, queries=50, items=5_000)
    verdicts = answers(of, 4, decimals=9)
    both = (of.truth >= 0) & (verdicts.grade >= 0)
    tables = tables_of(of, verdicts)
    assert tables.joint.shape[0] <= BINS * RELEVANCE.grades
    sure = np.nan_to_num(verdicts.confidence, nan=1.0)
    exact = roc_auc_score(of.truth[both] == 2, (1 + sure * (verdicts.grade - 1.0))[both])
    assert metrics(of_all(tables))["auc"][0] == pytest.approx(exact, abs=1e-3)


def test_each_resample_draws_as_many_queries_as_there_are():
    drawn = np.concatenate(list(weights(12, 700, 3)), axis=1)
    assert drawn.shape == (12, 700)
    assert (drawn.sum(axis=0) == 12).all()
    assert drawn.mean(axis=1) == pytest.approx(1, abs=0.2)


def test_a_judge_without_confidence_is_taken_at_his_word():
    of = sample(5)
    silent = Verdicts(answers(of, 6).grade, np.full(40, np.nan))
    sure = Verdicts(silent.grade, np.ones(40))
    assert points(of, silent, of_all(tables_of(of, silent))) == points(of, sure, of_all(tables_of(of, sure)))
