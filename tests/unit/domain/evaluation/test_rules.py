"""What the grades of a file mean to us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.rules import BadRule, OutsideRule, ours, rule_of
from core.domain.labels import Label


@pytest.mark.parametrize("written", ["3", "3.0", " 03 ", 3, 3.0])
def test_a_number_is_one_grade_however_it_is_written(written: object) -> None:
    assert rule_of("0=0 3=2", "relevance").grade(written) == 2


def test_words_are_grades_too_in_either_case() -> None:
    rule = rule_of("E=2 S=1 C=0 I=irrelevant", "relevance")
    assert [rule.grade(word) for word in ("E", "s", " C ", "i")] == [2, 1, 0, 0]


def test_a_word_with_a_space_stands_between_commas() -> None:
    rule = rule_of("Not good=0, very  good=2", "relevance")
    assert [rule.grade("not good"), rule.grade("Very Good")] == [0, 2]
    assert rule_of(rule.text, "relevance") == rule


@pytest.mark.parametrize("written", [None, "", " ", "none", "N/A", "-", "unsure"])
def test_what_means_no_grade_is_none(written: object) -> None:
    assert rule_of("0=0 1=2 unsure=none", "relevance").grade(written) is None


def test_our_labels_names_need_no_rule() -> None:
    rule = rule_of("", "relevance")
    assert [rule.grade(label.value) for label in Label] == [0, 1, 2]
    assert rule_of("5=2", "relevance").grade("irrelevant") == 0


def test_numbers_without_a_rule_mean_nothing_yet() -> None:
    with pytest.raises(OutsideRule, match='state it with --rule "0=0 1=1 2=1 3=2"'):
        rule_of("", "relevance").grade(2)


def test_a_grade_outside_the_rule_is_refused() -> None:
    with pytest.raises(OutsideRule, match="not in the rule 0=0 1=2"):
        rule_of("1=2 0=0", "relevance").grade(3)


def test_scores_of_pictures_are_ours_as_they_are() -> None:
    rule = rule_of("", "image")
    assert [rule.grade("10"), rule.grade(1)] == [10, 1]
    with pytest.raises(OutsideRule):
        rule.grade(11)


def test_scores_can_be_mapped() -> None:
    assert rule_of("1=2 5=10", "image").grade("5") == 10


def test_grades_that_are_ours_keep_the_rule_they_were_made_by() -> None:
    rule = ours("relevance", "a=0 b=2")
    assert (rule.text, rule.grade(2)) == ("a=0 b=2", 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0=0 1", "no part of a rule"),
        ("=0", "no part of a rule"),
        ("0=3", "none of our grades"),
        ("0=", "none of our grades"),
        ("0=0 0.0=1", "two meanings"),
        ("0=none", "no grade at all"),
    ],
)
def test_a_rule_that_can_not_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(BadRule, match=says):
        rule_of(text, "relevance")


@pytest.mark.parametrize("text", ["0=0 1=1 2=1 3=2", "3=2 2=1 0=0 1=1", "3.0=2, 2=1; 0=0, 1=1"])
def test_one_rule_has_one_spelling(text: str) -> None:
    assert rule_of(text, "relevance").text == "0=0 1=1 2=1 3=2"


@given(st.dictionaries(st.integers(-5, 100), st.sampled_from([0, 1, 2]), min_size=1))
def test_a_rule_is_read_back_from_its_text(grades: dict[int, int]) -> None:
    rule = rule_of(" ".join(f"{theirs}={mine}" for theirs, mine in grades.items()), "relevance")
    assert {theirs: rule.grade(theirs) for theirs in grades} == grades
    assert rule_of(rule.text, "relevance") == rule
