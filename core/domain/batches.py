"""Which collected calls make a batch, when it is ordered, and when it is looked at: the pure part of the batch lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from core.domain.labels import Lane

ItemState = Literal["collected", "ordered", "answered", "live"]
"""Of a call: waits for a batch, is in one, has its answer (an error's words too), or is to be asked the usual way."""

BatchState = Literal["preparing", "reserved", "uploaded", "ordered", "ended"]
"""Of a batch: its calls are chosen, their money reserved, its file uploaded, it is ordered, it is over."""

OVER = frozenset({"completed", "failed", "expired", "cancelled"})
"""A provider's words for a batch of which nothing more will come."""

ACCEPTED = frozenset({"in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"})
"""Words for a batch whose file was found good: it will not be asked for again, so its bodies can go."""

FIRST_LOOK_S = 15.0
"""First look at a new batch: a provider reads the file for some seconds, and small batches are done in a minute."""

LOOK_GROWTH = 1.5
"""Each look comes so much later than the one before: a batch of hours is looked at some twenty times in its first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Collected calls of one lane and model."""

    lane: Lane
    model: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Sized:
    """A collected call: its line's bytes and its input in tokens."""

    call_id: UUID
    size: int
    input_tokens: int


@dataclass(frozen=True, slots=True)
class Room:
    """What one batch may hold, and how many input tokens may still be queued at the provider for its model."""

    requests: int
    size: int
    input_tokens: int


def is_ripe(waiting: Waiting, now: datetime, enough: int, wait: timedelta) -> bool:
    """Whether these calls are ordered now: enough of them, or the first has waited long enough for others."""
    return waiting.count >= enough or now - waiting.oldest >= wait


def fitting(calls: Sequence[Sized], room: Room) -> list[UUID]:
    """The first of `calls` that fit into one batch, in their order; it ends at the first that does not fit, so that
    none is overtaken for ever. A call that no batch could hold is passed over: see `oversized`."""
    chosen: list[UUID] = []
    size = tokens = 0
    for call in calls:
        if call.size > room.size:
            continue
        size, tokens = size + call.size, tokens + call.input_tokens
        # The first one is ordered whatever its tokens: a queue limit below one call would hold the lane for ever.
        if len(chosen) >= room.requests or size > room.size or (tokens > room.input_tokens and chosen):
            break
        chosen.append(call.call_id)
    return chosen


def oversized(calls: Sequence[Sized], size: int) -> list[UUID]:
    """Calls larger than any file may be: they are asked the usual way."""
    return [call.call_id for call in calls if call.size > size]


def look_pause(looks: int, longest: float) -> float:
    """Seconds to the next look at a batch that was looked at `looks` times."""
    return min(longest, FIRST_LOOK_S * LOOK_GROWTH ** min(looks, 40))
