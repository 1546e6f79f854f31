"""Which ranks and queries are taken of engines, and how their results are joined."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.engines import Candidate, EngineList, EngineQuery, Sampling, drawn, joined, ranked, union
from core.domain.selection import Deep

AT = datetime(2025, 3, 3, tzinfo=UTC)
WORDS = st.sampled_from(["sofa", "lampe", "roter stuhl", "tisch aus holz für garten", "bett"])


def query(text: str) -> EngineQuery:
    return EngineQuery("shop", "de", "de", text)


@pytest.mark.parametrize(
    ("sampling", "windows"),
    [
        (Sampling(20), [(0, 20)]),
        (Sampling(15, Deep(500, 5)), [(0, 15), (499, 5)]),
        (Sampling(15, Deep(10, 10)), [(0, 15), (15, 4)]),
        (Sampling(15, Deep(5, 5)), [(0, 15)]),
        (Sampling(15, Deep(16, 5)), [(0, 15), (15, 5)]),
        (Sampling(15, Deep(500, 0)), [(0, 15)]),
    ],
)
def test_windows_ask_for_each_rank_once(sampling: Sampling, windows: list[tuple[int, int]]) -> None:
    assert sampling.windows() == windows


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 20))
def test_windows_hold_exactly_the_ranks_that_are_wanted(top: int, first: int, count: int) -> None:
    asked = [
        r for offset, size in Sampling(top, Deep(first, count)).windows() for r in range(offset + 1, offset + size + 1)
    ]
    assert sorted(asked) == sorted(set(range(1, top + 1)) | set(range(first, first + count)))


@given(st.lists(st.builds(lambda w, n: Candidate(query(f"{w} {n}"), n * 30), WORDS, st.integers(0, 40)), max_size=40))
def test_a_larger_sample_of_one_seed_holds_the_smaller_one(candidates: list[Candidate]) -> None:
    larger = drawn(candidates, 20, seed=3)
    assert drawn(candidates, 7, seed=3) == larger[:7]
    assert len(larger) == min(20, len(candidates))


def test_every_stratum_is_drawn_from_before_any_twice() -> None:
    many = [Candidate(query(f"sofa {n}"), 10) for n in range(50)]
    rare = [
        Candidate(query("lampe"), 10_000),
        Candidate(query("sofa 1 a"), 10, engines="next"),
        Candidate(query("sofa 2 b"), 10, filters={"colour": "red"}),
    ]
    assert {each.query.text for each in drawn([*many, *rare], 4, seed=1)} > {"lampe", "sofa 1 a", "sofa 2 b"}


def test_another_seed_draws_others() -> None:
    candidates = [Candidate(query(f"sofa {n}"), 10) for n in range(100)]
    assert drawn(candidates, 10, seed=1) != drawn(candidates, 10, seed=2)


def test_the_pages_of_a_list_are_joined_at_the_best_rank() -> None:
    pages = [ranked([("a", None), ("b", None)], 0), ranked([("b", None), ("c", None)], 499)]
    assert [(hit.listing_id, hit.rank) for hit in joined(pages)] == [("a", 1), ("b", 2), ("c", 501)]


def test_the_union_has_each_result_once_and_keeps_the_listing_that_one_of_them_brings() -> None:
    lists = [
        EngineList("a", query("sofa"), AT, Sampling(2), ranked([("x", None), ("y", None)], 0)),
        EngineList("b", query("sofa"), AT, Sampling(2), ranked([("y", {"title": "Y"}), ("z", None)], 0)),
    ]
    found = union(lists)[query("sofa").key]
    assert sorted(found) == ["x", "y", "z"]
    assert found["y"].listing == {"title": "Y"}
