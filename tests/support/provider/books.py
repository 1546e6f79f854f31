"""What a stand-in keeps of every call: when it came, what became of it, what it was billed, and for which pairs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import msgspec

ON_ITS_WAY_S = 0.25
"""A call that comes so soon after a 429 may have been sent before its sender could have read it: twice what the loops
of a full machine were seen to be late. What comes later, before the ordered time is over, is a violation."""

TOO_MANY = "too many requests: "


class Call(msgspec.Struct):
    """One arrival. Times are seconds since 1970; tokens as billed, 0 where nothing was done."""

    number: int
    at: float
    ended: float = 0.0
    purpose: str = ""
    outcome: str = "under way"
    """`ok`, a fault's name, `too many requests: …`, `client gone`."""
    input: int = 0
    cached: int = 0
    output: int = 0
    answered: bool = False
    """The whole answer was handed to a connection that was still open."""
    early: float = 0.0
    """Seconds from the 429 whose time it did not wait for; 0: it was not early."""
    again: int = 0
    """Pairs of it that were billed before."""


class Second(msgspec.Struct):
    """One second of the run: what came, what passed, what was charged, what was left at its last call."""

    arrivals: int = 0
    admitted: int = 0
    charged: float = 0.0
    refused: int = 0
    requests_left: float = 0.0
    tokens_left: float = 0.0


class Stats(msgspec.Struct):
    """All in one."""

    first_at: float
    calls: int
    outcomes: dict[str, int]
    purposes: dict[str, int]
    violations: int
    latest_violation_s: float
    """How long after a 429 the last call came that should not have."""
    most_in_flight: int
    billed: dict[str, dict[str, int]]
    """`answered` and `unanswered`: calls, input, cached and output tokens."""
    pairs: int
    """Different pairs that were billed."""
    pairs_again: int
    """How often a pair was billed that had been before."""
    calls_again: int
    """Calls with such pairs."""
    seconds: list[Second]


@dataclass
class Books:
    """In memory: 400 bytes a call."""

    clock: Callable[[], float] = time.time
    calls: list[Call] = field(default_factory=list)
    seconds: list[Second] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    _holds: dict[str, tuple[float, float]] = field(default_factory=dict)
    _pairs: Counter[int] = field(default_factory=Counter)

    def arrive(self, key: str) -> Call:
        """A call came; early ones are marked."""
        call = Call(len(self.calls), self.clock())
        ordered, until = self._holds.get(key, (0.0, 0.0))
        if ordered + ON_ITS_WAY_S < call.at < until:
            call.early = call.at - ordered
        self.calls.append(call)
        self.second().arrivals += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        return call

    def second(self) -> Second:
        """The one that is now."""
        index = int(self.clock() - self.calls[0].at)
        while len(self.seconds) <= index:
            self.seconds.append(Second())
        return self.seconds[index]

    def since_first(self) -> float:
        """Seconds since the first call."""
        return self.clock() - self.calls[0].at if self.calls else 0.0

    def refuse(self, call: Call, key: str, limit: str, seconds: float) -> None:
        """A 429: nobody of this key is to come for so long. A longer order stays."""
        call.outcome = TOO_MANY + limit
        now = self.clock()
        ordered, until = self._holds.get(key, (now, 0.0))
        self._holds[key] = (min(ordered, now) if until > now else now, max(until, now + seconds))
        self.second().refused += 1

    def bill(self, call: Call, used: tuple[int, int, int], pairs: Sequence[Hashable]) -> None:
        """The model did the work: input, of it cached, and output tokens."""
        call.input, call.cached, call.output = used
        numbers = [hash(pair) for pair in pairs]
        call.again = sum(self._pairs[number] > 0 for number in numbers)
        self._pairs.update(numbers)

    def end(self, call: Call, outcome: str, *, answered: bool) -> None:
        """Its end; `outcome` empty: it has one."""
        call.outcome = outcome or call.outcome
        call.answered, call.ended = answered, self.clock()
        self.under_way -= 1

    def stats(self) -> Stats:
        """Counted now."""
        early = [call.early for call in self.calls if call.early]
        return Stats(
            first_at=self.calls[0].at if self.calls else 0.0,
            calls=len(self.calls),
            outcomes=dict(Counter(call.outcome for call in self.calls)),
            purposes=dict(Counter(call.purpose for call in self.calls if call.purpose)),
            violations=len(early),
            latest_violation_s=max(early, default=0.0),
            most_in_flight=self.most_under_way,
            billed={name: self._billed(answered=name == "answered") for name in ("answered", "unanswered")},
            pairs=len(self._pairs),
            pairs_again=self._pairs.total() - len(self._pairs),
            calls_again=sum(call.again > 0 for call in self.calls),
            seconds=self.seconds,
        )

    def _billed(self, *, answered: bool) -> dict[str, int]:
        calls = [call for call in self.calls if call.input and call.answered is answered]
        return {
            "calls": len(calls),
            "input": sum(call.input for call in calls),
            "cached": sum(call.cached for call in calls),
            "output": sum(call.output for call in calls),
        }
