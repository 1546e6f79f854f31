"""Days as the look at buyers counts them: windows that end with a day, and runs of days that are read at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

WEEK = 7
"""Days of a window: weekdays even out."""


def back(day: date, days: int) -> date:
    """The first of so many days that end with this one."""
    return day - timedelta(days=days - 1)


def midnight(day: date) -> datetime:
    """Its begin, UTC."""
    return datetime.combine(day, time(), UTC)


def end(day: date) -> datetime:
    """Its end, UTC."""
    return midnight(day + timedelta(days=1))


def stretches(days: Sequence[date]) -> Iterator[list[date]]:
    """The days in runs that follow on each other, of a week at most: what lies between is not read for nothing."""
    run: list[date] = []
    for day in sorted(days):
        if run and (len(run) == WEEK or day - run[-1] > timedelta(days=1)):
            yield run
            run = []
        run.append(day)
    if run:
        yield run
