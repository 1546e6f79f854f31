"""The stream side's effects by name: records in, one transaction out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from core.domain.effects import Effects, RawRecord
from core.domain.positions import Ends, Stop
from core.ports import NewTask, OutgoingEvent


class Partition(NamedTuple):
    """A partition of a topic; the topic's full name, prefix included."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A partition that the group gave us, as the broker has it. Each is another, also of the same partition twice."""

    partition: Partition
    ends: Ends


@dataclass(frozen=True, slots=True)
class PartitionStart:
    """What a new owner starts from: its epoch, what is applied, and the last snapshot (offset -1 for none)."""

    epoch: int
    turn: int
    applied: int
    snapshot: bytes | None
    snapshot_offset: int
    topic_id: str | None = None
    """The topic whose offsets these are; None when no broker has said."""
    stop: Stop | None = None
    pass_until: int = -1
    """Up to this offset a person has said that unusable records are no reason to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition is after a transaction. `turn` is the number of the transaction under this epoch's row."""

    partition: Partition
    epoch: int
    turn: int
    applied: int
    end_offset: int
    open_sessions: int
    watermark: datetime | None
    topic_id: str | None = None
    """None leaves what is stored."""
    stop: Stop | None = None
    missing: int = 0
    """Records that were found to be gone before they were read, to be added to those known."""


@dataclass(frozen=True, slots=True)
class StreamCommit:
    """One transaction: progress of partitions and everything their records changed."""

    progress: Sequence[Progress]
    effects: Effects
    events: Sequence[OutgoingEvent] = ()
    tasks: Sequence[NewTask] = ()
    snapshots: Mapping[Partition, bytes] = field(default_factory=dict)


class StreamStore(Protocol):
    """Where streams leave their effects, exactly once."""

    async def take(self, partition: Partition, owner: str) -> PartitionStart:
        """Own a partition from now on: every commit under an earlier epoch fails."""
        ...

    async def commit(self, commit: StreamCommit) -> None:
        """All or nothing. LostOwnership where another owner took a partition: nothing was written.

        Safe to repeat after RetryLater: a transaction that did get through is known by its turn."""
        ...

    async def released(self, stopped: Mapping[Partition, int]) -> Sequence[Partition]:
        """Which of these are not stopped any more, since a person has looked at them. Each with where its log ends by
        now, which is kept: it is how much waits."""
        ...


class StreamListener(Protocol):
    """Who a source talks to. Every call comes on the event loop's thread."""

    def assigned(self, assignments: Sequence[Assignment]) -> None:
        """The group gave us these, or a look at them anew was asked for: nothing is read before `begin`."""
        ...

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool, seconds: float) -> None:
        """Write what is under way (not when `lost`: another owner has it already) and forget the partitions. The
        poll thread waits for it: it ends within so many seconds, written or not."""
        ...

    def fetched(self, partition: Partition, records: Sequence[RawRecord], size: int, end_offset: int) -> None:
        """Records in log order, the bytes of their values, and where the log ended when last heard."""
        ...

    def at_end(self, partition: Partition, next_offset: int) -> None:
        """The partition has been read to its end."""
        ...

    def grown(self, partition: Partition, end_offset: int) -> None:
        """Where the log of a partition that is not read now ends."""
        ...


class RecordSource(Protocol):
    """A consumer-group member on its own poll thread."""

    async def run(self, listener: StreamListener) -> None:
        """Read until `close`; raises what killed the poll thread."""
        ...

    def begin(self, assignment: Assignment, offset: int) -> None:
        """Read an assigned partition from an offset on; without effect when the assignment is over."""
        ...

    def hold(self, partition: Partition) -> None:
        """Read nothing more of it until `look`."""
        ...

    def look(self, partition: Partition) -> None:
        """Ask the broker about an assigned partition anew: `assigned` comes again."""
        ...

    def taken(self, partition: Partition, size: int) -> None:
        """The listener is done with records of so many bytes: room for more."""
        ...

    def commit_hint(self, partition: Partition, next_offset: int) -> None:
        """Tell Kafka how far we are. A hint for lag tools; nothing starts from it."""
        ...

    def close(self) -> None:
        """Leave the group and end `run`; safe to call twice."""
        ...

    def beat(self) -> float:
        """Monotonic time of the poll thread's last turn."""
        ...

    def away(self) -> bool:
        """Whether no broker answers."""
        ...
