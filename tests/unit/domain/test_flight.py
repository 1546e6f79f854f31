"""Calls at once: additive increase, multiplicative decrease, and no cut for a provider's usual faults."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.flight import LOOK, START, Flight, answered, room


def _after(answers: list[bool], flight: Flight | None = None, allowed: int = 100, sent_at: float = 1.0) -> Flight:
    flight = flight or Flight()
    for bad in answers:
        flight = answered(flight, bad=bad, sent_at=sent_at, now=10.0, under_way=allowed, allowed=allowed)
    return flight


def test_the_window_doubles_with_each_windowful_of_good_answers_until_what_is_allowed() -> None:
    assert room(_after([False] * START), 100) == 2 * START
    assert room(_after([False] * 500), 100) == 100


def test_a_quarter_of_bad_answers_cuts_nothing() -> None:
    flight = _after([False] * 100)
    assert _after(([True] + [False] * 3) * 10, flight).size == flight.size


def test_more_than_a_quarter_cuts_once_and_what_was_sent_before_the_cut_cuts_no_more() -> None:
    cut = _after([True] * LOOK, _after([False] * 100))
    assert room(cut, 100) == 70
    assert _after([True] * LOOK, cut) == cut
    assert room(_after([True] * LOOK, cut, sent_at=11.0), 100) == 49


def test_after_a_cut_a_windowful_opens_the_window_by_one() -> None:
    cut = _after([True] * LOOK, _after([False] * 100))
    assert room(_after([False] * 71, cut, sent_at=11.0), 100) == 71


def test_a_window_that_is_not_used_does_not_open() -> None:
    flight = answered(Flight(), bad=False, sent_at=1.0, now=2.0, under_way=1, allowed=100)
    assert flight.size == START


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 50))
def test_there_is_always_room_for_one_and_never_for_more_than_allowed(answers: list[bool], allowed: int) -> None:
    flight = Flight()
    for number, bad in enumerate(answers):
        at = float(number)
        flight = answered(flight, bad=bad, sent_at=at, now=at, under_way=allowed, allowed=allowed)
        assert 1 <= room(flight, allowed) <= allowed
