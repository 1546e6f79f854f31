"""How many calls at once: additive increase, multiplicative decrease, inside the limit that is set. Pure.

The window opens by one for each good answer until the first cut, by one for each windowful after it, as TCP does; it
is cut only when over a quarter of the last answers were bad. Cutting at every 500 held the throughput at 69 % of the
limit (DESIGN 8): single faults say nothing of a provider's load, a quarter of all does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

START: Final = 16
"""Calls at once before the first answer: a slow endpoint is not met by hundreds, a fast one has doubled in a reply."""

CUT_TO: Final = 0.7
"""Of the window at a cut: TCP Cubic's, which gives up less than a half for the noise that answers are."""

BAD_SHARE: Final = 0.25
"""Of the last answers: more are the provider's load, fewer its usual faults."""

LOOK: Final = 20
"""Answers looked at: fewer would cut for a handful of faults that came together."""


@dataclass(frozen=True, slots=True)
class Flight:
    """`size` calls may be under way; `good` and `bad` answers since the last look."""

    size: float = float(START)
    slow_start: bool = True
    good: int = 0
    bad: int = 0
    cut_at: float = 0.0
    """Answers to calls that were sent before the last cut don't count: they are news of the time before it."""


def room(flight: Flight, allowed: int) -> int:
    """Calls that may be under way, at least one where any is `allowed`."""
    return min(allowed, max(1, int(flight.size)))


def answered(flight: Flight, *, bad: bool, sent_at: float, now: float, under_way: int, allowed: int) -> Flight:
    """After an answer. The window opens only while it is in use, and never past what is `allowed`."""
    if sent_at < flight.cut_at:
        return flight
    after = replace(flight, good=flight.good + (not bad), bad=flight.bad + bad)
    if after.good + after.bad >= LOOK:
        overloaded = after.bad > BAD_SHARE * (after.good + after.bad)
        after = replace(after, good=0, bad=0)
        if overloaded:
            size = max(1.0, CUT_TO * min(after.size, float(allowed)))
            return replace(after, size=size, slow_start=False, cut_at=now)
    if bad or under_way < int(after.size) // 2 or after.size >= allowed:
        return after
    return replace(after, size=after.size + (1.0 if after.slow_start else 1.0 / after.size))
