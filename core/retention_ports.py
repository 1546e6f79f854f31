"""Retention's effects by name: days that are made and dropped, and what is cleaned row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol

from core.domain.retention import History, KeptDay

Judged = Literal["labels", "image_scores"]
"""The tables whose newest rows are the product and stay; only what a newer row has replaced may go."""


@dataclass(frozen=True, slots=True)
class DaySize:
    """A day as it is stored. `rows` is what PostgreSQL last counted; `size_bytes` None where it has no table."""

    day: date
    rows: int
    size_bytes: int | None


class Cursor(NamedTuple):
    """How far a walk over judged rows is, oldest first."""

    judged_at: datetime
    id: int


class Superseded(NamedTuple):
    """One step of such a walk: rows deleted, and where to go on; `cursor` None at the end."""

    deleted: int
    cursor: Cursor | None


class RetentionStore(Protocol):
    """Partitions by day. Nothing here waits for a lock in a way that makes others wait behind it."""

    async def find(self, history: History, last: date, now: datetime) -> None:
        """Put the known days right: by which partitions there are, and by which days up to `last` have rows in the rest
        that nobody spoke of; those count as asked for now."""
        ...

    async def days(self, history: History, last: date) -> list[KeptDay]:
        """Days up to `last` that hold something, as far as is known."""
        ...

    async def make(self, history: History, days: Sequence[date], now: datetime) -> int:
        """Give days their partition, with the rows they have in the rest; returns how many got one. The others could
        not get a lock or have too many rows to move at once."""
        ...

    async def drop(self, history: History, day: date, asked_before: datetime, now: datetime) -> int | None:
        """Drop a day's rows and free their space; None when it was written to after `asked_before`, or is being read
        right now. Returns about how many rows it had."""
        ...

    async def let_go(self, history: History, now: datetime) -> int:
        """Remove the empty partitions of dropped days; returns how many went. One that was written to since stays."""
        ...

    async def clean(self, history: History, day: date, asked_before: datetime, limit: int) -> int:
        """Delete at most `limit` of a day's rows in the rest; 0 when none is left."""
        ...

    async def forget_superseded(self, judged: Judged, before: datetime, after: Cursor | None, limit: int) -> Superseded:
        """Of the next `limit` rows judged before a time, delete those that a newer one had replaced before it; but no
        student's score that a stored label of the judge is compared with."""
        ...

    async def sizes(self, history: History, days: Sequence[date]) -> list[DaySize]:
        """What these days hold."""
        ...

    async def superseded(self, judged: Judged, before: datetime) -> int:
        """How many rows `forget_superseded` would delete in all."""
        ...
