"""Hashes as numbers, how they are found again, and the groups they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.duplicates import grouped, joined
from core.domain.images.phash import BITS, LEAST_SPREAD, distance, is_telling, probes, signed

HASHES = st.integers(-(2**63), 2**63 - 1)
ALL = 2**BITS - 1


def flipped(phash: int, bits: set[int]) -> int:
    """The hash with these bits turned."""
    mask = sum(1 << bit for bit in bits)
    raw = (phash & ALL) ^ mask
    return raw - 2**BITS if raw >= 2 ** (BITS - 1) else raw


def bands(phash: int) -> set[int]:
    """As the migration's function `phash_bands`."""
    return {(phash >> 16 * (3 - place) & 0xFFFF) + (place << 16) for place in range(4)}


def test_the_first_bit_is_the_sign() -> None:
    bits = np.zeros((8, 8), dtype=np.bool_)
    bits[0, 0] = True
    assert signed(bits) == -(2**63)
    assert signed(~bits) == 2**63 - 1


@given(HASHES, st.sets(st.integers(0, 63)))
def test_the_distance_is_the_number_of_bits_that_differ(phash: int, bits: set[int]) -> None:
    assert distance(phash, flipped(phash, bits)) == len(bits) == distance(flipped(phash, bits), phash)


@given(HASHES, st.integers(0, 7), st.data())
def test_whatever_is_near_has_one_of_the_probes(phash: int, within: int, data: st.DataObject) -> None:
    bits = data.draw(st.sets(st.integers(0, 63), max_size=within))
    assert bands(flipped(phash, bits)) & set(probes(phash, within))


def test_near_hashes_cost_four_probes_and_farther_ones_68() -> None:
    assert [len(probes(5, within)) for within in (0, 3, 4, 7)] == [4, 4, 68, 68]


def test_no_quarter_is_alike_over_seven_bits() -> None:
    with pytest.raises(ValueError, match="over 7 bits"):
        probes(5, 8)


def test_a_plain_picture_and_an_even_gradient_tell_nothing() -> None:
    half = np.arange(64) < 32
    few = np.arange(64) < 5
    assert is_telling(half, LEAST_SPREAD)
    assert not is_telling(half, LEAST_SPREAD / 2)
    assert not is_telling(few, 0.3)


def test_a_chain_is_no_group_but_all_its_ends_are_with_a_near_one() -> None:
    first, second, third = 0, 0b1111, 0b1111_1111
    assert grouped([first, second, third], 4) == {0: {0: 0, second: 4}, third: {third: 0, second: 4}}


def test_one_that_lies_between_two_first_ones_is_in_both_groups() -> None:
    assert grouped([0, 0xFF, 0b1111], 4) == {0: {0: 0, 0b1111: 4}, 0xFF: {0xFF: 0, 0b1111: 4}}


@given(st.lists(st.integers(0, 255), max_size=25), st.integers(0, 4))
def test_groups_are_stars_that_leave_no_near_one_alone(hashes: list[int], within: int) -> None:
    groups = grouped(hashes, within)
    firsts = list(groups)
    assert all(distance(first, member) == bits <= within for first in firsts for member, bits in groups[first].items())
    assert all(distance(one, other) > within for one in firsts for other in firsts if one != other)
    for one in hashes:
        near = {other for other in hashes if 0 < distance(one, other) <= within}
        beside = {other for members in groups.values() if one in members for other in members if other != one}
        assert not near or beside & near


@given(st.lists(st.integers(0, 255), min_size=1, max_size=12))
def test_a_known_hash_changes_nothing(hashes: list[int]) -> None:
    groups = grouped(hashes, 3)
    assert joined(groups, hashes[0], 3) == groups
