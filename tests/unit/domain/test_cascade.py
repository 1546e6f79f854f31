"""Which products of a cheap reply go to the strong model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cascade import Cascade, escalated, escalates, step_subject
from core.domain.judging import GuidelineReply, LabelGuide, ProductJudgement, Requirement, read_verdicts, undecided
from core.domain.labels import Label

ONE = Cascade("strong", confidence=0.8)
TWO = Cascade("strong", "other", 0.8)


GUIDELINE = GuidelineReply(
    translation="red shoes",
    specificity="medium",
    requirements=[
        Requirement(requirement="shoes", importance="must_have", why="asked"),
        Requirement(requirement="red", importance="approximate_is_okay", why="asked"),
        Requirement(requirement="for women", importance="must_have", why="asked"),
    ],
    guideline=LabelGuide(highly_relevant="red", acceptable_substitute="shoes", irrelevant="rest"),
)


def _judged(label: Label = Label.HIGHLY_RELEVANT, confidence: float = 0.95, verdicts: str = "yyy") -> ProductJudgement:
    return ProductJudgement(item="p1", reasoning="r", verdicts=verdicts, label=label, confidence=confidence)


judgements = st.builds(_judged, st.sampled_from(Label), st.floats(0, 1), st.text("yn?", max_size=4))


@pytest.mark.parametrize(
    ("told", "count"),
    [("yyy", 0), ("y?y", 0), ("??y", 1), ("???", 2), ("?yn", 0), ("", 2), ("yy", 2), ("yyyy", 2), ("yxy", 2)],
)
def test_undecided_are_the_must_haves_not_told_unless_one_is_not_met(told, count):
    assert undecided(_judged(verdicts=told), GUIDELINE) == count


@pytest.mark.parametrize(
    ("told", "read"), [("y,n,?", "yn?"), ("Y N ?", "yn?"), ("yes", ""), ("yn", ""), ("yn?y", ""), ("y\u0000n", "")]
)
def test_verdicts_are_one_letter_a_requirement_or_none(told, read):
    assert read_verdicts(told, 3) == read


@pytest.mark.parametrize("label", list(Label))
def test_a_sure_and_settled_grade_stands(label):
    assert escalates(ONE, GUIDELINE, _judged(label), None) is None


def test_a_grade_below_the_confidence_goes_on():
    assert escalates(ONE, GUIDELINE, _judged(confidence=0.79), None) == "low_confidence"
    assert escalates(ONE, GUIDELINE, _judged(confidence=0.8), None) is None


def test_an_undecided_must_have_goes_on_however_sure():
    assert escalates(ONE, GUIDELINE, _judged(confidence=1.0, verdicts="yy?"), None) == "must_have_undecided"


def test_two_cheap_models_that_agree_let_the_grade_stand():
    assert escalates(TWO, GUIDELINE, _judged(), _judged(confidence=0.1)) is None


def test_two_cheap_models_that_differ_go_on():
    assert escalates(TWO, GUIDELINE, _judged(), _judged(Label.IRRELEVANT)) == "disagreement"


def test_one_opinion_is_not_two():
    assert escalates(TWO, GUIDELINE, _judged(), None) == "no_second_opinion"


@given(first=judgements, low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_confidence_asks_the_strong_model_at_least_as_often(first, low, high):
    low, high = sorted((low, high))
    if escalates(Cascade("strong", confidence=low), GUIDELINE, first, None) is not None:
        assert escalates(Cascade("strong", confidence=high), GUIDELINE, first, None) is not None


@given(first=judgements, second=judgements)
def test_a_second_model_never_keeps_what_one_alone_would_not(first, second):
    if escalates(TWO, GUIDELINE, first, second) is None:
        assert escalates(ONE, GUIDELINE, first, None) is None
        assert first.label is second.label


def test_reasons_are_told_by_item_in_the_replys_order():
    first = {"p2": _judged(confidence=0.1), "p1": _judged(), "p3": _judged(verdicts="?y?")}
    assert list(escalated(ONE, GUIDELINE, first, {}).items()) == [
        ("p2", "low_confidence"),
        ("p3", "must_have_undecided"),
    ]


def test_a_strong_calls_subject_counts_its_reasons():
    reasons = {"a": "low_confidence", "b": "disagreement", "c": "low_confidence"}
    assert step_subject({"market": "uk"}, "strong", reasons) == {
        "market": "uk",
        "cascade": "strong",
        "disagreement": "1",
        "low_confidence": "2",
    }


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "c"]), st.sampled_from([0.5, 0.8])), min_size=2))
def test_cascades_that_differ_have_identities_that_differ(parts):
    cascades = [Cascade(*part) for part in parts]
    assert len({each.identity for each in cascades}) == len(set(cascades))
