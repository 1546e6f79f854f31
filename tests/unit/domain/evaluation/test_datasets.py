"""From rows to a dataset: items, split, version."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.datasets import dataset_of, length_of, median, split_of, version_of, with_volume
from core.domain.evaluation.export_lines import export_lines
from core.domain.evaluation.items import Dataset, DatasetKind, EvalItem
from core.domain.evaluation.rows import BadRow
from tests.unit.domain.evaluation.files import RULE, items_in, jsonl

SOFA = {
    "query": "Blaues  Sofa",
    "listing_id": "L1",
    "title": "Sofa, blau",
    "category": "Sofas",
    "attributes": {"n": 2.0},
}


def rated(listing_id: str, query: str = "sofa", grade: object = None, **ratings: object) -> dict[str, object]:
    told = {"query": query, "listing_id": listing_id, "title": f"Sofa {listing_id}"}
    return {**told, **({} if grade is None else {"grade": grade}), **({"ratings": ratings} if ratings else {})}


def sealed(items: list[EvalItem], kind: DatasetKind = "relevance", anchors: bool = False, rule: str = RULE) -> Dataset:
    return dataset_of(
        items,
        name="sofas",
        kind=kind,
        rule=rule,
        anchors=anchors,
        source="us",
        licence="CC0",
        made_at=datetime(2026, 3, 2, tzinfo=UTC),
        made_by="ada",
    )


def test_a_line_becomes_an_item() -> None:
    [item] = items_in(
        jsonl({**SOFA, "grade": 3, "ratings": [{"rater": "ada", "grade": 3.0}, {"rater": "ben", "grade": 0}]})
    )
    assert (item.query, item.listing_id, item.market, item.language) == ("blaues sofa", "L1", "de", "de")
    assert (item.truth, dict(item.ratings)) == (2, {"ada": 2, "ben": 0})
    assert item.segment == {"market": "de", "language": "de", "length": "2", "category": "Sofas"}
    assert item.listing == {
        "listing_id": "L1",
        "market": "de",
        "language": "de",
        "title": "Sofa, blau",
        "category": "Sofas",
        "attributes": {"n": "2"},
    }


def test_raters_of_one_pair_may_stand_in_rows_of_their_own() -> None:
    rows = [{**rated("L1"), "rater": rater, "grade": grade} for rater, grade in (("ada", 3), ("ben", 0), ("cleo", 1))]
    [item] = items_in(jsonl(*rows))
    assert (dict(item.ratings), item.truth) == ({"ada": 2, "ben": 0, "cleo": 1}, 1)


def test_a_missing_rating_is_no_grade() -> None:
    [item] = items_in(jsonl(rated("L1", ada=3, ben=None, cleo="")))
    assert dict(item.ratings) == {"ada": 2}


def test_the_adjudicated_grade_counts_before_the_raters() -> None:
    [item] = items_in(jsonl(rated("L1", grade=0, ada=3, ben=3)))
    assert item.truth == 0


def test_an_item_that_nobody_graded_has_no_truth() -> None:
    [item] = items_in(jsonl(rated("L1")))
    assert item.truth is None


@pytest.mark.parametrize(("grades", "middle"), [([0, 2], 1), ([0, 1], 0), ([2], 2), ([0, 2, 2], 2), ([1, 2], 1)])
def test_the_median_is_rounded_down(grades: list[int], middle: int) -> None:
    assert median(grades) == middle


@pytest.mark.parametrize(("query", "length"), [("sofa", "1"), ("blaues sofa", "2"), ("a b c", "3+"), ("a b c d", "3+")])
def test_the_length_of_a_query_is_in_words(query: str, length: str) -> None:
    assert length_of(query) == length


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([rated("L1", grade=3), rated("L2", grade=7)], "line 2: grade 7: not in the rule"),
        ([rated("L1", ada=3), rated("L2", ada=9)], "line 2: ada's grade 9: not in the rule"),
        ([rated("L1", grade=3), rated("L1", grade=0)], "line 2: another grade than in line 1"),
        ([rated("L1", ada=3), rated("L1", ada=0)], "line 2: ada gave the same pair of 'sofa' and L1 two grades"),
        ([rated("L1"), {**rated("L1"), "title": "else"}], "line 2: tells of L1 otherwise"),
        ([{**rated("L1"), "rank": 1}, {**rated("L1"), "rank": 2}], "line 2: engine has the same product"),
        ([{**rated("L1"), "split": "tune"}, {**rated("L2"), "split": "test"}], "'sofa' is in test here and in tune"),
        ([{**rated("L1"), "split": "tune"}, rated("L2")], "line 2: no split, while line 1 has one"),
    ],
)
def test_rows_that_contradict_are_refused_by_line(records: list[object], says: str) -> None:
    with pytest.raises(BadRow) as refused:
        items_in(jsonl(*records))
    assert says in str(refused.value)


def test_the_same_row_twice_is_one_item() -> None:
    assert len(items_in(jsonl(rated("L1", grade=3, ada=3), rated("L1", grade=3, ada=3)))) == 1


def test_ranks_are_by_engine() -> None:
    rows = [{**rated("L1"), "engine": "new", "rank": 1}, {**rated("L1"), "engine": "old", "position": 4}]
    [item] = items_in(jsonl(*rows))
    assert item.ranks == {"new": 1, "old": 4}


# --- Split -------------------------------------------------------------------------------------------------


@given(st.lists(st.text("abc ", min_size=1, max_size=5), min_size=1, max_size=30), st.floats(0, 1))
def test_a_query_is_never_in_both_splits(queries: list[str], share: float) -> None:
    told = [rated(f"L{number}", query=query) for number, query in enumerate(queries) if query.strip()]
    told += [{**each, "market": "at"} for each in told]
    found: dict[str, set[str]] = {}
    for item in items_in(jsonl(*told), share=share):
        found.setdefault(item.query, set()).add(item.split)
    assert all(len(splits) == 1 for splits in found.values())


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_was_in_tune(query: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert split_of(query, small) == "test" or split_of(query, large) == "tune"


def test_the_share_of_queries_in_tune_is_as_asked() -> None:
    counts = Counter(split_of(f"query {number}", 0.3) for number in range(5_000))
    assert counts["tune"] == pytest.approx(1_500, abs=150)


def test_all_or_nothing_may_be_in_tune() -> None:
    assert {split_of(f"query {number}", 1.0) for number in range(50)} == {"tune"}
    assert {split_of(f"query {number}", 0.0) for number in range(50)} == {"test"}


# --- Version -----------------------------------------------------------------------------------------------

MANY = [rated(f"L{number}", query=f"query {number % 4}", grade=number % 4, ada=number % 4) for number in range(12)]


@given(st.randoms(use_true_random=False))
def test_the_version_does_not_depend_on_the_order(chance: random.Random) -> None:
    mixed = list(MANY)
    chance.shuffle(mixed)
    assert sealed(items_in(jsonl(*mixed))).version == sealed(items_in(jsonl(*MANY))).version


def test_the_version_does_not_depend_on_name_source_licence_or_volume() -> None:
    items = items_in(jsonl(*MANY))
    bands = {(item.application, item.market, item.query): "head" for item in items}
    told = with_volume(items, bands)
    assert {item.segment["volume"] for item in told} == {"head"}
    assert version_of("relevance", RULE, False, told) == sealed(items).version


@pytest.mark.parametrize(
    "change",
    [
        {"truth": 0},
        {"ratings": {"ada": 0}},
        {"listing": None},
        {"listing": {"listing_id": "L0", "title": "else"}},
        {"split": "tune"},
        {"ranks": {"main": 1}},
        {"segment": {"category": "else"}},
        {"query": "else"},
    ],
)
def test_the_version_depends_on_every_item(change: dict[str, object]) -> None:
    items = items_in(jsonl(*MANY), share=0)
    changed = [*items[:3], replace(items[3], **change), *items[4:]]
    assert changed != items
    assert sealed(items).version != sealed(changed).version


def test_the_version_depends_on_rule_kind_and_whether_they_are_anchors() -> None:
    items = items_in(jsonl(*MANY))
    other = [sealed(items, rule="0=0 3=2"), sealed(items, kind="image"), sealed(items, anchors=True), sealed(items[1:])]
    assert len({each.version for each in (sealed(items), *other)}) == 5


def test_an_export_is_imported_to_the_same_version_and_items() -> None:
    items = items_in(
        jsonl({**SOFA, "grade": 3, "rank": 2, "context": {"colour": "blue"}, "application": "shop"}, *MANY)
    )
    dataset = sealed(items)
    again = items_in(list(export_lines(dataset, items)))
    assert again == items
    assert sealed(again) == dataset


def test_an_export_of_pictures_is_imported_to_the_same_version() -> None:
    rows = [
        {"path": "a.jpg", "ratings": {"ada": 3}},
        {"listing_id": "L2", "image_url": "https://pictures/2.jpg", "score": 8, "title": "Lamp", "seller": "s1"},
    ]
    items = items_in(jsonl(*rows), rule="", kind="image")
    dataset = sealed(items, kind="image")
    again = items_in(list(export_lines(dataset, items)), kind="image")
    assert (again, sealed(again, kind="image")) == (items, dataset)
    assert (dataset.items, dataset.queries, dataset.raters) == (2, 2, ("ada",))
