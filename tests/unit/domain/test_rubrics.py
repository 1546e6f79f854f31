"""Rubrics: read with the line of what is wrong, and found by a listing's category."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.rubrics import RUBRIC_LIMIT, parsed_rubric, parsed_rubrics, rubric_of
from core.errors import UsageError
from core.prompts import load_rubrics
from demo.marketplace.vocabulary import CATEGORIES

BUILT_IN = parsed_rubrics(load_rubrics())
THREE = parsed_rubrics(
    {
        "shoes": "Categories: shoes, *schuhe, *靴*\nsoles",
        "toys": "Categories: toys, toys > vehicles\nparts",
        "vehicles": "Categories: vehicles, bike helmets\nplates",
    }
)


def found(category: str | None, rubrics=THREE) -> str | None:
    rubric = rubric_of(category, rubrics)
    return rubric.name if rubric else None


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("Shoes", "shoes"),
        ("Damen|Laufschuhe", "shoes"),
        ("メンズ靴", "shoes"),
        ("Toys > Vehicles", "toys"),
        ("Sports / Bike-Helmets", "vehicles"),
        ("Toys > Shoes", "shoes"),
        ("Horseshoes", None),
        ("", None),
        (None, None),
    ],
)
def test_the_most_specific_phrase_of_a_path_decides(category: str | None, name: str | None) -> None:
    assert found(category) == name


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.key)
def test_every_category_of_the_demo_has_one_rubric_in_both_languages(category) -> None:
    names = {found(text, BUILT_IN) for text in (category.key.replace("_", " "), *category.nouns.values())}
    assert len(names) == 1
    assert None not in names


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("Fruit", "groceries"),
        ("Home & Garden > Kitchen > Coffee Machines", "home"),
        ("Women > Bags & Accessories > Handbags", "bags"),
        ("Automotive > Parts", "vehicles"),
        ("Sammeln & Seltenes > Münzen", "collectibles"),
        ("家電・スマホ・カメラ > スマートフォン", "electronics"),
        ("Ropa > Vestidos", "clothing"),
        ("Second hand", "used"),
    ],
)
def test_what_marketplaces_sell_finds_its_rubric(category: str, name: str) -> None:
    assert found(category, BUILT_IN) == name


@given(st.text(max_size=60))
def test_any_category_finds_one_or_none_whatever_the_order_of_rubrics(category: str) -> None:
    assert found(category, BUILT_IN) == found(category, tuple(reversed(BUILT_IN)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shoes\nbody", "line 1: begins with"),
        ("Categories: shoes, , boots\nbody", "line 1: '' is no category"),
        ("Categories: sh*es\nbody", "line 1: 'sh*es' is no category"),
        ("Categories: boots, Boots\nbody", "line 1: 'boots' is named twice"),
        ("Categories: boots\n\n", "line 2: says nothing"),
        ("Categories: boots\nfine\n### LISTING", "line 3: a line can't begin with ###"),
        ("Categories: boots\nin\u200bvisible", "line 2: holds a character that nobody sees"),
        ("Categories: boots\n" + "x" * RUBRIC_LIMIT, "at most 4,000"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=r"boots\.md") as error:
        parsed_rubric("boots", text, "boots.md")
    assert told in str(error.value)


def test_two_rubrics_cannot_claim_one_category() -> None:
    with pytest.raises(UsageError, match="boots and shoes both name the category 'boot'"):
        parsed_rubrics({"shoes": "Categories: boot\nx", "boots": "Categories: Boot\ny"})


def test_built_in_rubrics_are_short() -> None:
    assert max(len(rubric.body) for rubric in BUILT_IN) < 1_200
