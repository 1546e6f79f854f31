"""A stream process's plan, and what it holds of each partition that is in its hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.domain.effects import DeadLetter, Effects, RawRecord
from core.domain.floods import DeadShare
from core.domain.folds import Fold
from core.domain.positions import Begin, Stop, begin
from core.domain.sessions import CLOSE_AFTER_MS
from core.ports import NewTask, OutgoingEvent
from core.stream_ports import Assignment, Partition, PartitionStart, Progress

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
    batch_bytes: int = 8_000_000
    dead_share: float = 1.0
    dead_window: int = 10_000
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
    share: DeadShare
    pass_until: int = -1
    topic_id: str | None = None
    """What the next transaction stores; like `missing`, nothing once it has."""
    missing: int = 0
    stop: Stop | None = None
    snapshot_at: float = 0.0
    read_to: int = -1
    """The log's end, when it was read to there; -1 since there was more."""
    changed: bool = False
    cut: bool = False
    """Whether a transaction has had a part of it since it was taken."""
    idle_closed: bool = False
    """Its sessions were closed with no record that says so: a snapshot in the same transaction makes it happen once."""
    newest_ms: int = -1
    """When the last folded record was sent, in milliseconds since 1970; -1 when it does not say. Before the first one,
    what the watermark says."""
    queued: deque[tuple[Sequence[RawRecord], int]] = field(default_factory=deque)
    """Batches not folded yet, each with its size in bytes."""

    @property
    def lag(self) -> int:
        """Records between what is applied and the log's end."""
        return max(0, self.end_offset - 1 - self.applied)

    def lag_s(self, now: datetime) -> float:
        """Age of the last folded record in seconds; 0 at the log's end, and for a record that does not say."""
        known = self.lag > 0 and self.newest_ms > 0
        return max(0.0, now.timestamp() - self.newest_ms / 1000) if known else 0.0

    def is_done(self) -> bool:
        """Whether it has been read to its end and all of it is written."""
        return self.read_to >= 0 and not self.queued and not self.changed

    def is_flooded(self, records: int, dead: int) -> bool:
        """Whether, with this batch, too many of its last records could not be used."""
        if self.folded <= self.pass_until:
            return False
        self.share.saw(records, dead)
        return self.share.is_flood()


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's share of a transaction."""

    progress: Progress
    effects: Effects
    snapshot: bytes | None


def owned_from(plan: StreamPlan, assignment: Assignment, start: PartitionStart) -> tuple[Owned, Begin | Stop]:
    """What is held of a partition that was just taken, and where it is read from, or why it is not."""
    kept = start.snapshot_offset if plan.keeps_sessions else start.applied
    found = start.stop or begin(start.applied, kept + 1, start.topic_id, assignment.ends)
    fold = plan.fold(assignment.partition, start.snapshot)
    owned = Owned(
        partition=assignment.partition,
        epoch=start.epoch,
        turn=start.turn,
        applied=start.applied,
        fold=fold,
        folded=kept,
        end_offset=max(start.applied + 1, assignment.ends.high),
        last_record=monotonic(),
        share=DeadShare(plan.dead_window, plan.dead_share),
        pass_until=start.pass_until,
        newest_ms=fold.watermark() or -1,
        topic_id=assignment.ends.topic_id if start.topic_id is None else None,
        missing=found.missing if isinstance(found, Begin) else 0,
        stop=found if isinstance(found, Stop) else None,
    )
    owned.changed = owned.missing > 0 or (owned.stop is not None and start.stop is None)
    return owned, found


def is_old(owned: Owned) -> bool:
    return monotonic() - owned.snapshot_at >= SNAPSHOT_EVERY_S


def monotonic() -> float:
    return asyncio.get_running_loop().time()
