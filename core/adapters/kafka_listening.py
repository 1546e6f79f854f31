"""A `StreamListener` as the poll thread sees it: everything is said on the event loop's thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from core.domain.effects import RawRecord
from core.stream_ports import Assignment, Partition, StreamListener

log = structlog.get_logger(__name__)

SLACK_S = 2.0
"""What an event loop may take to look at the clock when time is up."""


class Listening:
    """A listener and the event loop it lives on."""

    def __init__(self, listener: StreamListener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop

    def assigned(self, made: Sequence[Assignment]) -> None:
        """As the port's."""
        self.call(partial(self._listener.assigned, made))

    def fetched(self, partition: Partition, records: Sequence[RawRecord], size: int, end_offset: int) -> None:
        """As the port's."""
        self.call(partial(self._listener.fetched, partition, records, size, end_offset))

    def at_end(self, partition: Partition, next_offset: int) -> None:
        """As the port's."""
        self.call(partial(self._listener.at_end, partition, next_offset))

    def grown(self, partition: Partition, end_offset: int) -> None:
        """As the port's."""
        self.call(partial(self._listener.grown, partition, end_offset))

    def revoked(self, partitions: Sequence[Partition], *, lost: bool, seconds: float) -> None:
        """Wait until they are written, or time is up. A process that stood still (stopped, starved) may find both its
        limits over at once: the listener forgets the partitions then all the same, before it is given any again."""
        writing = self._listener.revoked(partitions, lost=lost, seconds=seconds)
        asked = asyncio.run_coroutine_threadsafe(writing, self._loop)
        if concurrent.futures.wait([asked], seconds + SLACK_S).done:
            asked.result()
        else:
            log.warning("stream.revoke_unanswered", seconds=seconds)

    def call(self, action: Callable[[], object]) -> None:
        """Soon, on the event loop's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)
