"""The offline judge grades by a shopper's rules, alone, the same every time, and says by what."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.judging import GuidelineReply, JudgementsReply
from core.domain.labels import Label
from demo.offline_judge import OfflineJudge, lite
from demo.offline_judge.offers import read_offer

SNEAKER = {
    "item": "p1",
    "title": "Nike Air Max 90 Sneakers Black Size 42",
    "brand": "Nike",
    "category": "sneakers",
    "description": "Sneakers by Nike. Model Air Max 90.",
    "attributes": {"colour": "Black", "size": "42"},
}
PHONE_CASE = {
    "item": "p2",
    "title": "Spigen Phone Case for Apple iPhone 15 Black",
    "brand": "Spigen",
    "category": "phone case",
    "description": "not given",
    "attributes": {},
}
PHONE = {
    "item": "p3",
    "title": "Apple iPhone 15 Smartphone Blau 128 GB",
    "brand": "Apple",
    "category": "phone",
    "description": "not given",
    "attributes": {"Farbe": "Blau"},
}
KETTLE = {"item": "p4", "title": "Philips Viva kettle 1.7 l", "brand": "Philips", "attributes": {}}


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge(brands=["Brilliant"])


def label(judge: OfflineJudge, query: str, product: dict[str, object]) -> Label:
    return judge.judgements(query, [product]).judgements[0].label


@pytest.mark.parametrize(
    ("query", "product", "expected"),
    [
        ("black nike sneakers", SNEAKER, Label.HIGHLY_RELEVANT),
        ("schwarze nike turnschuhe größe 42", SNEAKER, Label.HIGHLY_RELEVANT),
        ("adidas sneakers", SNEAKER, Label.IRRELEVANT),
        ("aiddas sneakers", SNEAKER, Label.IRRELEVANT),
        ("nike pegasus", SNEAKER, Label.IRRELEVANT),
        ("red nike sneakers", SNEAKER, Label.ACCEPTABLE_SUBSTITUTE),
        ("nike sneakers size 44", SNEAKER, Label.ACCEPTABLE_SUBSTITUTE),
        ("iphone 15", PHONE, Label.HIGHLY_RELEVANT),
        ("iphone 15", PHONE_CASE, Label.IRRELEVANT),
        ("iphone 13", PHONE, Label.IRRELEVANT),
        ("iphone 15 hülle", PHONE_CASE, Label.HIGHLY_RELEVANT),
        ("iphone 15 case", PHONE, Label.IRRELEVANT),
        ("iphone 15 256 gb", PHONE, Label.ACCEPTABLE_SUBSTITUTE),
        ("handy blau", PHONE, Label.HIGHLY_RELEVANT),
        ("running shoes", KETTLE, Label.IRRELEVANT),
        ("brilliant kettle", KETTLE, Label.IRRELEVANT),
    ],
)
def test_the_rules_of_a_shopper_decide_where_they_speak(judge, query, product, expected):
    assert label(judge, query, product) is expected


def test_a_pair_is_graded_by_itself_whatever_stands_beside_it(judge):
    together = judge.judgements("iphone 15", [KETTLE, PHONE_CASE, PHONE, SNEAKER]).judgements
    alone = [judge.judgements("iphone 15", [product]).judgements[0] for product in (KETTLE, PHONE_CASE, PHONE, SNEAKER)]
    assert together == alone


def test_the_order_of_the_products_changes_no_grade(judge):
    forth = judge.judgements("black sneakers", [SNEAKER, PHONE, KETTLE]).judgements
    back = judge.judgements("black sneakers", [KETTLE, PHONE, SNEAKER]).judgements
    assert sorted(forth, key=lambda j: j.item) == sorted(back, key=lambda j: j.item)


def test_the_reasoning_names_the_judge_and_the_evidence(judge):
    text = judge.judgements("adidas sneakers", [SNEAKER]).judgements[0].reasoning
    assert text.startswith("Offline judge: ")
    assert "brand asked for 'adidas', product's brand is 'Nike'" in text
    assert "embedding similarity 0." in text


def test_a_reasoning_stays_within_the_tokens_that_a_judgement_may_take(judge):
    query = "schwarze nike air max 90 turnschuhe wasserdicht damen größe 43"
    assert len(judge.judgements(query, [SNEAKER]).judgements[0].model_dump_json()) < 160 * 4


def test_the_guideline_says_what_is_asked_for_and_how_much_it_matters(judge):
    body = judge.guideline("nike sneakers schwarz größe 42", "de")
    told = {r.requirement: r.importance for r in body.requirements}
    assert told == {
        "kind: sneaker": "must_have",
        "brand: nike": "must_have",
        "colour: black": "approximate_is_okay",
        "size: 42 size": "approximate_is_okay",
    }
    assert body.specificity == "specific"
    assert body.translation == "nike sneakers black size 42"


@pytest.mark.parametrize(
    ("query", "specificity"), [("schuhe", "broad"), ("nike schuhe", "medium"), ("ps5", "specific")]
)
def test_specificity_follows_what_is_named(judge, query, specificity):
    assert judge.guideline(query, "de").specificity == specificity


def test_an_edited_guideline_changes_the_grade(judge):
    body = judge.guideline("red nike sneakers", "en")
    as_must = edited(body, "must_have")
    assert judge.judgements("red nike sneakers", [SNEAKER], as_must).judgements[0].label is Label.IRRELEVANT
    as_nice = edited(body, "nice_to_have")
    assert judge.judgements("red nike sneakers", [SNEAKER], as_nice).judgements[0].label is Label.HIGHLY_RELEVANT


def edited(body: GuidelineReply, importance: str) -> GuidelineReply:
    rows = [
        r.model_copy(update={"importance": importance}) if r.requirement.startswith("colour") else r
        for r in body.requirements
    ]
    return body.model_copy(update={"requirements": rows})


@pytest.mark.parametrize(
    ("query", "product", "verdicts"),
    [
        ("red nike sneakers", SNEAKER, "yyn"),  # kind, brand, colour
        ("adidas sneakers", SNEAKER, "yn"),
        ("nike pegasus", SNEAKER, "yn"),  # brand, name
        ("iphone 15", PHONE_CASE, "ny"),
        ("iphone 15 case", PHONE, "nyy"),
        ("waterproof sneakers", SNEAKER, "y?"),  # a feature that is not told
    ],
)
def test_verdicts_say_of_each_requirement_what_the_evidence_does(judge, query, product, verdicts):
    body = judge.guideline(query, "en")
    told = judge.judgements(query, [product], body).judgements[0].verdicts
    assert dict(zip([r.requirement for r in body.requirements], told, strict=True)) == dict(
        zip([r.requirement for r in body.requirements], verdicts, strict=True)
    )


def test_a_requirement_that_somebody_else_wrote_is_not_told(judge):
    body = judge.guideline("red nike sneakers", "en")
    own = body.model_copy(
        update={"requirements": [body.requirements[0].model_copy(update={"requirement": "for work"})]}
    )
    assert judge.judgements("red nike sneakers", [SNEAKER], own).judgements[0].verdicts == "?"


def test_the_lite_judge_takes_a_missing_name_for_a_no(judge):
    wish, shown = judge.read("nike sneakers"), [read_offer(SNEAKER), read_offer(KETTLE)]
    body = judge.guideline("nike sneakers", "en")
    assert [each.verdicts for each in lite.by_words(wish, shown, body).judgements] == ["yy", "nn"]


def test_the_lenient_judge_grades_some_pairs_higher_and_none_lower():
    judge = OfflineJudge()
    products = [{**SNEAKER, "item": f"p{n}", "title": f"Nike Air Max 90 Sneakers Black No {n}"} for n in range(60)]
    before = [j.label.grade for j in judge.judgements("adidas sneakers", products).judgements]
    judge.become("lenient")
    after = [j.label.grade for j in judge.judgements("adidas sneakers", products).judgements]
    judge.become("usual")
    again = [j.label.grade for j in judge.judgements("adidas sneakers", products).judgements]
    assert again == before
    assert all(new >= old for new, old in zip(after, before, strict=True))
    assert 5 <= sum(new != old for new, old in zip(after, before, strict=True)) <= 30


@settings(max_examples=25)
@given(query=st.text(max_size=60), title=st.text(max_size=80), brand=st.text(max_size=20))
def test_any_text_gets_a_valid_judgement_and_guideline(judge, query, title, brand):
    row = {"item": "p1", "title": title, "brand": brand, "attributes": {"colour": title}}
    reply = judge.judgements(query, [row], judge.guideline(query, "de"))
    assert JudgementsReply.model_validate_json(reply.model_dump_json()) == reply


def test_each_text_is_embedded_once_and_the_cache_is_bounded():
    from demo.offline_judge.embedding import Embedder

    embedder = Embedder(cache_texts=3)
    first = embedder.passages(["a kettle", "a phone"])
    assert all(embedder.passages(["a phone"])[0] == first[1])
    embedder.passages(["b", "c", "d", "e"])
    assert len(embedder._cache) == 3
