"""Whether figures can be made of a dataset."""

from __future__ import annotations

import pytest

from core.domain.evaluation.fitness import contents, lonely_raters, thin
from tests.unit.domain.evaluation.files import items_in, jsonl
from tests.unit.domain.evaluation.test_datasets import rated

WHOLE = [rated("L1", ada=3, ben=0), rated("L2", query="lamp", ada=0)]


def test_nothing_stands_against_two_queries_two_labels_and_raters_who_meet() -> None:
    assert thin(items_in(jsonl(*WHOLE)), "relevance") == []


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([rated("L1", grade=3), rated("L2", grade=0)], "one query only, 'sofa'"),
        ([rated("L1", grade=3), rated("L2", query="lamp", grade=3)], "one label only, highly_relevant"),
        ([rated("L1", ada=3), rated("L2", query="lamp", ben=0)], "never graded the same item (ada, ben)"),
        ([rated("L1"), rated("L2", query="lamp")], "nobody graded anything"),
    ],
)
def test_what_makes_figures_impossible_is_said(records: list[object], says: str) -> None:
    [said] = thin(items_in(jsonl(*records)), "relevance")
    assert says in said


def test_one_listing_only_is_one_cluster_of_pictures() -> None:
    rows = [{"listing_id": "L1", "image_url": f"https://p/{score}", "score": score} for score in (1, 9)]
    [said] = thin(items_in(jsonl(*rows), rule="", kind="image"), "image")
    assert "one listing only, 'L1'" in said


def test_raters_who_meet_nobody_are_named_where_others_meet() -> None:
    items = items_in(jsonl(*WHOLE, rated("L3", cleo=1)))
    assert lonely_raters(items) == ["cleo"]


def test_contents_are_counted() -> None:
    found = contents(items_in(jsonl(*WHOLE), share=1), "relevance")
    assert (found.items, found.queries, found.graded, found.shared, found.with_product) == (2, 2, 2, 1, 2)
    assert found.grades == {"irrelevant": 1, "acceptable_substitute": 1}
    assert (found.tune_queries, found.test_queries, found.raters) == (2, 0, {"ada": 2, "ben": 1})
    assert found.segments["length"] == {"1": 2}
