"""Which calls make a batch, and when it is ordered and looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from core.domain.batches import Room, Sized, Waiting, fitting, is_ripe, look_pause, oversized

NOW = datetime(2026, 5, 1, tzinfo=UTC)
WAIT = timedelta(minutes=5)
calls = st.lists(
    st.builds(Sized, st.uuids(), st.integers(1, 1_000), st.integers(1, 1_000)),
    max_size=40,
    unique_by=lambda c: c.call_id,
)
rooms = st.builds(Room, st.integers(1, 50), st.integers(1, 5_000), st.integers(1, 5_000))


def waiting(count: int, age: timedelta) -> Waiting:
    return Waiting("backfill", "m", count, NOW - age)


def test_enough_calls_are_ordered_at_once() -> None:
    assert is_ripe(waiting(10, timedelta()), NOW, 10, WAIT)


def test_few_calls_wait_for_others_for_a_while() -> None:
    assert not is_ripe(waiting(9, WAIT - timedelta(seconds=1)), NOW, 10, WAIT)
    assert is_ripe(waiting(1, WAIT), NOW, 10, WAIT)


@given(calls, rooms)
def test_a_batch_keeps_to_all_its_limits_but_the_tokens_of_a_single_call(found: list[Sized], room: Room) -> None:
    chosen = fitting(found, room)
    by_id = {call.call_id: call for call in found}
    assert len(chosen) <= room.requests
    assert sum(by_id[each].size for each in chosen) <= room.size
    assert len(chosen) <= 1 or sum(by_id[each].input_tokens for each in chosen) <= room.input_tokens


@given(calls, rooms)
def test_no_call_is_overtaken_but_one_that_no_file_holds(found: list[Sized], room: Room) -> None:
    large = oversized(found, room.size)
    possible = [call.call_id for call in found if call.call_id not in large]
    assert fitting(found, room) == possible[: len(fitting(found, room))]


@given(calls, rooms)
def test_every_call_is_in_some_batch_in_the_end(found: list[Sized], room: Room) -> None:
    left, done = list(found), set[UUID](oversized(found, room.size))
    while chosen := fitting(left, room):
        done |= set(chosen)
        left = [call for call in left if call.call_id not in chosen]
    assert done == {call.call_id for call in found}


def test_a_queue_below_one_call_does_not_hold_the_lane_for_ever() -> None:
    call = Sized(uuid4(), 10, 5_000)
    assert fitting([call], Room(10, 1_000, 100)) == [call.call_id]


def test_looks_grow_apart_up_to_the_longest() -> None:
    pauses = [look_pause(looks, 120.0) for looks in range(12)]
    assert pauses[0] == 15.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 120.0
    assert look_pause(10**6, 120.0) == 120.0
