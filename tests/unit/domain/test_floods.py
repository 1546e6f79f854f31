"""The share of unusable records that stops a partition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.floods import DeadShare

BATCHES = st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), max_size=60)


def seen(share: DeadShare, batches: list[tuple[int, int]]) -> bool:
    """Whether any of the batches made it a flood."""
    floods = []
    for records, dead in batches:
        share.saw(records, dead)
        floods.append(share.is_flood())
    return any(floods)


def test_a_tenth_is_no_flood() -> None:
    assert not seen(DeadShare(10_000, 0.2), [(100, 10)] * 1_000)


def test_a_share_above_the_limit_is_one_once_the_window_is_full() -> None:
    share = DeadShare(10_000, 0.2)
    assert not seen(share, [(100, 21)] * 99)
    assert seen(share, [(100, 21)])


def test_a_bad_beginning_is_none_before_a_window_has_been_seen() -> None:
    assert not seen(DeadShare(10_000, 0.2), [(9_999, 9_999)])


def test_what_lies_before_the_window_is_forgotten() -> None:
    share = DeadShare(1_000, 0.2)
    share.saw(999, 999)
    assert not seen(share, [(1_000, 100)])


@given(batches=BATCHES, window=st.integers(1, 2_000))
def test_a_limit_of_everything_never_stops(batches: list[tuple[int, float]], window: int) -> None:
    assert not seen(DeadShare(window, 1.0), [(records, int(records * dead)) for records, dead in batches])


@given(batches=BATCHES, window=st.integers(1, 2_000), limit=st.floats(0, 1))
def test_a_flood_is_a_share_above_the_limit_of_the_newest_batches_that_fill_the_window(
    batches: list[tuple[int, float]], window: int, limit: float
) -> None:
    share, so_far = DeadShare(window, limit), list[tuple[int, int]]()
    for records, part in batches:
        so_far.append((records, int(records * part)))
        share.saw(*so_far[-1])
        newest = list[tuple[int, int]]()
        while sum(r for r, _ in newest) < window and len(newest) < len(so_far):
            newest = so_far[len(so_far) - len(newest) - 1 :]
        total, dead = sum(r for r, _ in newest), sum(d for _, d in newest)
        assert share.is_flood() == (total >= window and dead > limit * total)
