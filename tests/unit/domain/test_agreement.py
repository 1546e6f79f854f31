"""Agreement of two graders: the figures of known tables, and what holds of all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.agreement import agreement, quadratic_kappa

PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("abc")), min_size=1, max_size=40)


def test_quadratic_kappa_is_one_less_what_is_off_by_what_chance_puts_off():
    # Off by one twice: 2. By chance: (3·4 + 4·3·2 + 2·2 + 2·2 + 4·3·2 + 3·4) / 8 = 10.
    table = np.zeros((3, 3))
    for one, other in zip([0, 0, 1, 1, 2, 2, 2, 0], [0, 1, 1, 1, 2, 1, 2, 0], strict=True):
        table[one, other] += 1
    assert quadratic_kappa(table) == pytest.approx(0.8)


def test_figures_and_confusion_of_a_small_set():
    found = agreement([0, 1, 2, 2], [0, 1, 1, 2], ["a", "a", "b", "c"], 7)
    assert (found.pairs, found.queries, found.exact.value) == (4, 3, 0.75)
    assert found.confusion == ((1, 0, 0), (0, 1, 0), (0, 1, 1))


def test_graders_who_give_one_grade_only_have_no_kappa():
    found = agreement([1, 1], [1, 1], ["a", "b"], 7)
    assert (found.exact.value, found.kappa.value) == (1.0, None)


def test_no_pairs_have_no_figures():
    found = agreement([], [], [], 7)
    assert (found.pairs, found.exact.value, found.kappa.value) == (0, None, None)


@given(pairs=PAIRS)
def test_agreement_does_not_ask_who_is_first(pairs):
    one, other, queries = map(list, zip(*pairs, strict=True))
    forth, back = agreement(one, other, queries, 7), agreement(other, one, queries, 7)
    assert forth.exact == back.exact
    assert forth.kappa.value == (None if back.kappa.value is None else pytest.approx(back.kappa.value))


@given(pairs=PAIRS)
def test_the_value_of_a_share_lies_between_nothing_and_all(pairs):
    one, other, queries = map(list, zip(*pairs, strict=True))
    exact = agreement(one, other, queries, 7).exact
    assert 0 <= exact.low <= exact.high <= 1
    assert exact.value == sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def test_the_same_seed_gives_the_same_interval():
    one, other, queries = [0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 2, 2], list("aabbcc")
    assert agreement(one, other, queries, 3) == agreement(one, other, queries, 3)
