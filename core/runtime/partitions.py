"""A stream process's plan, and what it holds of each partition that is in its hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.domain.effects import DeadLetter, Effects, RawRecord
from core.domain.folds import Fold
from core.domain.sessions import CLOSE_AFTER_MS
from core.ports import NewTask, OutgoingEvent
from core.stream_ports import Partition, Progress

SNAPSHOT_EVERY_S = 10.0
"""Each partition's open sessions are kept this often: a new owner reads back ten seconds of log at the most."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What makes one stream process differ from another."""

    name: str
    fold: Callable[[Partition, bytes | None], Fold]
    keeps_sessions: bool
    """Whether a partition without a snapshot has to be read from its beginning."""
    tasks: Callable[[Effects], Sequence[NewTask]]
    event: Callable[[DeadLetter], OutgoingEvent]
    batch_records: int
    batch_seconds: float
    idle_close_s: float = CLOSE_AFTER_MS / 1000


@dataclass(slots=True)
class Owned:
    """A partition in our hands."""

    partition: Partition
    epoch: int
    turn: int
    applied: int
    fold: Fold
    folded: int
    end_offset: int
    last_record: float
    """Monotonic time."""
    snapshot_at: float = 0.0
    at_end: bool = False
    changed: bool = False
    idle_closed: bool = False
    """Its sessions were closed with no record that says so: a snapshot in the same transaction makes it happen once."""
    newest_ms: int = -1
    """When the last folded record was sent, in milliseconds since 1970; -1 when it does not say."""
    queued: deque[Sequence[RawRecord]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's share of a transaction."""

    progress: Progress
    effects: Effects
    snapshot: bytes | None
    newest_ms: int

    @property
    def lag(self) -> int:
        """Records between what is applied with this part and the log's end."""
        return max(0, self.progress.end_offset - 1 - self.progress.applied)

    def lag_s(self, now: datetime) -> float:
        """Age of the last applied record in seconds; 0 at the log's end, and for a record that does not say."""
        known = self.lag > 0 and self.newest_ms > 0
        return max(0.0, now.timestamp() - self.newest_ms / 1000) if known else 0.0


def is_old(owned: Owned) -> bool:
    return monotonic() - owned.snapshot_at >= SNAPSHOT_EVERY_S


def monotonic() -> float:
    return asyncio.get_running_loop().time()
