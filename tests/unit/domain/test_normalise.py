"""Normalised queries and their similarity: equal to the contract's formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.normalise import normalised_query, similar
from tests.oracle import contract as oracle

letters = st.text(alphabet="ab \u00e9\u0301\u00df\ufb01\u3000\u0130", max_size=12)


@given(st.text() | letters | st.text(min_size=250, max_size=600))
def test_the_normalised_query_is_the_contracts_formula(text: str) -> None:
    assert normalised_query(text) == oracle.normalise(text)


@given(letters.map(oracle.normalise), letters.map(oracle.normalise))
def test_similarity_is_the_contracts_formula_both_ways(one: str, other: str) -> None:
    assert similar(one, other) == oracle.similar(one, other)
    assert similar(one, other) == similar(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("red shoe", "blue shoe", True),
        ("lamp", "lamps", True),
        ("a", "a", True),
        ("a", "b", False),
        ("lamp", "sofa", False),
        ("abcdefg", "cdefxyz", True),  # 3 of 9 bigrams
        ("abcdefgh", "fghxyzuvw", False),  # 2 of 13
        ("ab cd", "abcd", True),
        ("abc def", "abx dey", False),
    ],
)
def test_similar_by_token_or_by_ngrams(one: str, other: str, expected: bool) -> None:
    assert similar(one, other) is expected


def test_three_tenths_exactly_is_similar() -> None:
    one, other = "abcdefgh", "efghijk"  # 3 of 10 bigrams
    assert similar(one, other)
