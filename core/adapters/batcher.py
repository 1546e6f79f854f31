"""Puts what comes while a statement runs into the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Batcher(Generic[Item]):
    """Flushes what was put, `most` items at a time and one flush after the other.

    An item's flush that fails, fails for all items put by then: each is told.
    """

    def __init__(self, flush: Callable[[Sequence[Item]], Awaitable[None]], most: int) -> None:
        self._flush = flush
        self._most = most
        self._queue: list[tuple[Item, asyncio.Future[None]]] = []
        self._flushing: list[tuple[Item, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def put_soon(self, item: Item) -> asyncio.Future[None]:
        """Done when the item's statement is through, or with what that raised; who need not wait may leave it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_retrieved)
        self._queue.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="batcher")
            self._task.add_done_callback(self._ended)
        return done

    async def drain(self, seconds: float | None = None) -> None:
        """Wait until nothing is queued, or so long; what could not be stored was told to whoever waited for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._task is not None and not self._task.done():
                    await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._queue:
            self._flushing, self._queue = self._queue[: self._most], self._queue[self._most :]
            await self._flush([item for item, _ in self._flushing])
            flushed, self._flushing = self._flushing, []
            for _, done in flushed:
                if not done.done():
                    done.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if failed(task):
            left, self._flushing, self._queue = self._flushing + self._queue, [], []
            fail([done for _, done in left], task)


def failed(task: asyncio.Task[None]) -> bool:
    """Whether a task ended otherwise than by having nothing left to do."""
    return task.cancelled() or task.exception() is not None


def fail(futures: Sequence[asyncio.Future[None]], task: asyncio.Task[None]) -> None:
    """Tell those who still wait why their task ended."""
    error = None if task.cancelled() else task.exception()
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.cancel()
        else:
            future.set_exception(error)


def _retrieved(future: asyncio.Future[None]) -> None:
    """Nobody may wait for an end that was put soon; its error is then no news to the loop either."""
    if not future.cancelled():
        future.exception()
