"""How long history is kept: which UTC days get a partition of their own, which are let go. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple, get_args

History = Literal["panes", "dead_letters", "llm_calls"]
"""The tables that lie by days."""

HISTORIES: tuple[History, ...] = get_args(History)

DAYS_AHEAD = 3
"""Days made before they begin: a weekend with nobody and no leader, and honest clocks are ahead by minutes."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long one history is kept: `days` after a day is over, and `grace_days` after it was last written to."""

    days: int
    grace_days: int


class KeptDay(NamedTuple):
    """A day that holds something. `own`: it has a partition; `emptied`: that one is empty and waits to go."""

    day: date
    own: bool
    asked_at: datetime
    emptied: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What one look does: days that get a partition, whose partition goes, whose rows in the rest go."""

    make: Sequence[date] = ()
    drop: Sequence[date] = ()
    clean: Sequence[date] = ()


def utc_day(time: datetime) -> date:
    """The UTC day of an aware time."""
    return time.astimezone(UTC).date()


def window(now: datetime, keep: Keep) -> tuple[date, date]:
    """The first and the last day that may have a partition of their own. A record's time may be any of three million
    days; a table for each would be no help to anyone."""
    today = utc_day(now)
    return today - keep.days * _DAY, today + DAYS_AHEAD * _DAY


def has_place(day: date, now: datetime, keep: Keep) -> bool:
    """Whether a day is to have a partition of its own now."""
    first, last = window(now, keep)
    return first <= day <= last


def is_due(kept: KeptDay, now: datetime, keep: Keep) -> bool:
    """Whether a day is to go: older than is kept, and nobody has written to it in the days of grace. The second lets
    a person who reads last year's log see its panes before they go."""
    return kept.day < window(now, keep)[0] and kept.asked_at <= asked_before(now, keep)


def asked_before(now: datetime, keep: Keep) -> datetime:
    """Who was written to after this is in its days of grace."""
    return now - keep.grace_days * _DAY


def plan(kept: Iterable[KeptDay], now: datetime, keep: Keep) -> Plan:
    """What is to be done about one history's days, each list oldest first."""
    days = sorted(kept)
    last = window(now, keep)[1]
    ahead = {last - back * _DAY for back in range(DAYS_AHEAD + 1)}
    owned = {row.day for row in days if row.own}
    outside = {row.day for row in days if not row.own and has_place(row.day, now, keep)}
    due = [row for row in days if is_due(row, now, keep)]
    return Plan(
        make=sorted((ahead | outside) - owned),
        drop=[row.day for row in due if row.own and not row.emptied],
        clean=[row.day for row in due if not row.own],
    )


def oldest(kept: Iterable[KeptDay]) -> date | None:
    """The oldest day that still holds rows; None without any."""
    return min((row.day for row in kept if not row.emptied), default=None)
