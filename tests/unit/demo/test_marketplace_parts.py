"""Grades, typing habits, clicks and the engine's faults, each by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.normalise import normalised_query
from demo.marketplace.colours import COLOURS
from demo.marketplace.engine import tokens
from demo.marketplace.facts import Facts, Want, grade_of
from demo.marketplace.shoppers import PICTURE_LIFT, served, typed
from demo.marketplace.vocabulary import CATEGORIES, Category
from demo.marketplace.world import Marketplace

SHOE = Facts("sneakers", "Nike", "Air Max 90", "black", "42", featured=False)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    category: Category = draw(st.sampled_from(CATEGORIES))
    model = draw(st.sampled_from(category.models))
    colour, size = draw(st.sampled_from(category.colours)), draw(st.sampled_from(category.sizes))
    return Facts(category.key, model.brand, model.name, colour, size, model.featured)


@pytest.mark.parametrize(
    ("want", "grade"),
    [
        (Want(category="sneakers"), 2),
        (Want(category="sneakers", brand="Nike", colour="black"), 2),
        (Want(category="sneakers", brand="Nike", colour="red"), 1),
        (Want(category="sneakers", size="43"), 1),
        (Want(category="sneakers", featured=True), 1),
        (Want(category="sneakers", brand="Adidas"), 0),
        (Want(category="sneakers", model="Pegasus 41"), 0),
        (Want(category="jacket"), 0),
        (Want(nothing=True), 0),
    ],
)
def test_grades_follow_the_label_rules(want: Want, grade: int) -> None:
    assert grade_of(want, SHOE) == grade


@given(facts(), facts())
def test_asking_for_more_never_raises_a_grade(product: Facts, other: Facts) -> None:
    broad = Want(category=other.category)
    narrow = replace(broad, brand=other.brand, model=other.model)
    finest = replace(narrow, colour=other.colour, size=other.size, featured=other.featured)
    assert grade_of(broad, product) >= grade_of(narrow, product) >= grade_of(finest, product)


@given(facts())
def test_a_product_satisfies_its_own_description(product: Facts) -> None:
    want = Want(product.category, product.brand, product.model, product.colour, product.size, product.featured)
    assert grade_of(want, product) == 2


@given(st.integers())
def test_habits_of_typing_do_not_change_the_normalised_query(seed: int) -> None:
    for text in ("the north face jacke schwarz", "schreibtischlampe weiß", "de'longhi coffee machine"):
        assert normalised_query(typed(text, Random(seed))) == normalised_query(text)


def test_some_type_in_capitals_and_odd_spaces() -> None:
    seen = {typed("nike sneakers", Random(seed)) for seed in range(200)}
    assert {"nike sneakers", "NIKE SNEAKERS", "Nike Sneakers", "nike  sneakers ", " nike sneakers"} == seen


def test_clicks_fall_with_rank_and_rise_with_grade() -> None:
    page = served(["a", "b", "c"], [2, 2, 0], [1.0, 1.0, 1.0])
    assert page.chances[0] > page.chances[1] > 5 * page.chances[2]


def test_the_worst_picture_loses_the_known_share_of_clicks() -> None:
    good, bad = served(["a"], [2], [1.0]), served(["a"], [2], [0.0])
    assert bad.chances[0] == pytest.approx(good.chances[0] * (1 - PICTURE_LIFT))


def test_tokens_are_folded_words_without_plural_s() -> None:
    assert tokens("Nike SNEAKERS, Weiß  dress") == ["nike", "sneaker", "weiss", "dress"]


@pytest.fixture(scope="module")
def market() -> Marketplace:
    return Marketplace(7, date(2026, 3, 2), 2)


def test_queries_served_badly_have_few_relevant_results(market: Marketplace) -> None:
    for name, queries in market.truth().badly_served.items():
        for query in queries:
            grades = [market.grade(name, query, hit) or 0 for hit in market.search(name, query, 0, 10)]
            assert sum(grade == 2 for grade in grades) <= 2


def test_shoppers_find_a_better_way_to_ask_when_served_badly(market: Marketplace) -> None:
    for name, bad in market.truth().badly_served.items():
        for query in market.queries(name):
            if query.key in bad:
                assert query.rephrasings


def test_the_engine_finds_synonyms(market: Marketplace) -> None:
    assert set(market.search("us", "trainers", 0)) == set(market.search("us", "sneakers", 0))


def test_colours_and_models_are_named_in_both_languages() -> None:
    assert all(set(colour.names) == {"en", "de"} for colour in COLOURS.values())
    assert all(set(category.colours) <= set(COLOURS) for category in CATEGORIES)
