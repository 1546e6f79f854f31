"""The effects of a replay by name: topics read and filled, files read, and the book of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.domain.replays import Asked, Batch, Delivered, Extent, Hours, Marks, Run, Step, Stretch
from core.ports import OutgoingRecord


class TopicSource(Protocol):
    """Topics, read outside any group. A topic that is not there has no partitions."""

    def topic_id(self, topic: str) -> str:
        """Kafka's own id of the topic."""
        ...

    def extents(self, topic: str, from_ms: int) -> Mapping[int, Extent]:
        """Each partition from a Kafka time on."""
        ...

    def ends(self, topic: str) -> Mapping[int, int]:
        """Where each partition ends now."""
        ...

    def read(self, topic: str, stretches: Mapping[int, tuple[int, int]]) -> Iterator[Batch]:
        """Batches of the partitions side by side, each from an offset up to, not including, another."""
        ...


class CopySink(Protocol):
    """The replay topics."""

    async def deliver(self, records: Sequence[OutgoingRecord]) -> Sequence[Delivered]:
        """Send all, in their order a partition, or raise RetryLater; says where they stand."""
        ...

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Make those that are missing."""
        ...

    async def ensure_partitions(self, topic: str, count: int) -> None:
        """Give a topic so many partitions if it has fewer."""
        ...


class RunBook(Protocol):
    """Runs in Postgres. What a copier writes fails with StopProcess once another has taken its run over."""

    async def find(self, run: str) -> Run | None:
        """The run of this name."""
        ...

    async def begin(
        self, asked: Asked, stretches: Sequence[Stretch], marks: Marks, kept_from: int | None, at: datetime
    ) -> Run:
        """A new run; `kept_from` is the first hour of which retention had taken nothing, None when it took nothing."""
        ...

    async def take_over(self, run: str, at: datetime) -> Run:
        """A run that was cut off, from now on this copier's."""
        ...

    async def advance(self, run: str, epoch: int, step: Step, at: datetime) -> None:
        """A slice stands on the replay topics."""
        ...

    async def finish(self, run: str, epoch: int, ends: Marks, hours: Hours | None, at: datetime) -> None:
        """All stands there, the run's end records too."""
        ...


class FileSource(Protocol):
    """The lines of the files asked for, keyed."""

    def read(self, stretch: Stretch, size: int) -> Iterator[Batch]:
        """Lines from `stretch.next` on, `size` at a time; UsageError where those before are not what they were."""
        ...
