"""Reports of hand-made runs: what is counted, which items are told, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.estimates import AgreementReport, Estimate, RaterReport
from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.report import Asked, Report, judge_named, people_span
from core.domain.evaluation.report_items import changed_items, spent
from core.domain.evaluation.report_making import report_of
from core.domain.evaluation.results import EvalResult
from core.errors import UsageError
from tests.support.fakes import NOON
from tests.support.sample_evals import NEW, OLD, RIGHT, answers, items, run_of

FEW = 20
"""Resamples: what is tested here are no intervals."""


def made(asked: Asked | None = None, found: list[EvalItem] | None = None) -> Report:
    found = items() if found is None else found
    results = {judge: answers(found, judge, right, NOON) for judge, right in RIGHT.items()}
    return report_of(run_of(NOON), found, results, asked or Asked(judges=(OLD, NEW), resamples=FEW, by=("market",)))


def graded(truth: int | None, a: int | None, b: int | None, number: int = 0) -> tuple[EvalItem, EvalResult, EvalResult]:
    item = replace(items()[number], truth=truth)
    one = answers([item], OLD, RIGHT[OLD], NOON)[0]
    return item, replace(one, grade=a), replace(one, grade=b, judge=NEW)


def by_item(*results: EvalResult) -> Mapping[str, EvalResult]:
    return {each.item_id: each for each in results}


def test_changed_items_come_worst_first() -> None:
    cases = [(2, 1, 2), (0, 0, 1), (None, 0, 2), (1, 0, 2), (0, 0, 2), (2, 2, 2)]
    told = [graded(*grades, number) for number, grades in enumerate(cases)]
    found = changed_items(
        [item for item, _, _ in told], by_item(*(a for _, a, _ in told)), by_item(*(b for _, _, b in told))
    )
    assert [(each.truth, each.a.grade, each.b.grade) for each in found] == [
        (0, 0, 2),
        (0, 0, 1),
        (None, 0, 2),
        (1, 0, 2),
        (2, 1, 2),
    ]


def test_an_item_that_one_judge_did_not_answer_has_not_changed() -> None:
    item, a, b = graded(2, None, 1)
    assert changed_items([item], by_item(a), by_item(b)) == []
    assert changed_items([item], {}, by_item(b)) == []


def test_cost_and_tokens_a_pair_are_of_what_was_paid_and_latency_of_each_call_once() -> None:
    found = items()[:4]
    paid, same_call, reused, failed = answers(found, OLD, RIGHT[OLD], NOON)
    other = replace(paid, item_id=found[0].item_id, cost_usd=0.002, latency_ms=100, call_id=UUID(int=1))
    told = spent(
        found,
        by_item(
            other,
            replace(same_call, cost_usd=0.004, latency_ms=100, call_id=UUID(int=1)),
            replace(reused, reused=True, cost_usd=0.0, latency_ms=9_000),
            replace(failed, grade=None, failure="refused", cost_usd=0.001, latency_ms=9_000),
        ),
    )
    assert (told.answered, told.reused, told.paid, told.failures) == (3, 1, 2, {"refused": 1})
    assert told.usd_per_pair == pytest.approx(0.003)
    assert told.cost_usd == pytest.approx(0.007)
    assert told.latency_p95_ms == 100


def test_nothing_paid_has_no_cost_a_pair() -> None:
    found = items()[:1]
    told = spent(found, by_item(replace(answers(found, OLD, RIGHT[OLD], NOON)[0], reused=True)))
    assert (told.usd_per_pair, told.latency_p50_ms) == (None, None)


def test_changed_items_add_up() -> None:
    versus = made().versus
    assert versus is not None
    assert versus.better + versus.worse + versus.as_far + versus.ungraded == versus.whole.changed


def test_judges_are_told_in_the_order_asked_for_and_one_alone_is_compared_with_nobody() -> None:
    assert [judge.judge for judge in made().judges] == [OLD, NEW]
    assert made(Asked(judges=(NEW,), resamples=FEW)).versus is None


def test_segments_narrow_and_break_down() -> None:
    narrow = made(Asked(judges=(NEW,), where=(("market", "de"),), resamples=FEW))
    assert (narrow.items, narrow.queries) == (36, 6)
    assert {each.segment for each in narrow.judges[0].segments} <= {"length", "volume"}
    assert [each.value for each in made().judges[0].segments] == ["de", "jp", "us"]


def test_rare_values_of_a_segment_are_left_out() -> None:
    asked = Asked(judges=(NEW,), by=("market",), values=2, resamples=FEW)
    assert len(made(asked).judges[0].segments) == 2


def test_the_split_that_is_asked_for_counts() -> None:
    test, tune = (made(Asked(judges=(NEW,), split=split, resamples=FEW)).items for split in ("test", "tune"))
    assert test + tune == 108


def test_a_run_on_a_part_of_the_dataset_is_about_that_part() -> None:
    found = items()
    results = {NEW: answers(found[:12], NEW, RIGHT[NEW], NOON)}
    report = report_of(replace(run_of(NOON), limit=12), found, results, Asked(judges=(NEW,), resamples=FEW))
    assert (report.items, report.judges[0].agreement.of("coverage").value) == (12, pytest.approx(11 / 12))


def test_a_segment_that_no_item_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no item of the dataset has the market 'fr'; it has de, jp, us"):
        made(Asked(judges=(NEW,), where=(("market", "fr"),)))


def test_no_grade_of_people_leaves_figures_undefined_and_never_0_or_1() -> None:
    bare = [replace(item, truth=None, ratings={}) for item in items()]
    found = made(Asked(judges=(NEW,), resamples=FEW, by=()), bare).judges[0]
    assert found.people == ()
    told = {each.name: (each.value, bool(each.why_not)) for each in found.agreement.estimates}
    assert {name for name, (value, _) in told.items() if value is not None} <= {"mean_grade", "coverage"}
    assert all(why for value, why in told.values() if value is None)


def test_a_report_is_json() -> None:
    told = msgspec.json.decode(msgspec.json.encode(made()))
    assert told["judges"][0]["judge"] == OLD
    assert told["versus"]["changed"][0]["a"]["reasoning"]


@pytest.mark.parametrize(("ref", "judge"), [(OLD, OLD), ("plain", OLD), ("strict-brands@7c", NEW), ("strict", NEW)])
def test_a_judge_is_named_by_version_name_or_beginning(ref: str, judge: str) -> None:
    assert judge_named((OLD, NEW), ref) == judge


@pytest.mark.parametrize("ref", ["nobody", "s", "plain@1"])
def test_a_judge_that_the_run_does_not_have_is_refused(ref: str) -> None:
    with pytest.raises(UsageError, match=r"names no judge of this run; it has plain@0f3a5c7d9e1b"):
        judge_named((OLD, NEW), ref)


def test_a_name_of_two_versions_is_refused() -> None:
    with pytest.raises(UsageError, match="more than one judge"):
        judge_named(("plain@1", "plain@2"), "plain")


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=1, max_size=8))
def test_the_mean_of_people_lies_between_the_lowest_and_the_highest(raters: list[tuple[int, float]]) -> None:
    people = [person(items_, 40, figure) for items_, figure in raters]
    span = people_span(people, "exact")
    assert span is not None
    assert span.lowest - 1e-9 <= span.mean <= span.highest + 1e-9


def test_a_rater_of_a_handful_is_no_lowest_figure() -> None:
    span = people_span([person(100, 40, 0.7), person(3, 2, 0.0)], "exact")
    assert span is not None
    assert (span.lowest, span.raters) == (0.7, 1)
    assert people_span([person(3, 2, 0.0)], "exact") is None


def person(n_items: int, queries: int, figure: float) -> RaterReport:
    estimate = Estimate("exact", figure, None, None, n_items, queries)
    return RaterReport("x", n_items, queries, AgreementReport(n_items, queries, (estimate,), ()), None)
