"""What was granted in each half second of the last 61: a sum that covers every 60 seconds with a grant at its end.

A window is a tuple of `SLOTS` numbers; the first is the half second that now is in, the next the one before.
"""

from __future__ import annotations

from typing import Final

Window = tuple[int, ...]

SLOT_SECONDS: Final = 0.5
"""Grain of the window: finer costs more to store than the 0.8 % of the limit that the last slot may waste."""

ARRIVAL_SECONDS: Final = 1.0
"""A call reaches the provider up to a second after its grant (a stalled loop, a new connection); two calls
granted a minute apart may so arrive closer than a minute, and the window is longer by this."""

SLOTS: Final = int((60 + ARRIVAL_SECONDS) / SLOT_SECONDS) + 1
WINDOW_SECONDS: Final = SLOTS * SLOT_SECONDS
"""61.5: the limits are reached to 97.6 %."""

EMPTY: Final[Window] = (0,) * SLOTS


def shifted(window: Window, since: float, now: float) -> Window:
    """The window at `now`, which is not before `since`, the time it was right at."""
    steps = min(_slot(now) - _slot(since), SLOTS)
    return ((0,) * steps + window)[:SLOTS]


def added(window: Window, amount: int) -> Window:
    """With `amount` granted now."""
    return (window[0] + amount, *window[1:])


def corrected(window: Window, now: float, granted_at: float, change: int) -> Window:
    """With `change` added to the half second of `granted_at`; what has left the window is of no more interest."""
    index = max(0, _slot(now) - _slot(granted_at))
    if change == 0 or index >= SLOTS:
        return window
    return (*window[:index], max(0, window[index] + change), *window[index + 1 :])


def until_room(window: Window, now: float, amount: int, limit: int) -> float:
    """Seconds until so many of the oldest slots have left that `amount` fits under `limit`; 0 when it fits now."""
    surplus = sum(window) + amount - limit
    leaving = 0
    while surplus > 0 and leaving < SLOTS:
        leaving += 1
        surplus -= window[SLOTS - leaving]
    return (_slot(now) + leaving) * SLOT_SECONDS - now if leaving else 0.0


def _slot(at: float) -> int:
    return int(at // SLOT_SECONDS)
