"""The ledger of LLM calls: who may send, and what was sent. The port that the adapter sees, and the one in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import UUID

from core.domain import lane
from core.domain.labels import LANE_RANK, Lane
from core.domain.lane import Ask, Grant, LaneState, Limits, Settlement, Spend, Verdict
from core.ports import Clock

LOST = "lost"
"""Status of a call whose process died: whatever it cost, it is counted at its worst case."""

RUNNING = "running"
"""Status of a call under way."""

OK = "ok"
"""Status of a call that was answered."""

SWEEP_SECONDS = 1.0
"""Between two looks for calls of dead processes, all replicas together: their slots are missed for no longer."""


@dataclass(frozen=True, slots=True)
class CallAsk:
    """A call before it is sent. `tokens` and `cost` (picodollars) at their worst."""

    call_id: UUID
    lane: Lane
    purpose: str
    model: str
    prompt_version: str
    prompt_hash: str
    subject: Mapping[str, str]
    tokens: int
    cost: int


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call after it. `tokens` or `cost` None: not known, so the worst case stays.

    `hold`: seconds from now in which no replica is to call. `request` is JSON text without pictures or secrets.
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
        """A verdict for each, better lanes first; `at` is the business time, its UTC day the budget's."""
        ...

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """End calls with what they took; `unsent` were granted and never sent: they leave no trace."""
        ...


@dataclass(slots=True)
class Entry:
    """A call in the ledger in memory."""

    ask: CallAsk
    day: date
    granted_at: float
    expires_at: float
    status: str = RUNNING
    cost: int = 0
    end: CallEnd | None = None


@dataclass(slots=True)
class MemoryLedger:
    """The same policy without a database: for one process, and for tests. `wall` is its time."""

    limits: Limits
    wall: Clock
    calls: dict[UUID, Entry] = field(default_factory=dict)
    days: dict[date, Spend] = field(default_factory=dict)
    state: LaneState | None = None

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        """As the port says."""
        now, day = self.wall.now().timestamp(), at.astimezone(UTC).date()
        self._sweep(now)
        spend = self.days.get(day, Spend())
        plain = [Ask(LANE_RANK[ask.lane], ask.tokens, ask.cost) for ask in asks]
        self.state, self.days[day], verdicts = lane.decide(self._state(now), spend, plain, self.limits, now)
        for ask, verdict in zip(asks, verdicts, strict=True):
            if isinstance(verdict, Grant):
                until = self.state.at + self.limits.lease
                self.calls[ask.call_id] = Entry(ask, day, self.state.at, until, cost=ask.cost)
        return verdicts

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """As the port says."""
        now = self.wall.now().timestamp()
        for end in ends:
            if self.calls[end.call_id].end is None:
                self._end(self.calls[end.call_id], end, now)
        for call_id in unsent:
            entry = self.calls.pop(call_id)
            self._settle(Settlement(entry.granted_at, entry.ask.tokens, 0, sent=False, late=entry.status == LOST), now)
            self._spend(entry, *_shares(entry, 0))

    def _end(self, entry: Entry, end: CallEnd, now: float) -> None:
        tokens = entry.ask.tokens if end.tokens is None else end.tokens
        cost = entry.ask.cost if end.cost is None else end.cost
        late = entry.status == LOST
        self._settle(Settlement(entry.granted_at, entry.ask.tokens, tokens, hold=end.hold, late=late), now)
        self._spend(entry, *_shares(entry, cost))
        entry.status, entry.cost, entry.end = end.status, cost, end

    def _settle(self, ended: Settlement, now: float) -> None:
        self.state = lane.settle(self._state(now), [ended], self.limits, now)

    def _sweep(self, now: float) -> None:
        for entry in self.calls.values():
            if entry.status == RUNNING and entry.expires_at < now:
                entry.status = LOST
                self.state = lane.expire(self._state(now), 1)
                self._spend(entry, entry.cost, -entry.cost)

    def _spend(self, entry: Entry, spent: int, reserved: int) -> None:
        old = self.days.get(entry.day, Spend())
        self.days[entry.day] = Spend(old.spent + spent, old.reserved + reserved)

    def _state(self, now: float) -> LaneState:
        return self.state or lane.fresh(self.limits, now)


def _shares(entry: Entry, cost: int) -> tuple[int, int]:
    """What ending a call at `cost` adds to the day's spent and reserved; a lost one was counted as spent already."""
    return (cost - entry.cost, 0) if entry.status == LOST else (cost, -entry.ask.cost)
