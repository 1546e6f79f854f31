"""The day's money: which calls may be paid for. Pure; sums are whole picodollars (core/domain/money.py).

A call is reserved at its worst case before it is sent and settled at its real cost after. Two caps hold for a UTC day
over all replicas: of the whole, and of a lane. PostgreSQL decides by the same rules in one statement
(core/adapters/llm_postgres.py); the contract suite and a property test hold the two equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from core.domain import money
from core.domain.labels import Lane

UNCAPPED = money.budget(money.MAX_BUDGET_USD)
"""The cap of a lane that has none of its own."""

OverReason = Literal["budget", "lane_budget", "waits_for_settlement"]
"""What has no room: the day's whole, the lane's part, or the worst cases of the calls under way for now."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Picodollars a UTC day, all replicas together; a lane that `lanes` doesn't name has no cap of its own."""

    day: int
    lanes: Mapping[Lane, int] = field(default_factory=dict)

    def of(self, lane: Lane) -> int:
        """The lane's own cap."""
        return self.lanes.get(lane, UNCAPPED)


@dataclass(frozen=True, slots=True)
class Spend:
    """One lane's day: `spent` by ended calls, `reserved` by those under way at their worst case."""

    spent: int = 0
    reserved: int = 0

    def plus(self, spent: int, reserved: int) -> Spend:
        """After a change of both."""
        return Spend(self.spent + spent, self.reserved + reserved)


@dataclass(frozen=True, slots=True)
class Grant:
    """Send it: its worst case is reserved."""


@dataclass(frozen=True, slots=True)
class Held:
    """Its endpoint asked to be left alone for another `seconds`; no point in time, for clocks of machines differ."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Over:
    """No room now. `until`: the end of the UTC day; None: calls under way may give money back, so ask again soon."""

    reason: OverReason
    until: datetime | None = None


Verdict = Grant | Held | Over


def caps_of(day_usd: float, lanes_usd: Mapping[Lane, float]) -> Caps:
    """Caps of settings in US dollars."""
    return Caps(money.budget(day_usd), {lane: money.budget(usd) for lane, usd in lanes_usd.items()})


def next_midnight(at: datetime) -> datetime:
    """When the UTC day that `at` is in ends."""
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def decide(
    spends: Mapping[Lane, Spend], holds: Sequence[float | None], asks: Sequence[tuple[Lane, int]], caps: Caps
) -> list[float | OverReason | None]:
    """For each ask (lane, worst cost), in order of preference: None for a grant, the seconds left of its endpoint's
    hold, or what has no room. `holds`: for each ask, the seconds left of a hold that is on.

    What can't be paid today, or is held, is set aside first. Of the rest a lane takes as many as fit from the front,
    and of those the day: nothing small overtakes a large one for ever.
    """
    words = [_alone(spends, hold, ask, caps) for hold, ask in zip(holds, asks, strict=True)]
    wanted: Counter[Lane] = Counter({lane: spend.spent + spend.reserved for lane, spend in spends.items()})
    taken = wanted.total()
    for place, (lane, cost) in enumerate(asks):
        if words[place] is not None:
            continue
        wanted[lane] += cost
        fits_lane = wanted[lane] <= caps.of(lane)
        taken += cost if fits_lane else 0
        if not fits_lane or taken > caps.day:
            words[place] = "waits_for_settlement"
    return words


def _alone(
    spends: Mapping[Lane, Spend], hold: float | None, ask: tuple[Lane, int], caps: Caps
) -> float | OverReason | None:
    """What stands against an ask whatever the calls under way give back."""
    lane, cost = ask
    if sum(spend.spent for spend in spends.values()) + cost > caps.day:
        return "budget"
    if spends.get(lane, Spend()).spent + cost > caps.of(lane):
        return "lane_budget"
    return hold
