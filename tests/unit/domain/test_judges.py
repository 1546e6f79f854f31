"""Versions of judges, their files, what stands after which deeds, and who is in the shadow."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.evaluation.estimates import Estimate
from core.domain.evaluation.shadows import agreement_of
from core.domain.judge_files import CASCADE_CONFIDENCE, parsed_judge, refuse_anchors
from core.domain.judges import SETTINGS, changed_parameters, changed_prompts, in_shadow, promoted, versioned
from core.domain.sampling import Sampling
from core.errors import UsageError
from core.settings import Settings
from tests.support.fake_judges import judge, reworded

WHOLE = """
name = "strict-brands"
model = "judge-1"
vision_model = "eye-1"
mode = "multimodal"
products_per_call = 10

[prompts]
judgements = "judgements.md"

[cascade]
model = "strong"

[parameters]
temperature = 0.2
reasoning_effort = "low"
reasoning_tokens = 2000
"""

CHANGES: list[dict[str, object]] = [
    {"mode": "multimodal"},
    {"model": "judge-2"},
    {"vision_model": "eye-2"},
    {"products_per_call": 5},
    {"parameters": {"temperature": 0.5}},
    {"parameters": {"reasoning_effort": "low"}},
    {"parameters": {"reasoning_tokens": 500}},
    {"cascade": {"model": "strong"}},
]


# --- The version -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_every_parameter_makes_another_version(change: dict[str, object]) -> None:
    assert judge(**{"model": "judge-1", **change}).version != judge().version


@pytest.mark.parametrize("name", ["guideline", "judgements", "picture_description", "picture_scores"])
def test_every_prompt_makes_another_version(name: str) -> None:
    assert reworded(judge(), **{name: "another text"}).version != judge().version


def test_two_names_of_one_judge_share_a_hash() -> None:
    one, other = judge("one").version, judge("other").version
    assert one.partition("@")[2] == other.partition("@")[2]
    assert (one[:4], other[:6]) == ("one@", "other@")


def test_a_version_is_the_same_whoever_makes_it() -> None:
    assert versioned(replace(judge(), version="anything")) == judge()


def test_what_differs_is_told_by_name() -> None:
    before, after = (
        judge(),
        reworded(judge(model="judge-2"), guideline=judge().prompts["guideline"] + "\nOne more line."),
    )
    assert changed_parameters(before, after) == [
        ("model", "judge-1", "judge-2"),
        ("vision model", "judge-1", "judge-2"),
    ]
    prompts = changed_prompts(before, after)
    assert list(prompts) == ["guideline"]
    assert prompts["guideline"][-1] == "+One more line."


def test_of_one_version_nothing_differs() -> None:
    assert (changed_parameters(judge(), judge()), changed_prompts(judge(), judge())) == ([], {})


# --- The file --------------------------------------------------------------------------------------------


def test_a_whole_file_is_read() -> None:
    file = parsed_judge(WHOLE, "strict.toml")
    assert (file.name, file.mode, file.products_per_call, file.prompts.judgements) == (
        "strict-brands",
        "multimodal",
        10,
        "judgements.md",
    )
    assert file.models == ("judge-1", "eye-1", "strong")
    assert file.cascade_made() is not None
    assert file.sampling() == Sampling(0.2, "low", 2_000)


def test_a_file_needs_a_name_and_a_model_only() -> None:
    assert parsed_judge('name = "a"\nmodel = "m"', "a.toml").cascade_made() is None


def test_a_cascade_without_confidence_has_that_of_the_settings() -> None:
    assert Settings(_env_file=None).llm_cascade_confidence == CASCADE_CONFIDENCE


BAD = [
    ('name = "a"\nmodel = ', "a.toml is no TOML: Invalid value (at"),
    ('model = "m"', "a.toml: name is missing"),
    ('name = "a"\nmodel = "m"\ntemperture = 1', "a.toml, line 3: there is no key 'temperture'; there are name, model"),
    ('name = "a"\nmodel = "m"\n\n[prompts]\nrubric = "x"', "a.toml, line 5: there is no key 'prompts.rubric'"),
    ('name = "a"\nmodel = "m"\nmode = "pictures"', "a.toml, line 3: mode: Input should be 'text'"),
    ('name = "a"\nmodel = "m"\nproducts_per_call = 40', "a.toml, line 3: products_per_call: Input should be less"),
    (
        'name = "a"\nmodel = "m"\nproducts_per_call = "4"',
        "a.toml, line 3: products_per_call: Input should be a valid int",
    ),
    ('name = "a"\nmodel = "m"\n[cascade]\nconfidence = 0.5', "a.toml, line 3: cascade.model is missing"),
    ('name = "a b"\nmodel = "m"', "a.toml, line 1: name: takes 1 to 64 letters"),
    ('name = "live"\nmodel = "m"', "a.toml, line 1: name: 'live' is what commands call another judge"),
    ('name = "x.toml"\nmodel = "m"', "a.toml, line 1: name: takes 1 to 64 letters"),
    (
        'name = "a"\nmodel = "m"\n[parameters]\ntemperature = 3',
        "a.toml, line 4: parameters.temperature: Input should be",
    ),
    ('name = "a"\nmodel = "m"\n[parameters]\ntop_p = 1', "a.toml, line 4: there is no key 'parameters.top_p'"),
    ('name = "a"\nmodel = ""', "a.toml, line 2: model: String should have at least 1 character"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[said for _, said in BAD])
def test_a_wrong_file_is_refused_with_line_and_name(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed_judge(text, "a.toml")
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_prompt_that_shows_an_anchor_is_refused() -> None:
    anchor = AnchorText("red lamp", "Acme lamp, red, 40 cm", "l1")
    told = reworded(judge(), judgements="For red  Lamp the product Acme Lamp, red, 40 cm is highly relevant.")
    with pytest.raises(UsageError, match="the prompt judgements of the judge strict shows the anchor 'red lamp'"):
        refuse_anchors(told, [anchor])
    refuse_anchors(judge(), [anchor])


# --- Deeds -----------------------------------------------------------------------------------------------


def test_a_rollback_takes_off_the_last_promotion() -> None:
    deeds = [("promote", "a"), ("promote", "b"), ("shadow", "c"), ("rollback", "a"), ("promote", "c")]
    assert promoted(deeds) == ["a", "c"]


def test_rolling_back_twice_goes_back_two_promotions() -> None:
    assert promoted([("promote", "a"), ("promote", "b"), ("rollback", "a"), ("rollback", SETTINGS)]) == []


@given(st.lists(st.tuples(st.sampled_from(("promote", "rollback", "shadow")), st.sampled_from("abc")), max_size=12))
def test_the_last_that_stands_is_what_the_newest_promotion_says(deeds: list[tuple[str, str]]) -> None:
    standing = promoted(deeds)
    named = [version for act, version in deeds if act != "shadow"]
    if named and deeds and [act for act, _ in deeds if act != "shadow"][-1] == "promote":
        assert standing[-1] == named[-1]
    assert all(one != other for one, other in itertools.pairwise(standing))


# --- The shadow ------------------------------------------------------------------------------------------

PAIRS = st.tuples(st.text(max_size=5), st.text(max_size=5))


@given(PAIRS, st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_share_is_a_part_of_a_larger_one(pair: tuple[str, str], one: float, other: float) -> None:
    assert not in_shadow(pair, min(one, other)) or in_shadow(pair, max(one, other))


def test_a_share_of_the_pairs_is_taken() -> None:
    taken = sum(in_shadow(("shop", "de", f"q{n}", "", f"l{n}"), 0.1) for n in range(10_000))
    assert 900 < taken < 1_100
    assert all(in_shadow((str(n),), 1.0) for n in range(1_000))
    assert not any(in_shadow((str(n),), 0.0) for n in range(1_000))


def test_agreement_is_told_by_grades() -> None:
    counts = {("a", 2, 2): 3, ("b", 2, 2): 3, ("b", 0, 0): 2, ("c", 2, 0): 1, ("c", 1, 2): 1}
    found = agreement_of("new@1", "live@1", "relevance", counts)
    assert (found.pairs, found.queries, found.same.value, found.hard.value) == (10, 3, 0.8, 0.1)
    assert found.bias.value == pytest.approx(-0.1)
    assert found.quadratic_kappa.value == pytest.approx(0.6667, abs=0.05)
    assert found.confusion == ((2, 0, 0), (0, 0, 1), (1, 0, 6))


def test_the_interval_of_agreement_is_over_queries() -> None:
    alone = {(f"q{pair}", 2, 2 if pair % 4 else 0): 1 for pair in range(200)}
    together = {(f"q{pair}", 2, 2 if pair % 4 else 0): 10 for pair in range(20)}
    narrow, wide = (agreement_of("new@1", "live@1", "relevance", counts).same for counts in (alone, together))
    assert narrow.value == wide.value == 0.75
    assert width(wide) > 2 * width(narrow)


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_where_the_live_judge_gave_one_grade_kappa_is_not_defined() -> None:
    found = agreement_of("new@1", "live@1", "image", {("l1", 7, 7): 3, ("l2", 7, 5): 1}).quadratic_kappa
    assert (found.value, bool(found.why_not)) == (None, True)
