"""The pure part of a replay: which hours a run covers, where a copy says it comes from, and what a run's end does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.effects import RawRecord
from core.domain.folds import RUN_END_HEADER, RUN_HEADER, SearchLogFold
from core.domain.replays import (
    Asked,
    Source,
    ceil_hour,
    covered,
    first_kept_hour,
    floor_hour,
    left_after,
    left_before,
    read_from,
    source_header,
    source_of,
)
from core.domain.timestamps import AHEAD_MS, HOUR_MS

TIMES = st.integers(946_684_800_000, 4_102_444_800_000)
HEADER = (RUN_HEADER, b"r")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers(0), st.integers(0))
def test_a_copy_says_where_it_comes_from(name: str, partition: int, offset: int) -> None:
    source = Source(name, partition, offset)
    assert source_of([HEADER, source_header(source)]) == source


@pytest.mark.parametrize("value", [None, b"", b"a", b"a/1", b"a/x/1", b"a/1/-1", b"\xff/1"])
def test_a_header_that_is_none_of_ours_names_no_source(value: bytes | None) -> None:
    assert source_of([("assay-source", value)]) is None


@given(TIMES, TIMES, st.booleans(), st.booleans(), st.none() | TIMES)
def test_hours_covered_are_whole_and_never_reach_past_the_hours_of_the_range(
    first: int, second: int, before: bool, after: bool, kept: int | None
) -> None:
    start, end = sorted((first, second))
    hours = covered(Asked("r", start, end), before, after, None if kept is None else ceil_hour(kept))
    assert hours is not None
    assert hours.start % HOUR_MS == hours.end % HOUR_MS == 0
    assert floor_hour(start) <= hours.start <= hours.end or kept is not None
    assert hours.end <= max(ceil_hour(end), hours.start)
    assert kept is None or hours.start >= kept
    assert not before or hours.start >= start


@given(TIMES, TIMES)
def test_what_is_left_out_of_a_cut_hour_is_in_that_hour_and_not_in_the_range(start: int, time: int) -> None:
    asked = Asked("r", start, start + HOUR_MS)
    if left_before(asked, time):
        assert floor_hour(time) == floor_hour(start)
        assert not asked.takes(time)
    if left_after(asked, time):
        assert floor_hour(time) == floor_hour(start + HOUR_MS)
        assert not asked.takes(time)


@given(TIMES, st.integers(0, AHEAD_MS))
def test_no_usable_record_of_the_first_hour_stands_before_the_place_that_is_read_from(start: int, ahead: int) -> None:
    assert floor_hour(start) - ahead >= read_from(start)


@given(TIMES, st.integers(0, AHEAD_MS))
def test_what_retention_took_is_before_the_first_kept_hour(kept: int, ahead: int) -> None:
    taken = kept + ahead  # no later than what is kept, and at most this much ahead of Kafka's time
    assert floor_hour(taken) < first_kept_hour(kept) or taken == first_kept_hour(kept)


def test_a_run_of_files_without_a_range_covers_no_hours_by_itself() -> None:
    assert covered(Asked("r", None, None, "file"), before=False, after=False, kept_from=None) is None


@pytest.mark.parametrize("ends", [1, 2, 3])
def test_a_runs_end_that_comes_more_than_once_adds_nothing(ends: int) -> None:
    value = json.dumps(
        {"client_id": "c", "query_id": "q", "user_query": "lamp", "timestamp": 1_767_225_600_000}
    ).encode()
    fold = SearchLogFold("t", 0, frozenset(), replay=True)
    end = [RawRecord(1 + n, -1, None, [HEADER, (RUN_END_HEADER, b"")]) for n in range(ends)]
    fold.add([RawRecord(0, -1, value, [HEADER]), *end], -1)
    effects = fold.take()
    assert [counters.searches for counters in effects.panes.values()] == [1]
    assert effects.dead_letters == []
    assert fold.open_sessions() == 0
