"""Guidelines as people handle them: contexts, versions, what an edit may say, what it changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.guidelines import (
    EDIT_CHARS,
    MAX_REQUIREMENTS,
    BadEdit,
    GuidelineKey,
    checked_author,
    checked_edit,
    context_of,
    context_text,
    difference,
    edited_version,
    guideline_version,
    read_context,
    told_lines,
)
from core.domain.judging import GuidelineReply
from core.domain.requests import JudgeRequest, rated_of, request_of
from core.domain.task_keys import query_group, relevance_task_key

KEY = GuidelineKey("de", "rote schuhe", "de")
TOLD: dict[str, object] = {
    "translation": "red shoes",
    "specificity": "medium",
    "requirements": [{"requirement": "shoes", "importance": "must_have", "why": "asked"}],
    "guideline": {"highly_relevant": "red shoes", "acceptable_substitute": "shoes", "irrelevant": "the rest"},
}
BODY = checked_edit(TOLD)
FILTERS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), max_size=5)
WORDS = st.text("abc ", min_size=1, max_size=20).filter(str.strip)
BODIES = st.builds(
    lambda words, rows: checked_edit(
        {
            **TOLD,
            "translation": words[0],
            "requirements": [{"requirement": row, "importance": "nice_to_have", "why": ""} for row in rows],
            "guideline": dict(zip(("highly_relevant", "acceptable_substitute", "irrelevant"), words[1:], strict=True)),
        }
    ),
    st.lists(WORDS, min_size=4, max_size=4),
    st.lists(WORDS, max_size=5),
)


# --- Context ---------------------------------------------------------------------------------------------


@given(filters=FILTERS, data=st.data())
def test_filters_are_one_context_in_whatever_order_they_come(filters, data):
    shuffled = dict(data.draw(st.permutations(list(filters.items()))))
    assert context_text(context_of(shuffled)) == context_text(context_of(filters))


@given(filters=FILTERS)
def test_a_context_is_read_as_it_was_written(filters):
    assert read_context(context_text(context_of(filters))) == context_of(filters)


def test_a_line_for_judging_may_carry_filters():
    line = json.dumps({"query": "schuhe", "listing_id": "l", "context": {"gender": "women", "size": None}}).encode()
    found = request_of(line)
    assert isinstance(found, JudgeRequest)
    assert found.context == (("gender", "women"),)


@pytest.mark.parametrize(
    ("context", "detail"),
    [
        ({"market": "at"}, "context.market"),
        ({"gender": 1}, "context.gender: not text"),
        ({f"f{n}": "x" for n in range(11)}, "11 filters"),
        ({"gender": "x" * 101}, "context.gender: 101 characters"),
        ("women", "context: not an object"),
    ],
)
def test_filters_that_are_none_are_refused_by_name(context, detail):
    found = request_of(json.dumps({"query": "schuhe", "listing_id": "l", "context": context}).encode())
    assert detail in found.detail


@pytest.mark.parametrize(
    ("told", "grade"), [({}, None), ({"grade": 1}, 1), ({"label": "highly_relevant"}, 2), ({"label": None}, None)]
)
def test_a_line_may_carry_what_people_said(told, grade):
    assert rated_of(json.dumps({"query": "schuhe", "listing_id": "l", **told}).encode()).grade == grade


@pytest.mark.parametrize("told", [{"grade": 3}, {"grade": True}, {"label": "great"}, {"label": 2}])
def test_what_people_said_is_one_of_three(told):
    assert rated_of(json.dumps({"query": "schuhe", "listing_id": "l", **told}).encode()).reason == "bad_field"


# --- Keys of tasks and versions --------------------------------------------------------------------------


def test_a_context_and_a_guidelines_version_make_another_task():
    query = ("shop", "de", "rote schuhe")
    plain = relevance_task_key(query, "l1", "c1", "judge")
    made = {
        plain,
        relevance_task_key(query, "l1", "c1", "judge", context="x"),
        relevance_task_key(query, "l1", "c1", "judge", guideline="x"),
        relevance_task_key(query, "l1", "c1", "judge", context="x", guideline="x"),
    }
    assert len(made) == 4


def test_pairs_of_one_context_are_one_group():
    assert query_group("shop", "de", "q") != query_group("shop", "de", "q", "x") == query_group("shop", "de", "q", "x")


def test_a_version_tells_text_and_context_apart():
    other = BODY.model_copy(update={"translation": "scarlet shoes"})
    versions = {
        guideline_version(KEY, BODY, "g@1"),
        guideline_version(KEY, other, "g@1"),
        guideline_version(KEY, BODY, "g@2"),
        guideline_version(replace(KEY, language="en"), BODY, "g@1"),
        guideline_version(replace(KEY, context=(("gender", "women"),)), BODY, "g@1"),
    }
    assert len(versions) == 5


def test_an_edit_that_says_what_was_said_before_is_another_version():
    assert edited_version(KEY, BODY, 2) != edited_version(KEY, BODY, 4)


# --- Edits -----------------------------------------------------------------------------------------------


def _changed(path: str, value: object) -> dict[str, object]:
    told = json.loads(json.dumps(TOLD))
    *parents, last = path.split(".")
    place = told
    for step in parents:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return told


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("translation", "", "translation: empty"),
        ("translation", "\u200b", "translation: empty"),
        ("specificity", "vague", "specificity"),
        ("requirements.0.importance", "must", "importance"),
        ("requirements.0.requirement", " ", "requirement 1: empty"),
        ("guideline.irrelevant", "", "irrelevant: empty"),
        ("guideline.irrelevant", "x" * (EDIT_CHARS + 1), f"irrelevant: {EDIT_CHARS + 1} characters"),
        ("extra", "x", "extra"),
    ],
)
def test_an_edit_that_is_no_guideline_is_refused_with_what_to_change(path, value, said):
    with pytest.raises(BadEdit, match=said):
        checked_edit(_changed(path, value))


def test_an_edit_of_too_many_requirements_is_refused():
    row = {"requirement": "shoes", "importance": "must_have", "why": ""}
    with pytest.raises(BadEdit, match="requirements: 13"):
        checked_edit(_changed("requirements", [row] * (MAX_REQUIREMENTS + 1)))


def test_an_edit_is_stored_without_what_no_eye_sees():
    assert (
        checked_edit(_changed("guideline.irrelevant", "the\u202e rest\n of it")).guideline.irrelevant
        == "the rest of it"
    )


@pytest.mark.parametrize("name", ["", "  ", "model", " model "])
def test_an_edit_carries_a_persons_name(name):
    with pytest.raises(BadEdit, match="author"):
        checked_author(name)


@given(before=BODIES, after=BODIES)
def test_a_difference_tells_both_texts(before: GuidelineReply, after: GuidelineReply):
    lines = difference(before, after)
    assert [line.text for line in lines if line.change != "added"] == told_lines(before)
    assert [line.text for line in lines if line.change != "removed"] == told_lines(after)


@given(body=BODIES)
def test_the_same_text_differs_in_nothing(body: GuidelineReply):
    assert {line.change for line in difference(body, body)} == {"same"}


def test_the_first_version_is_all_new():
    assert {line.change for line in difference(None, BODY)} == {"added"}
