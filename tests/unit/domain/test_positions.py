"""Where a partition is read from: gone records are counted, a topic made again is never read on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.positions import Begin, Ends, Stop, begin

OFFSETS = st.integers(0, 10_000)


@given(low=OFFSETS, size=OFFSETS)
def test_what_was_never_read_begins_where_the_log_does_and_misses_nothing(low: int, size: int) -> None:
    assert begin(-1, 0, None, Ends(low, low + size)) == Begin(low)


@given(snapshot=OFFSETS, more=OFFSETS, left=OFFSETS)
def test_it_goes_on_after_the_snapshot(snapshot: int, more: int, left: int) -> None:
    applied = snapshot + more
    assert begin(applied, snapshot + 1, "a", Ends(0, applied + 1 + left, "a")) == Begin(snapshot + 1)


@given(applied=OFFSETS, gone=st.integers(1, 500))
def test_what_retention_took_is_counted(applied: int, gone: int) -> None:
    low = applied + 1 + gone
    assert begin(applied, applied + 1, None, Ends(low, low + 10)) == Begin(low, missing=gone)


@given(snapshot=OFFSETS, folded=st.integers(0, 500), gone=st.integers(1, 500))
def test_what_it_took_of_the_log_since_the_snapshot_is_told_apart(snapshot: int, folded: int, gone: int) -> None:
    applied, low = snapshot + folded, snapshot + 1 + gone
    found = begin(applied, snapshot + 1, None, Ends(low, max(low, applied) + 10))
    assert found == Begin(low, missing=max(0, gone - folded), forgotten=min(gone, folded))


@given(applied=OFFSETS, short=st.integers(0, 500))
def test_a_log_that_ends_before_what_was_applied_is_another(applied: int, short: int) -> None:
    found = begin(applied, applied + 1, None, Ends(0, max(0, applied - short)))
    assert isinstance(found, Stop)
    assert found.reason == "topic_made_again"


def test_another_id_is_another_topic_however_long_it_is() -> None:
    assert begin(4, 5, "old", Ends(0, 100, "new")) == Stop(
        "topic_made_again", "4 was applied of topic old; it is now new"
    )


def test_an_id_that_nobody_says_is_no_reason_to_stop() -> None:
    assert begin(4, 5, None, Ends(0, 100, "new")) == Begin(5)
    assert begin(4, 5, "old", Ends(0, 100)) == Begin(5)
