"""Simulated time as milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

DAY_MS = 86_400_000


def midnight_ms(day: date) -> int:
    """The start of a day in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def iso(at_ms: int) -> str:
    """Text of a time, such as `2026-03-02T09:15:00.250Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
