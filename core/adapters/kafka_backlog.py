"""How much of each partition waits in the process: what lies above its share is left in Kafka."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from core.stream_ports import Partition


class Backlog:
    """Bytes handed over and not yet taken, told by two threads.

    A partition is paused from the moment it has more than its share of `limit`, or all have more than `limit`, until
    it has less than half its share and all have less than `limit`. So memory is bounded by `limit` and a batch a
    partition, however far a stream lags behind. Only those of which something waits have a share: a pause throws away
    what the client library has read ahead, and one of many partitions that lags alone need not be paused for it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._lock = threading.Lock()

    def assigned(self, partitions: Iterable[Partition]) -> None:
        """Nothing of these waits."""
        with self._lock:
            for partition in partitions:
                self._waiting[partition] = 0
                self._paused.discard(partition)

    def revoked(self, partitions: Iterable[Partition]) -> None:
        """These are another's now."""
        with self._lock:
            for partition in partitions:
                self._waiting.pop(partition, None)
                self._paused.discard(partition)

    def handed(self, partition: Partition, size: int) -> bool:
        """So many bytes more wait. Whether to pause the partition now."""
        with self._lock:
            waiting = self._waiting[partition] = self._waiting.get(partition, 0) + size
            full = waiting > self._share() or sum(self._waiting.values()) > self._limit
            pause = full and partition not in self._paused
            if pause:
                self._paused.add(partition)
        return pause

    def taken(self, partition: Partition, size: int) -> list[Partition]:
        """So many bytes fewer wait. Which partitions to read on now."""
        with self._lock:
            if partition not in self._waiting:
                return []
            self._waiting[partition] -= size
            if not self._paused or sum(self._waiting.values()) >= self._limit:
                return []
            half = self._share() / 2
            resume = [paused for paused in self._paused if self._waiting[paused] < half]
            self._paused.difference_update(resume)
        return resume

    def _share(self) -> float:
        return self._limit / max(1, sum(waiting > 0 for waiting in self._waiting.values()))
