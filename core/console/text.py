"""How values read on a page: numbers, money, times, bytes. Pure; what is returned is text, escaped by the template."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor, log10

MISSING = "–"
"""Shown where there is no value; never 0, which is a value."""

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
CLOCKS_APART = timedelta(minutes=1)
"""How far two machines' clocks may stand apart before what one has written reads as the other's future."""

_HEX_ROW = 16
_HEX_BYTES = 256
"""Bytes of a hexdump: sixteen rows say what kind of data it is."""

_NOT_TEXT_SHARE = 0.1
"""Above this share of control characters a payload is shown as bytes."""


def number(value: float | None) -> str:
    """Whole numbers with thin groups, others with up to two decimals."""
    if value is None:
        return MISSING
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}"


def compact(value: float) -> str:
    """Short, for axes and cards: 950, 1.2k, 3.4M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.1f}".rstrip("0").rstrip(".") + unit
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.1f}"


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as percent."""
    return MISSING if value is None else f"{100 * value:.{decimals}f}\u00a0%"


def share(part: float, whole: float) -> float | None:
    """`part` of `whole`, None of nothing."""
    return part / whole if whole else None


def usd(value: float | None) -> str:
    """US dollars: cents from a dollar on, four digits below, and two that count for less than a thousandth, so that
    the cheapest call's cost is seen."""
    if value is None:
        return MISSING
    if value >= 1 or value == 0:
        return f"${value:,.2f}"
    return (
        f"${value:.4f}"
        if value >= 0.001
        else f"${value:.{1 - floor(log10(value))}f}"
        if value > 0
        else f"-{usd(-value)}"
    )


def moment(value: datetime | None) -> str:
    """Date and minute in UTC."""
    return MISSING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def second(value: datetime | None) -> str:
    """Date and second in UTC: calls and their retries are seconds apart."""
    return MISSING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def machine_time(value: datetime) -> str:
    """For the `datetime` attribute of `<time>`."""
    return value.astimezone(UTC).isoformat(timespec="seconds")


def ago(value: datetime, now: datetime) -> str:
    """Distance in the largest whole unit, such as `5 min ago`."""
    seconds = int((now - value).total_seconds())
    for size, unit in _STEPS:
        if abs(seconds) >= size:
            count = f"{abs(seconds) // size} {unit}"
            return f"{count} ago" if seconds > 0 else f"in {count}"
    return "now"


def since(value: datetime, now: datetime) -> str:
    """Distance of what has happened; the time itself where the clocks differ, as in a demo, whose days are simulated
    while the database keeps today's time."""
    return ago(value, now) if value <= now + CLOCKS_APART else moment(value)


def words(name: str) -> str:
    """A machine's name for people: `acceptable_substitute` reads `acceptable substitute`."""
    return name.replace("_", " ")


def payload(value: bytes) -> str:
    """Bytes as text where they are text, else as a hexdump."""
    text = value.decode("utf-8", errors="replace")
    strange = sum(1 for c in text if c == "\ufffd" or (ord(c) < 32 and c not in "\n\r\t"))
    return text if strange <= _NOT_TEXT_SHARE * len(text) else hexdump(value[:_HEX_BYTES])


def hexdump(value: bytes) -> str:
    """Offset, sixteen bytes, what of them is ASCII; a row each."""
    rows = (value[start : start + _HEX_ROW] for start in range(0, len(value), _HEX_ROW))
    return "\n".join(
        f"{_HEX_ROW * place:04x}  {row.hex(' '):<47}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}"
        for place, row in enumerate(rows)
    )
