"""What is remembered is made once, and never takes more than its room."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from core.domain.memory import ENTRY_BYTES, Memory

KEYS = st.lists(st.binary(min_size=1, max_size=1), max_size=60)


def test_a_thing_is_made_once() -> None:
    memory: Memory[str] = Memory(10_000)
    made = [memory.of(b"a", lambda: "first"), memory.of(b"a", lambda: "second"), memory.of(b"b", lambda: "other")]
    assert made == ["first", "first", "other"]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    memory: Memory[str] = Memory(2 * (ENTRY_BYTES + sys.getsizeof("first")))
    for key in (b"a", b"b", b"a", b"c"):
        memory.of(key, lambda: "first")
    assert [memory.of(key, lambda: "again") for key in (b"a", b"b")] == ["first", "again"]


@given(KEYS, st.integers(0, 3_000), st.sampled_from(["x", "ö", "字"]))
def test_it_holds_no_more_than_it_has_room_for(keys: list[bytes], most: int, letter: str) -> None:
    memory: Memory[str] = Memory(most)
    for key in keys:
        assert memory.of(key, lambda size=key[0]: letter * size) == letter * key[0]
    assert len(memory) * (ENTRY_BYTES + sys.getsizeof("")) <= most
    assert len(memory) <= len(set(keys))


def test_what_is_larger_than_its_room_is_made_and_not_kept() -> None:
    memory: Memory[str] = Memory(1_000)
    assert memory.of(b"a", lambda: "x" * 1_000) == "x" * 1_000
    assert len(memory) == 0
