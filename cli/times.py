"""Times as they are written on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.errors import UsageError

_AGO = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def time_of(text: str, example: str = "2026-03-02T06:00Z") -> datetime:
    """An ISO 8601 time, UTC where it names no zone; UsageError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; it takes one such as {example}") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def time_or_ago(text: str, now: datetime) -> datetime:
    """As `time_of`, or so long ago: `90m`, `2h`, `3d`."""
    if found := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return now - timedelta(seconds=int(found[1]) * _AGO[found[2]])
    return time_of(text, "2026-03-02T06:00Z, or 90m, 2h, 3d")
