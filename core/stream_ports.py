"""The stream side's effects by name: records in, one transaction out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from core.domain.effects import Effects, RawRecord
from core.ports import NewTask, OutgoingEvent


class Partition(NamedTuple):
    """A partition of a topic; the topic's full name, prefix included."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class PartitionStart:
    """What a new owner starts from: its epoch, what is applied, and the last snapshot (offset -1 for none)."""

    epoch: int
    turn: int
    applied: int
    snapshot: bytes | None
    snapshot_offset: int


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


class StreamListener(Protocol):
    """Who a source talks to. The two calls come from the poll thread's group callbacks and hold it up: be quick."""

    async def assigned(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The offset to start each partition at; -1 for its beginning."""
        ...

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> None:
        """Write what is under way (not when `lost`: another owner has it already) and forget the partitions."""
        ...

    def fetched(self, partition: Partition, records: Sequence[RawRecord], end_offset: int) -> None:
        """Records in log order, and where the log ended when last heard."""
        ...

    def at_end(self, partition: Partition, next_offset: int) -> None:
        """The partition has been read to its end."""
        ...


class RecordSource(Protocol):
    """A consumer-group member on its own poll thread."""

    async def run(self, listener: StreamListener) -> None:
        """Read until `close`; raises what killed the poll thread."""
        ...

    def taken(self, partition: Partition, records: int) -> None:
        """The listener is done with so many records: room for more."""
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
