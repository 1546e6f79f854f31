"""Timestamps of records: milliseconds since 1970, rounded down, between 2000 and 9999 (CONTRACT 2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MILLISECOND = timedelta(milliseconds=1)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a text without a zone means UTC: both sides are naive

FIRST_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: nothing this service reads is older."""

LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: the last that Python and PostgreSQL both hold."""

AHEAD_MS = 5 * 60_000
"""A record may be this much later than Kafka's own timestamp: clocks of honest producers differ by seconds."""


def parse_timestamp(value: str | int | float) -> int | None:
    """Milliseconds since 1970; None when unreadable or outside 2000 to 9999."""
    milliseconds = milliseconds_of_text(value) if isinstance(value, str) else _of_number(value)
    return milliseconds if milliseconds is not None and FIRST_MS <= milliseconds <= LAST_MS else None


def to_datetime(milliseconds: int) -> datetime:
    """The aware UTC time of milliseconds since 1970."""
    return EPOCH + timedelta(0, milliseconds // 1000, milliseconds % 1000 * 1000)


def to_milliseconds(time: datetime) -> int:
    """Milliseconds since 1970 of an aware time, rounded down."""
    return (time - EPOCH) // _MILLISECOND


def milliseconds_of_text(text: str) -> int | None:
    """Milliseconds since 1970 of a time in text, rounded down, of any year; None when unreadable."""
    if "\0" in text:
        return None
    try:
        time = datetime.fromisoformat(text)
        passed = time - (_NAIVE_EPOCH if time.tzinfo is None else EPOCH)
    except (ValueError, OverflowError):
        return None
    # Half the cost of `passed // _MILLISECOND`. Microseconds are never negative: this rounds down too.
    return passed.days * DAY_MS + passed.seconds * 1000 + passed.microseconds // 1000


def _of_number(number: int | float) -> int | None:
    if isinstance(number, float):
        return int(number // 1) if abs(number) <= LAST_MS + 1 else None
    return number
