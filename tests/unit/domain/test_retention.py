"""Which days are made and which go: nothing is dropped early, nothing is kept for ever, nobody's day is made twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.retention import DAYS_AHEAD, Keep, KeptDay, Plan, has_place, is_due, oldest, plan, utc_day, window

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
TODAY = NOW.date()
KEEP = Keep(days=30, grace_days=7)
DAY = timedelta(days=1)
LONG_AGO = NOW - 100 * DAY

nows = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
keeps = st.builds(Keep, st.integers(1, 1_000), st.integers(1, 365))


@st.composite
def kept_days(draw: st.DrawFn) -> tuple[datetime, Keep, list[KeptDay]]:
    """A moment, a setting, and days near the edges of both, each once."""
    now, keep = draw(nows), draw(keeps)
    edge = utc_day(now) - keep.days * DAY
    near = st.integers(-5, 5).map(lambda days: edge + days * DAY)
    around = st.one_of(near, st.integers(-5, 5).map(lambda days: utc_day(now) + days * DAY), st.dates(date(2000, 1, 1)))
    asked = st.one_of(
        st.integers(-2, 2).map(lambda s: now - keep.grace_days * DAY + timedelta(seconds=s)), st.just(now)
    )
    rows = st.builds(KeptDay, around, st.booleans(), asked, st.booleans())
    unique = draw(st.lists(rows, max_size=20, unique_by=lambda row: row.day))
    return now, keep, [row if row.own else row._replace(emptied=False) for row in unique]


def made_long_ago(day: date, *, own: bool = True, emptied: bool = False) -> KeptDay:
    return KeptDay(day, own, LONG_AGO, emptied)


def test_the_days_to_come_are_made_ahead() -> None:
    assert plan([], NOW, KEEP).make == [TODAY + n * DAY for n in range(DAYS_AHEAD + 1)]


def test_a_day_is_dropped_once_the_days_it_is_kept_are_over() -> None:
    last_kept, first_gone = made_long_ago(TODAY - 30 * DAY), made_long_ago(TODAY - 31 * DAY)
    assert plan([last_kept, first_gone], NOW, KEEP).drop == [first_gone.day]


def test_an_old_day_that_was_just_written_to_has_its_days_of_grace() -> None:
    day = TODAY - 300 * DAY
    assert not is_due(KeptDay(day, True, NOW - 7 * DAY + timedelta(seconds=1)), NOW, KEEP)
    assert is_due(KeptDay(day, True, NOW - 7 * DAY), NOW, KEEP)


def test_a_day_in_the_rest_is_cleaned_and_not_dropped() -> None:
    found = plan([made_long_ago(TODAY - 300 * DAY, own=False)], NOW, KEEP)
    assert (found.drop, found.clean) == ([], [TODAY - 300 * DAY])


def test_a_day_in_the_rest_that_came_into_the_window_is_made() -> None:
    assert TODAY - 2 * DAY in plan([made_long_ago(TODAY - 2 * DAY, own=False)], NOW, KEEP).make


def test_a_day_far_ahead_is_left_alone() -> None:
    found = plan([made_long_ago(date(9999, 12, 31), own=False)], NOW, KEEP)
    assert date(9999, 12, 31) not in {*found.make, *found.clean, *found.drop}


def test_an_emptied_day_is_not_emptied_again_and_not_the_oldest() -> None:
    gone, there = made_long_ago(TODAY - 300 * DAY, emptied=True), made_long_ago(TODAY)
    assert plan([gone, there], NOW, KEEP).drop == []
    assert oldest([gone, there]) == TODAY


def test_no_days_have_no_oldest() -> None:
    assert oldest([]) is None


@pytest.mark.parametrize("hours", [-12, 14])
def test_a_day_is_the_utc_day_whatever_the_zone(hours: int) -> None:
    assert utc_day(NOW.astimezone(timezone(timedelta(hours=hours)))) == TODAY


@given(kept_days())
def test_nothing_goes_that_is_young_or_was_just_written_to(case: tuple[datetime, Keep, list[KeptDay]]) -> None:
    now, keep, kept = case
    rows = {row.day: row for row in kept}
    found = plan(kept, now, keep)
    for day in [*found.drop, *found.clean]:
        end = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
        assert end + keep.days * DAY <= now
        assert rows[day].asked_at + keep.grace_days * DAY <= now


@given(kept_days())
def test_every_day_past_both_terms_goes_in_the_way_it_lies(case: tuple[datetime, Keep, list[KeptDay]]) -> None:
    now, keep, kept = case
    found = plan(kept, now, keep)
    past = [
        row for row in kept if (utc_day(now) - row.day).days > keep.days and now - row.asked_at >= keep.grace_days * DAY
    ]
    assert set(found.clean) == {row.day for row in past if not row.own}
    assert set(found.drop) == {row.day for row in past if row.own and not row.emptied}


@given(kept_days())
def test_only_days_of_the_window_are_made_and_none_that_has_a_partition(
    case: tuple[datetime, Keep, list[KeptDay]],
) -> None:
    now, keep, kept = case
    made = plan(kept, now, keep).make
    assert all(has_place(day, now, keep) for day in made)
    assert not set(made) & {row.day for row in kept if row.own}
    assert list(made) == sorted(set(made))


@given(kept_days())
def test_a_plan_that_is_carried_out_leaves_nothing_to_do(case: tuple[datetime, Keep, list[KeptDay]]) -> None:
    now, keep, kept = case
    found = plan(kept, now, keep)
    rows = {row.day: row for row in kept}
    rows |= {day: rows.get(day, KeptDay(day, True, now))._replace(own=True) for day in found.make}
    rows |= {day: rows[day]._replace(emptied=True) for day in found.drop}
    left = [row for row in rows.values() if row.day not in found.clean]
    assert plan(left, now, keep) == Plan(make=[], drop=[], clean=[])


@given(nows, keeps, st.dates(date(2000, 1, 1)))
def test_a_day_has_a_place_or_is_due_or_is_to_come(now: datetime, keep: Keep, day: date) -> None:
    due = is_due(KeptDay(day, True, now - keep.grace_days * DAY), now, keep)
    assert [has_place(day, now, keep), due, day > window(now, keep)[1]].count(True) == 1
