"""Panes: what the shoppers of one query did in one hour, added up (CONTRACT 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class PaneKey(NamedTuple):
    """One pane. `hour` is its first millisecond since 1970, UTC."""

    run: str
    application: str
    market: str
    query: str
    hour: int


class Counters(NamedTuple):
    """A pane's counters; they add up over any partitioning of the sessions."""

    searches: int = 0
    sessions: int = 0
    engaged: int = 0
    reformulated: int = 0
    exits: int = 0
    zero_results: int = 0


class Panes(dict[PaneKey, Counters]):
    """Deltas of panes: what a batch of closed sessions adds."""

    def count(self, key: PaneKey, search: Counters) -> None:
        """Add one search's counters to its pane."""
        held = self.get(key)
        self[key] = search if held is None else plus(held, search)


def plus(one: Counters, other: Counters) -> Counters:
    """The sum, counter by counter."""
    return Counters(
        one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3], one[4] + other[4], one[5] + other[5]
    )


def merged(parts: Iterable[Panes]) -> Panes:
    """The sum of several deltas."""
    total = Panes()
    for part in parts:
        if total:
            for key, counters in part.items():
                total.count(key, counters)
        else:
            total.update(part)
    return total
