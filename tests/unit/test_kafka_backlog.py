"""Back-pressure of the Kafka source: what waits in the process is bounded, each partition by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.kafka_backlog import Backlog
from core.stream_ports import Partition

P0, P1, P2 = (Partition("t", number) for number in range(3))


def backlog(limit: int) -> Backlog:
    made = Backlog(limit)
    made.assigned([P0, P1, P2])
    return made


def test_a_partition_above_its_share_is_paused_once() -> None:
    made = backlog(100)
    made.handed(P1, 10)
    assert not made.handed(P0, 50)
    assert made.handed(P0, 1)
    assert not made.handed(P0, 1)


def test_another_partition_is_not() -> None:
    made = backlog(100)
    made.handed(P0, 70)
    assert not made.handed(P1, 30)


def test_one_that_lags_alone_may_fill_the_whole() -> None:
    assert not backlog(100).handed(P0, 100)


def test_any_partition_is_paused_when_all_together_have_too_much() -> None:
    made = backlog(100)
    made.handed(P0, 95)
    assert made.handed(P1, 10)


def test_it_is_read_on_below_half_its_share_once() -> None:
    made = backlog(100)
    made.handed(P1, 10)
    made.handed(P0, 60)
    assert made.taken(P0, 35) == []
    assert made.taken(P0, 1) == [P0]
    assert made.taken(P0, 1) == []


def test_all_that_were_paused_are_read_on_when_one_makes_room() -> None:
    made = backlog(100)
    made.handed(P0, 95)
    made.handed(P1, 10)
    assert made.taken(P0, 20) == [P1]


def test_a_partition_that_has_gone_is_not_read_on() -> None:
    made = backlog(100)
    made.handed(P0, 110)
    made.revoked([P0])
    assert made.taken(P0, 110) == []


def test_one_that_comes_again_begins_with_nothing_waiting() -> None:
    made = backlog(100)
    made.handed(P0, 110)
    made.assigned([P0])
    assert not made.handed(P0, 50)


@given(st.lists(st.tuples(st.sampled_from([P0, P1, P2]), st.integers(1, 40)), max_size=80))
def test_a_source_that_obeys_never_holds_more_than_the_limit_and_a_batch_each_and_never_stands_for_ever(
    batches: list[tuple[Partition, int]],
) -> None:
    made, waiting, paused = backlog(100), dict.fromkeys((P0, P1, P2), 0), set[Partition]()
    for partition, size in batches:
        if partition in paused:
            taken = min(size, waiting[partition])
            waiting[partition] -= taken
            paused.difference_update(made.taken(partition, taken))
        else:
            waiting[partition] += size
            if made.handed(partition, size):
                paused.add(partition)
        assert sum(waiting.values()) <= 100 + 3 * 40
    for partition, left in waiting.items():
        paused.difference_update(made.taken(partition, left))
    assert not paused
