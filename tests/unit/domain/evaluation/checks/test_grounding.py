"""Checks of grounding: a reason names what the product states or the query asks for, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.checks import findings
from core.domain.evaluation.checks.facts import readings
from core.domain.relevance import Search
from tests.unit.domain.evaluation.checks.samples import judged, product


def found(reasoning: str, **changes: object) -> list[tuple[str, str]]:
    return [(each.check, each.why) for each in findings(judged(reasoning=reasoning, **changes))]


@pytest.mark.parametrize(
    ("reasoning", "check", "quoted"),
    [
        ("Sony headphones in black with 40 mm drivers, as asked.", "size_not_stated", "40 mm"),
        ("Black Sony headphones, 450g, all as asked for.", "size_not_stated", "450g"),
        ("Sony headphones of size XL, black as asked.", "size_not_stated", "size xl"),
        ("Sony headphones in size 42 as asked for.", "size_not_stated", "size 42"),
        ("Black Sony headphones for £199, as asked.", "price_not_stated", "£199"),
        ("Black Sony headphones at 89.50 EUR, as asked.", "price_not_stated", "89.50 eur"),
        ("The Sony WH-1000XM4 in black, as asked.", "model_not_stated", "wh-1000xm4"),
        ("Sony headphones, though MDR7506 is the model, black.", "model_not_stated", "mdr7506"),
        ("Black headphones made by JBL and not as asked.", "brand_not_stated", "JBL"),
        ("Black headphones from The North Face, so not as asked.", "brand_not_stated", "The North Face"),
        ("Headphones made by LG in black, so not as asked.", "brand_not_stated", "LG"),
        ("Sony headphones in red, so only near to what is asked.", "colour_not_stated", "red"),
    ],
)
def test_what_neither_product_nor_query_states_is_found(reasoning, check, quoted):
    (only,) = found(reasoning)
    assert only[0] == check
    assert f"“{quoted}”" in only[1]


@pytest.mark.parametrize(
    "reasoning",
    [
        "Sony headphones in black, 250 g or 0.25 kg, as asked.",
        "A cable of 120 cm and 10 m of reach; Sony, as asked.",
        "Black Sony headphones for 299.90 GBP, about £300, as asked.",
        "The WH1000 XM5 by Sony (WH-1000XM5) in black.",
        "Sony headphones in black; 2 of them, 3rd version, a 5-year-old, MP3 and USB-C too.",
        "Made by Sony, not another brand; black and not grey-like in any way the title would say blackish.",
        "Headphones with 30 hours and a score of +1.2, embedding similarity 0.85, Sony.",
    ],
)
def test_what_is_stated_in_another_form_passes(reasoning):
    grey = product(description="Over-ear. Cable of 1,2 m, works to 10 m away. Anthracite grey too.")
    assert found(reasoning, product=grey) == []


def test_what_the_query_asks_for_may_be_named():
    search = Search("shop", "uk", "jbl tune 510bt rot 64 gb", "de", (("colour", "red"),))
    assert found("Red JBL Tune 510BT with 64 GB was asked for; this is Sony.", search=search) == []


@pytest.mark.parametrize(
    ("stated", "reasoning"),
    [
        ("Kopfhörer dunkelblau", "Sony headphones in blue, so only near to what is asked."),
        ("casque bleu", "Sony headphones in navy, so only near to what is asked."),
        ("petrol headphones", "Sony headphones in green, so only near to what is asked."),
    ],
)
def test_a_colour_is_the_same_in_another_language_or_as_a_shade(stated, reasoning):
    assert found(reasoning, product=product(title=stated)) == []


def test_a_colour_may_come_from_a_picture_that_the_judge_saw():
    assert found("Sony headphones in red, so only near to what is asked.", pictured=True) == []


def test_a_brand_at_a_sentences_start_is_a_word_as_any_other():
    brands = frozenset({"sony", "brilliant"})
    assert found("Brilliant sound and Sony as asked, in black.", brands=brands) == []


def test_nothing_is_said_of_a_product_that_is_not_known_any_more():
    assert found("A red JBL MDR7506 of 40 mm for £1, not Sony.", product=None) == []


def test_a_model_number_of_the_product_beside_it_is_told_as_that():
    from core.domain.evaluation.checks import Beside

    beside = (Beside("l2", "Audio-Technica ATH-M50X", "so"),)
    ((_, why),) = found("The ATH-M50x in black, and so not as asked.", beside=beside)
    assert "of “Audio-Technica ATH-M50X”" in why


@given(st.integers(1, 99_999), st.sampled_from(["mm", "cm", "kg", "GB", "W", "ml"]))
def test_a_size_is_grounded_in_a_text_that_has_it(number, unit):
    reasoning = f"Sony headphones in black with {number} {unit}, as asked."
    assert found(reasoning, product=product(description=f"has {number}{unit}")) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1.800", {1.8, 1800}), ("1,8", {1.8, 18}), ("42", {42}), ("24 105", {24105.0, 24, 105})],
)
def test_a_number_is_read_in_every_way_it_may_be_meant(written, meant):
    assert meant <= set(readings(written))


@pytest.mark.parametrize(
    ("stated", "said"),
    [('Flat TV 50"', "127 cm"), ("TV 127 cm", "50 inch"), ("weight 1800.0", "1.8 kg"), ("1 TB drive", "1000 GB")],
)
def test_a_size_is_the_same_in_another_unit(stated, said):
    assert found(f"A thing of {said}, which is not what Sony makes.", product=product(description=stated)) == []


def test_a_mark_of_trade_is_no_letter():
    reasoning = "A notebook with Core™2 and MX™1000, not made by Sony."
    assert found(reasoning, product=product(description="Intel Core 2 Duo, MX1000")) == []


def test_a_bare_number_is_no_number_of_inches():
    ((check, _),) = found("A thing of 12.7 cm, made by Sony.", product=product(description="width 5"))
    assert check == "size_not_stated"
