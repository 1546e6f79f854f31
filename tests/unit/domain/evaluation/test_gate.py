"""Rules of a gate, held against hand-made figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.canary import Lift
from core.domain.evaluation.estimates import (
    AgreementReport,
    ComparedSegment,
    Comparison,
    Difference,
    Estimate,
    Segment,
)
from core.domain.evaluation.gate import Evidence, Outcome, outcomes
from core.domain.evaluation.gate_rules import Rules, check_scale, rules_of
from core.domain.evaluation.intervals import NO_SPREAD
from core.domain.evaluation.sample import IMAGE, RELEVANCE
from core.errors import UsageError

HEAD = 'dataset = "pairs"\n'


def rules(text: str) -> Rules:
    return rules_of(HEAD + text, "rules.toml")


def agreed(*found: Estimate, items: int = 100) -> AgreementReport:
    return AgreementReport(items, 40, found, ())


def compared(*found: Difference, items: int = 100) -> Comparison:
    return Comparison(items, 40, 10, found)


def estimate(name: str, value: float | None, low: float | None, high: float | None, why: str = "") -> Estimate:
    return Estimate(name, value, low, high, 100, 40, why)


def difference(name: str, value: float | None, low: float | None, high: float | None, why: str = "") -> Difference:
    return Difference(name, 0.5, 0.5, value, low, high, 100, 40, why)


def evidence(
    overall: AgreementReport | None = None,
    versus: Comparison | None = None,
    segments: tuple[Segment, ...] = (),
    compared_segments: tuple[ComparedSegment, ...] = (),
    usd: float | None = None,
    lift: Lift | None = None,
) -> Evidence:
    return Evidence(overall or agreed(), segments, "old@1", versus, compared_segments, usd, 90, lift)


def held(text: str, found: Evidence) -> list[Outcome]:
    return list(outcomes(rules(text), found))


NOT_WORSE = '[[not_worse]]\nmetric = "{}"\nby = 0.02\nread = "{}"\n'


@pytest.mark.parametrize(
    ("metric", "read", "ends", "passed"),
    [
        ("exact", "interval", (-0.01, -0.019, 0.01), True),
        ("exact", "interval", (0.01, -0.03, 0.05), False),
        ("exact", "value", (0.01, -0.03, 0.05), True),
        ("exact", "value", (-0.03, -0.05, -0.01), False),
        ("hard_disagreement", "interval", (0.01, -0.01, 0.019), True),
        ("hard_disagreement", "interval", (0.01, -0.01, 0.03), False),
        ("hard_disagreement", "value", (-0.5, -0.6, -0.4), True),
    ],
)
def test_not_worse_reads_the_interval_or_the_value_and_knows_which_way_is_good(
    metric: str, read: str, ends: tuple[float, float, float], passed: bool
) -> None:
    found = evidence(versus=compared(difference(metric, *ends)))
    assert [each.passed for each in held(NOT_WORSE.format(metric, read), found)] == [passed]


def test_a_difference_that_is_not_defined_breaks_its_rule_and_says_why() -> None:
    found = evidence(versus=compared(difference("kappa", None, None, None, "people gave one label only")))
    outcome = held(NOT_WORSE.format("kappa", "interval"), found)[0]
    assert (outcome.figure, outcome.passed, outcome.why) == (None, False, "people gave one label only")


def test_a_figure_without_an_interval_breaks_a_rule_read_by_it() -> None:
    found = evidence(versus=compared(difference("exact", 0.1, None, None, "fewer than 10 queries")))
    outcome = held(NOT_WORSE.format("exact", "interval"), found)[0]
    assert (outcome.figure, outcome.passed, outcome.why) == (0.1, False, "fewer than 10 queries")


def test_judges_that_are_alike_in_every_query_lose_nothing() -> None:
    found = evidence(versus=compared(difference("exact", 0.0, None, None, NO_SPREAD)))
    assert held(NOT_WORSE.format("exact", "interval"), found)[0].passed


def test_not_worse_without_another_judge_is_broken() -> None:
    assert held(NOT_WORSE.format("exact", "value"), evidence())[0].passed is False


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('[[minimum]]\nmetric = "exact"\nvalue = 0.7\n', False),
        ('[[minimum]]\nmetric = "exact"\nvalue = 0.7\nread = "value"\n', True),
        ('[[maximum]]\nmetric = "exact"\nvalue = 0.8\n', True),
        ('[[maximum]]\nmetric = "exact"\nvalue = 0.74\n', False),
    ],
)
def test_limits_are_held_against_the_end_that_decides(text: str, passed: bool) -> None:
    found = evidence(agreed(estimate("exact", 0.72, 0.68, 0.76)))
    assert held(text, found)[0].passed is passed


@pytest.mark.parametrize(("low", "high", "passed"), [(-0.05, 0.02, True), (-0.12, -0.05, False), (0.02, 0.11, False)])
def test_bias_is_held_by_its_distance_from_zero(low: float, high: float, passed: bool) -> None:
    found = evidence(agreed(estimate("mean_bias", (low + high) / 2, low, high)))
    assert held('[[maximum]]\nmetric = "mean_bias"\nvalue = 0.1\n', found)[0].passed is passed


def test_each_segment_is_looked_at_and_small_ones_are_left_out() -> None:
    segments = (
        Segment("market", "de", agreed(estimate("exact", 0.8, 0.75, 0.85))),
        Segment("market", "us", agreed(estimate("exact", 0.6, 0.5, 0.7))),
        Segment("market", "mt", agreed(estimate("exact", 0.1, 0.0, 0.2), items=12)),
        Segment("length", "1", agreed(estimate("exact", 0.1, 0.0, 0.2))),
    )
    found = held('[[minimum]]\nmetric = "exact"\nvalue = 0.7\neach = "market"\n', evidence(segments=segments))
    assert [(each.segment, each.passed) for each in found] == [
        ("market=de", True),
        ("market=us", False),
        ("market=mt", None),
    ]


def test_a_segment_that_the_dataset_lacks_breaks_its_rule() -> None:
    named = '[[minimum]]\nmetric = "exact"\nvalue = 0.7\nsegment = "market=fr"\n'
    each = '[[minimum]]\nmetric = "exact"\nvalue = 0.7\neach = "market"\n'
    assert [outcome.passed for outcome in held(named + each, evidence())] == [False, False]


def test_a_segment_of_a_comparison_is_found_by_its_name() -> None:
    parts = (ComparedSegment("market", "de", compared(difference("exact", 0.0, -0.01, 0.01))),)
    text = NOT_WORSE.format("exact", "interval") + 'segment = "market=de"\n'
    assert held(text, evidence(versus=compared(), compared_segments=parts))[0].passed is True


LIFT = Lift("all", judged=100, succeeded=4, failed=0, mean=0.05, share=0.04, low=0.016, high=0.098)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("[canary]\nshare = 0.05\n", True),
        ('[canary]\nshare = 0.05\nread = "interval"\n', False),
        ("[canary]\nmean_lift = 0.04\n", False),
    ],
)
def test_canary_lift_is_held(text: str, passed: bool) -> None:
    assert held(text, evidence(lift=LIFT))[0].passed is passed


def test_a_judge_that_was_not_tried_with_the_canaries_breaks_their_rules() -> None:
    found = held("[canary]\nshare = 0.05\nmean_lift = 0.1\n", evidence())
    assert [each.passed for each in found] == [False, False]
    assert "assay canary" in found[0].why


@pytest.mark.parametrize(("usd", "passed"), [(0.0004, True), (0.0006, False), (None, False)])
def test_cost_a_pair_is_held_and_an_unknown_one_breaks_the_rule(usd: float | None, passed: bool) -> None:
    assert held("[cost]\nusd_per_pair = 0.0005\n", evidence(usd=usd))[0].passed is passed


@given(st.floats(-1, 1), st.floats(0, 1))
def test_a_looser_rule_is_never_harder_to_keep(value: float, by: float) -> None:
    found = evidence(versus=compared(difference("exact", value, value - 0.01, value + 0.01)))
    strict, loose = (
        held(f'[[not_worse]]\nmetric = "exact"\nby = {limit!r}\n', found)[0].passed for limit in (by, by + 0.1)
    )
    assert loose or not strict


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('dataset = "a"\n[[not_worse]]\nmetric = "kapa"\nby = 0.1', "not_worse 1, metric: there is no metric 'kapa'"),
        ('dataset = "a"\n[[minimum]]\nmetric = "mean_grade"\nvalue = 1', "no measure of a judge's quality"),
        ('dataset = "a"\n[[not_worse]]\nmetric = "mean_bias"\nby = 1', r"use \[\[maximum\]\]"),
        ('dataset = "a"\n[[minimum]]\nmetric = "exact"\nvalue = nan', "finite number"),
        ('dataset = "a"\n[[minimum]]\nmetric = "exact"\nvalue = 1\nsegment = "town=x"', "market=de"),
        ('dataset = "a"\n[[minimum]]\nmetric = "exact"\nvalue = 1\nsegment = "market=x"\neach = "market"', "not both"),
        ('dataset = "a"', "there is no rule"),
        ("[cost]\nusd_per_pair = 1", "dataset: is missing"),
        ('dataset = "a@1"\n[cost]\nusd_per_pair = 1', "dataset"),
        ('dataset = "a"\n[canary]', "share, mean_lift or both"),
        ('dataset = "a"\n[cost]\nusd_per_pair = 1\ncurrency = "EUR"', "cost currency: there is no such key"),
        ('dataset = "a"\n[[not_worse]]\nmetric = "exact"\nbuy = 0.1', "not_worse 1, buy: there is no such key"),
        ("dataset = x\n", r"rules\.toml is no TOML.*line 1"),
    ],
)
def test_rules_that_are_wrong_are_refused_with_their_place(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rules_of(text, "rules.toml")


def test_a_metric_of_other_grades_is_refused() -> None:
    of_pictures = rules('[[minimum]]\nmetric = "recall_7"\nvalue = 0.5\n')
    check_scale(of_pictures, IMAGE, "rules.toml")
    with pytest.raises(UsageError, match=r"rules\.toml: the dataset's grades have no metric 'recall_7'"):
        check_scale(of_pictures, RELEVANCE, "rules.toml")
