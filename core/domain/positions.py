"""Where a partition is read from, given what is stored of it and what the broker says: never by a client's default.

Kafka's offsets mean something only within one topic: a topic that was deleted and made again has the same name and
begins at 0. And retention may have taken what was still to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StopReason = Literal["flood", "topic_made_again"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a partition is not read until a person has looked at it."""

    reason: StopReason
    detail: str


@dataclass(frozen=True, slots=True)
class Ends:
    """A partition as the broker has it: offsets of the first record and after the last, the topic's id if it says."""

    low: int
    high: int
    topic_id: str | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """Read from `offset` on; `missing` records that should have been read are not there any more. Of `forgotten` more
    the effect stands, but the sessions that they opened can't be known again."""

    offset: int
    missing: int = 0
    forgotten: int = 0


def begin(applied: int, wanted: int, topic_id: str | None, ends: Ends) -> Begin | Stop:
    """Where to read from: `wanted`, which is `applied` + 1 or less, as the state is as old as its last snapshot.
    `applied` is -1 when nothing was ever read; `topic_id` is the topic whose offsets these are, None when not known."""
    if applied < 0:
        return Begin(ends.low)
    if topic_id is not None and ends.topic_id is not None and topic_id != ends.topic_id:
        return Stop("topic_made_again", f"{applied} was applied of topic {topic_id}; it is now {ends.topic_id}")
    if applied >= ends.high:
        return Stop("topic_made_again", f"{applied} was applied, and it ends at {ends.high} now")
    gone, missing = max(0, ends.low - wanted), max(0, ends.low - (applied + 1))
    return Begin(max(wanted, ends.low), missing, gone - missing)
