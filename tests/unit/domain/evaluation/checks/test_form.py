"""Checks of form: what a judgement says in one place against what it says in another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.checks import CHECKS, IMAGE_CHECKS, Beside, findings, form, pictures
from tests.unit.domain.evaluation.checks.samples import GOOD, GOOD_IMAGE, guideline, judged, product, scored


def names(found) -> list[str]:
    return [each.check for each in found]


def test_a_sound_judgement_passes_every_check():
    assert findings(GOOD) == ()
    assert findings(GOOD_IMAGE) == ()


@pytest.mark.parametrize(
    ("grade", "verdicts", "expected"),
    [
        (2, "yny", "label_over_verdicts"),
        (1, "yny", "label_over_verdicts"),
        (2, "yyn", "label_over_verdicts"),
        (0, "yyy", "label_under_verdicts"),
        (0, "yyn", "label_under_verdicts"),
        (1, "yyy", "label_under_verdicts"),
        (2, "", "no_verdicts"),
    ],
)
def test_a_label_that_its_verdicts_deny_is_found(grade, verdicts, expected):
    assert names(findings(judged(grade=grade, verdicts=verdicts))) == [expected]


@pytest.mark.parametrize(("grade", "verdicts"), [(0, "yny"), (0, "y?y"), (1, "yyn"), (1, "y?y"), (2, "yy?")])
def test_a_label_that_follows_from_its_verdicts_passes(grade, verdicts):
    assert findings(judged(grade=grade, verdicts=verdicts, confidence=0.7)) == ()


def test_what_is_nice_to_have_lowers_no_label():
    body = guideline("must_have", "must_have", "approximate_is_okay", "nice_to_have")
    assert findings(judged(guideline=body, verdicts="yyyn")) == ()
    assert names(findings(judged(guideline=body, verdicts="yyyn", grade=1))) == ["label_under_verdicts"]


def test_a_finding_says_which_requirement_by_name():
    (found,) = findings(judged(verdicts="yny"))
    assert "made by Sony: n" in found.why


def test_as_sure_as_ever_though_a_must_have_is_not_told_is_found():
    assert names(findings(judged(verdicts="y?y", confidence=0.97))) == ["sure_though_untold"]
    assert findings(judged(verdicts="y?y", confidence=0.7)) == ()


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        ("", "reason_missing"),
        (" … !", "reason_missing"),
        ("Fits.", "reason_too_short"),
        ("It is so. " * 30, "reason_too_long"),
        ("Der Artikel ist ein Kopfhörer von Sony und in der Farbe nicht wie gesucht.", "reason_not_english"),
        ("Le produit est un casque de la marque, mais il ne correspond pas à la couleur.", "reason_not_english"),
        ("ソニーのヘッドホンで、色は黒です。", "reason_not_english"),
        ("Наушники Sony чёрного цвета, всё подходит.", "reason_not_english"),
    ],
)
def test_a_reason_that_is_none_or_in_another_language_is_found(reasoning, expected):
    assert names(findings(judged(reasoning=reasoning))) == [expected]


def test_words_of_the_products_own_data_are_no_other_language():
    title = "Kopfhörer von Sony mit Kabel für den Mann und die Frau"
    reason = f"The title “{title}” shows headphones made by Sony, as asked."
    assert form.reason_not_english(judged(reasoning=reason, product=product(title=title))) is None


@pytest.mark.parametrize(
    ("grade", "reasoning"),
    [
        (2, "A cable for headphones, not what was asked for."),
        (2, "Headphones of another brand than Sony."),
        (0, "Sony, headphones, black: every specification is met."),
        (0, "An exact match for the query in kind and brand."),
        (1, "These are pads, so the product is irrelevant here."),
        (2, "Grey instead of black, an acceptable substitute at best."),
    ],
)
def test_a_reason_that_says_the_other_label_is_found(grade, reasoning):
    assert form.reason_against_label(judged(grade=grade, reasoning=reasoning)) is not None


@pytest.mark.parametrize(
    ("grade", "reasoning"),
    [
        (0, "Headphones by JBL; not every specification is met, since Sony was asked for."),
        (2, "No other brand and nothing irrelevant in it: these are Sony headphones."),
        (1, "Not irrelevant, since a Sony headset; beige, not black, so an acceptable substitute."),
        (0, "Another brand than the one asked for."),
        (2, "Not another brand but Sony itself, so every specification is met."),
    ],
)
def test_a_reason_that_says_what_its_label_says_passes(grade, reasoning):
    assert form.reason_against_label(judged(grade=grade, reasoning=reasoning)) is None


REASON = "A replacement cushion for the kitchen chair in walnut wood, nothing to listen with."


def test_the_reason_of_another_product_word_for_word_is_found():
    beside = (Beside("l2", "Chair cushion walnut, for the kitchen", REASON),)
    assert "word for word" in form.reason_of_another(judged(reasoning=REASON, beside=beside)).why


@pytest.mark.parametrize(
    "beside",
    [
        Beside("l2", "Sony WH-1000XM5 Noise Cancelling, Silver", GOOD.reasoning),  # the same thing in another colour
        Beside("l2", "Garden hose 20 m", GOOD.reasoning),  # speaks of this product, not of that one
    ],
)
def test_the_same_words_for_what_is_so_of_both_pass(beside):
    assert form.reason_of_another(judged(beside=(beside,))) is None


def test_a_judge_that_writes_by_a_pattern_is_not_taken_for_one_that_copies():
    same = "Walnut judge: the title shares no word with what was asked; score minus two."
    others = tuple(Beside(f"l{n}", f"Walnut chair number {n}", same) for n in range(2, 6))
    assert form.reason_of_another(judged(reasoning=same, grade=0, verdicts="nnn", beside=others)) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (scored(5, focus=2), "overall_over_fault"),
        (scored(6, overlays=2), "overall_over_fault"),
        (scored(10, overlays=9), "overall_outside_aspects"),
        (scored(3), "overall_outside_aspects"),
        (scored(3, lighting=3, reasoning="An item upright on a table and whole, all sharp."), "fault_not_explained"),
        (scored(7, reasoning="The whole item in soft light, somewhat blurred."), "reason_against_aspects"),
        (scored(4, overlays=3, reasoning="Sharp and whole, plain wall, no text anywhere."), "reason_against_aspects"),
    ],
)
def test_a_picture_score_that_does_not_fit_the_rubric_is_found(found, expected):
    assert expected in names(findings(found))


@pytest.mark.parametrize(
    "found",
    [
        scored(3, focus=2, reasoning="Motion blur over the whole item, of which nothing can be told."),
        scored(1),  # no item in the picture at all
        scored(7, reasoning="Sharp item before a blurred background, in even light and whole."),
    ],
)
def test_a_picture_score_by_the_rubric_passes(found):
    assert findings(found) == ()


def test_a_picture_without_aspects_is_not_called_wrong():
    assert pictures.overall_outside_aspects(scored(3)) is not None
    assert [check(judged(kind="image", aspects={}, grade=3, guideline=None)) for check in IMAGE_CHECKS] == [None] * len(
        IMAGE_CHECKS
    )


@given(st.text(max_size=300), st.integers(0, 2), st.text("yn?x", max_size=4))
def test_no_reply_breaks_a_check(reasoning, grade, verdicts):
    found = findings(judged(reasoning=reasoning, grade=grade, verdicts=verdicts))
    assert {each.check for each in found} <= {check.__name__ for check in CHECKS}
