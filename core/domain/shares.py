"""How the limits are divided over the replicas: by the work that each has, lane by lane. Pure.

First each lane has what it wants up to its guaranteed part, then the better lanes what is left, then all alike; and
each lane's part goes to the replicas by what they have waiting in it. So a replica that holds only backfill never
takes the part of live work that waits in another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from core.domain.labels import LANE_RANK, Lane

LANES: Final[tuple[Lane, ...]] = ("live", "panel", "backfill")
"""Best first."""

FLOOR: Final = 0.01
"""Of the limits, for a replica without work, so that its first call need not wait for the next renewal."""


STILL: Final = 0.15
"""Of its part, how much less a replica may want and keep it: the noise of a hundred calls that wait, and some more."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a replica could use of the limits, by lane: 1 is all of them. `calls` could be under way at once."""

    lanes: Mapping[Lane, float]

    def of(self, lane: Lane) -> float:
        """0 for a lane without work."""
        return max(0.0, self.lanes.get(lane, 0.0))


@dataclass(frozen=True, slots=True)
class Share:
    """A replica's part: `part` of requests and tokens, 0 to 1, and whole calls at once."""

    part: float
    in_flight: int


NOTHING: Final = Share(0.0, 0)


def wanted(demands: Sequence[Demand], guaranteed: Mapping[Lane, float], mine: int) -> float:
    """The part, 0 to 1, that replica number `mine` ought to have; over all replicas they add up to 1."""
    floor = min(FLOOR, 0.5 / len(demands))
    spare = 1.0 - floor * len(demands)
    by_lane = lanes_of({lane: sum(demand.of(lane) for demand in demands) for lane in LANES}, guaranteed)
    part = sum(
        by_lane[lane] * demands[mine].of(lane) / total
        for lane in LANES
        if (total := sum(demand.of(lane) for demand in demands)) > 0
    )
    used = sum(by_lane.values())
    return floor + spare * (part + (1.0 - used) / len(demands))


def lanes_of(demand: Mapping[Lane, float], guaranteed: Mapping[Lane, float]) -> dict[Lane, float]:
    """The part of the limits that each lane has when together they want `demand`; what nobody wants is left."""
    parts = {lane: min(demand[lane], guaranteed.get(lane, 0.0)) for lane in LANES}
    for lane in sorted(LANES, key=LANE_RANK.__getitem__):
        parts[lane] += min(demand[lane] - parts[lane], max(0.0, 1.0 - sum(parts.values())))
    return parts


def kept(want: float, held: float) -> float:
    """What a replica asks for that holds a part: the same where it wants a little less. A part that changes hands is
    nobody's for up to a renewal, and what waits differs a little at every look: three replicas lost 2 % so."""
    return held if (1.0 - STILL) * held <= want <= held else want


def share_of(want: float, others: Sequence[Share], in_flight: int, under_way: int) -> Share:
    """What a replica gets now: what it wants, as far as the others have let go of it. `in_flight` is the whole limit;
    calls that are still `under_way` stay counted."""
    free = max(0.0, 1.0 - sum(other.part for other in others))
    calls = max(1, round(want * in_flight))
    room = max(0, in_flight - sum(other.in_flight for other in others))
    return Share(min(want, free), max(min(calls, room), min(under_way, room)))


def owed(
    under_way: Mapping[Lane, int], places: int, guaranteed: Mapping[Lane, float], without: Set[Lane]
) -> Lane | None:
    """The best lane that has fewer than its guaranteed part of the places, of those not known to be `without` work."""
    short = [lane for lane in LANES if under_way.get(lane, 0) < int(guaranteed.get(lane, 0.0) * places)]
    return next((lane for lane in short if lane not in without), None)
