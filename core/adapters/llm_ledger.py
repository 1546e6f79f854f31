"""The ledger of LLM calls: what may be paid for, and what was sent. The port that the adapter sees, and the one in
memory. Rate is no part of it (core/adapters/llm_gate.py paces before it asks here)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import UUID

from core.domain import budget
from core.domain.budget import Caps, Grant, Held, Over, Spend, Verdict
from core.domain.labels import LANE_RANK, Lane
from core.ports import Clock

LOST = "lost"
"""Status of a call whose process died: whatever it cost, it is counted at its worst case."""

RUNNING = "running"
"""Status of a call under way."""

OK = "ok"
"""Status of a call that was answered."""

SWEEP_SECONDS = 1.0
"""Between two looks of a process for calls of dead ones: their money is missed for no longer."""


@dataclass(frozen=True, slots=True)
class CallAsk:
    """A call before it is sent. `tokens` and `cost` (picodollars) at their worst.

    `lease`: seconds that its reservation lives, the ledger's own where None. `prices`: version of the price list that
    `cost` was reckoned with; `batch`: ordered in a provider's batch.
    """

    call_id: UUID
    endpoint: str
    lane: Lane
    purpose: str
    model: str
    prompt_version: str
    prompt_hash: str
    subject: Mapping[str, str]
    tasks: tuple[UUID, ...]
    tokens: int
    cost: int
    batch: bool = False
    lease: float | None = None
    prices: str = ""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call after it. `cost` None: not known, so the worst case stays. `tokens`: what it took of the rate, if known.

    `hold`: seconds from now in which nobody is to call its endpoint. `request` is JSON text without pictures or
    secrets.
    """

    call_id: UUID
    status: str
    started_at: datetime
    latency_ms: int
    tokens: int | None
    cost: int | None
    http_status: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    hold: float | None = None
    system: str = ""
    request: str = "{}"
    reply: str = ""
    answered_by: str = ""
    fingerprint: str = ""
    error: str = ""


class Ledger(Protocol):
    """Shared by all replicas. Both methods raise RetryLater where the ledger can't be reached."""

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        """A verdict for each, better lanes first, then the order given; `at` is the business time, its UTC day the
        budget's."""
        ...

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """End calls with what they took; `unsent` were granted and never sent: they leave no trace. What is settled
        already stays as it is."""
        ...


def by_rank(asks: Sequence[CallAsk]) -> list[int]:
    """Places of the asks in the order in which they are served."""
    return sorted(range(len(asks)), key=lambda place: LANE_RANK[asks[place].lane])


def verdict(word: float | budget.OverReason | None, at: datetime) -> Verdict:
    """The word of `core.domain.budget.decide` as the port says it."""
    if word is None:
        return Grant()
    if isinstance(word, float):
        return Held(word)
    return Over(word, None if word == "waits_for_settlement" else budget.next_midnight(at))


@dataclass(slots=True)
class Entry:
    """A call in the ledger in memory."""

    ask: CallAsk
    day: date
    expires_at: float
    status: str = RUNNING
    cost: int = 0
    end: CallEnd | None = None


@dataclass(slots=True)
class MemoryLedger:
    """The same policy without a database: for one process, and for tests. `lease` in seconds, `wall` is its time."""

    caps: Caps
    lease: float
    wall: Clock
    calls: dict[UUID, Entry] = field(default_factory=dict)
    days: defaultdict[date, dict[Lane, Spend]] = field(default_factory=lambda: defaultdict(dict))
    holds: dict[str, float] = field(default_factory=dict)

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        """As the port says."""
        now, day = self.wall.now().timestamp(), at.astimezone(UTC).date()
        self._sweep(now)
        order = by_rank(asks)
        words = budget.decide(
            self.days[day],
            [self._held(asks[place].endpoint, now) for place in order],
            [(asks[place].lane, asks[place].cost) for place in order],
            self.caps,
        )
        found = dict(zip(order, words, strict=True))
        for place, ask in enumerate(asks):
            if found[place] is None:
                lease = self.lease if ask.lease is None else ask.lease
                self.calls[ask.call_id] = Entry(ask, day, now + lease, cost=ask.cost)
                self._pay(self.calls[ask.call_id], 0, ask.cost)
        return [verdict(found[place], at) for place in range(len(asks))]

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """As the port says."""
        for end in ends:
            entry = self.calls.get(end.call_id)
            if entry is not None and entry.end is None:
                self._end(entry, end)
                self._hold(entry.ask.endpoint, end.hold)
        for call_id in unsent:
            entry = self.calls.get(call_id)
            if entry is not None and entry.end is None:
                self._pay(entry, *_shares(entry, 0))
                del self.calls[call_id]

    def _end(self, entry: Entry, end: CallEnd) -> None:
        cost = entry.ask.cost if end.cost is None else end.cost
        self._pay(entry, *_shares(entry, cost))
        entry.status, entry.cost, entry.end = end.status, cost, end

    def _hold(self, endpoint: str, seconds: float | None) -> None:
        if seconds is not None:
            until = self.wall.now().timestamp() + seconds
            self.holds[endpoint] = max(until, self.holds.get(endpoint, 0.0))

    def _sweep(self, now: float) -> None:
        for entry in self.calls.values():
            if entry.status == RUNNING and entry.expires_at < now:
                entry.status = LOST
                self._pay(entry, entry.cost, -entry.cost)

    def _held(self, endpoint: str, now: float) -> float | None:
        left = self.holds.get(endpoint, 0.0) - now
        return left if left > 0 else None

    def _pay(self, entry: Entry, spent: int, reserved: int) -> None:
        lanes = self.days[entry.day]
        lanes[entry.ask.lane] = lanes.get(entry.ask.lane, Spend()).plus(spent, reserved)


def _shares(entry: Entry, cost: int) -> tuple[int, int]:
    """What ending a call at `cost` adds to the day's spent and reserved; a lost one was counted as spent already."""
    return (cost - entry.cost, 0) if entry.status == LOST else (cost, -entry.ask.cost)
