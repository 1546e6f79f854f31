"""Whose turn it is among the calls that wait: by lane, each with a guaranteed part, and by prefix inside a lane. Pure.

A better lane goes first, except that a lane which waits and has had less than its guaranteed part goes before it. So
neither can a backfill hold live work up nor live work starve a backfill. Inside a lane the calls that begin with the
same text go one after the other: a provider's prompt cache bills such a prefix at a fraction, while it is warm.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from core.domain.labels import LANE_RANK, Lane
from core.domain.shares import LANES

CREDIT_CALLS: Final = 20.0
"""Most calls' worth of its part that a lane is owed: one that had long to wait does not go first for minutes."""

RUN_CALLS: Final = 50
"""Calls of one prefix in a row, then others of its lane go: all pictures share one, and more never stop coming."""

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """The calls that wait. `guaranteed` is each lane's part of the calls, 0 to 1; `by_prefix` false: in their order."""

    def __init__(self, guaranteed: Mapping[Lane, float], *, by_prefix: bool = True) -> None:
        self._guaranteed = guaranteed
        self._by_prefix = by_prefix
        self._waiting: dict[Lane, OrderedDict[str, deque[Item]]] = {lane: OrderedDict() for lane in LANES}
        self._credit: dict[Lane, float] = dict.fromkeys(LANES, 0.0)
        self._count = 0
        self._run: dict[Lane, tuple[str, int]] = dict.fromkeys(LANES, ("", 0))

    def __len__(self) -> int:
        return self._count

    def add(self, lane: Lane, prefix: str, item: Item) -> None:
        """To the end of its prefix, which keeps its place."""
        self._waiting[lane].setdefault(prefix if self._by_prefix else "", deque()).append(item)
        self._count += 1

    def put_back(self, lane: Lane, prefix: str, item: Item) -> None:
        """To the very front: its turn had come and it could not go."""
        calls = self._waiting[lane]
        key = prefix if self._by_prefix else ""
        calls.setdefault(key, deque()).appendleft(item)
        calls.move_to_end(key, last=False)
        self._count += 1

    def remove(self, lane: Lane, prefix: str, item: Item) -> bool:
        """Whether it was there."""
        key = prefix if self._by_prefix else ""
        calls = self._waiting[lane].get(key)
        if calls is None or item not in calls:
            return False
        calls.remove(item)
        self._dropped(lane, key)
        return True

    def first(self) -> Item:
        """Whose turn it is; IndexError where nobody waits."""
        calls = self._waiting[self._lane()]
        return next(iter(calls.values()))[0]

    def take(self) -> Item:
        """Whose turn it is, and no longer waiting."""
        lane = self._lane()
        self._credited(lane)
        key, calls = next(iter(self._waiting[lane].items()))
        item = calls.popleft()
        self._dropped(lane, key)
        self._passed_on(lane, key)
        return item

    def waiting(self) -> dict[Lane, list[Item]]:
        """All that wait, by lane."""
        return {lane: [item for calls in groups.values() for item in calls] for lane, groups in self._waiting.items()}

    def _lane(self) -> Lane:
        waiting = [lane for lane in LANES if self._waiting[lane]]
        if not waiting:
            raise IndexError("nobody waits")
        owed = [lane for lane in waiting if self._credit[lane] >= 1.0]
        return min(owed or waiting, key=LANE_RANK.__getitem__)

    def _credited(self, taken: Lane) -> None:
        for lane in LANES:
            if not self._waiting[lane]:
                self._credit[lane] = 0.0
            else:
                self._credit[lane] = min(CREDIT_CALLS, self._credit[lane] + self._guaranteed.get(lane, 0.0))
        self._credit[taken] = max(0.0, self._credit[taken] - 1.0)

    def _passed_on(self, lane: Lane, key: str) -> None:
        """A prefix that never ends goes to the end of its lane now and then, whatever other lanes do in between."""
        same, count = self._run[lane]
        self._run[lane] = key, count + 1 if key == same else 1
        if self._run[lane][1] >= RUN_CALLS and key in self._waiting[lane]:
            self._waiting[lane].move_to_end(key)
            self._run[lane] = "", 0

    def _dropped(self, lane: Lane, key: str) -> None:
        self._count -= 1
        if not self._waiting[lane][key]:
            del self._waiting[lane][key]
