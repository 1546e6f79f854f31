"""What many ask of the database at one moment, in one statement; each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import asyncpg

from core.errors import RetryLater

Question = TypeVar("Question")
Answer = TypeVar("Answer")

_REFUSED = (asyncpg.PostgresError, ValueError, TypeError)
"""What a statement ends with that has a row which no table takes: asyncpg's word for it is one of these."""


class Together(Generic[Question, Answer]):
    """Nothing is waited for: what comes while a statement runs goes into the next one, so a lone question is asked at
    once and a thousand share a few statements.

    A statement that fails by one of its questions is asked again for each by itself, so that one bad row is told to
    its own asker alone. Where the database is away (RetryLater) all are told.
    """

    def __init__(self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._queue: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._asking: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, question: Question) -> Answer:
        """The answer, once the statement is through (and, where it writes, committed); or what it raised. A caller that
        is cancelled leaves its question where it is: what was to be written is written."""
        return await self.soon(question)

    def soon(self, question: Question) -> asyncio.Future[Answer]:
        """As a call, for who need not wait: the answer may be left where it is."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieved)
        self._queue.append((question, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="together")
            self._task.add_done_callback(self._ended)
        return answer

    async def drain(self, seconds: float | None = None) -> None:
        """Wait until nothing is queued, or so long; what could not be asked was told to whoever waited for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._task is not None and not self._task.done():
                    await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._queue:
            self._asking, self._queue = self._queue[: self._most], self._queue[self._most :]
            await self._answer(self._asking)
            self._asking = []

    async def _answer(self, asked: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._ask([question for question, _ in asked])
        except RetryLater as error:
            _tell(asked, error)
        except _REFUSED as error:
            if len(asked) == 1:
                _tell(asked, error)
                return
            for one in asked:
                await self._answer([one])
        else:
            for (_, future), answer in zip(asked, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody is left waiting by a statement that failed otherwise, nor by a loop that closes and cancels the task.
        A task that ended with nothing left to do says nothing here: the next may have begun already."""
        if failed(task):
            left, self._asking, self._queue = self._asking + self._queue, [], []
            fail([future for _, future in left], task)


def failed(task: asyncio.Task[None]) -> bool:
    """Whether a task ended otherwise than by having nothing left to do."""
    return task.cancelled() or task.exception() is not None


def fail(futures: Sequence[asyncio.Future[Answer]], task: asyncio.Task[None]) -> None:
    """Tell those who still wait why their task ended."""
    error = None if task.cancelled() else task.exception()
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.cancel()
        else:
            future.set_exception(error)


def _retrieved(future: asyncio.Future[Answer]) -> None:
    """Nobody may wait for what was asked soon; its error is then no news to the loop either."""
    if not future.cancelled():
        future.exception()


def _tell(asked: Sequence[tuple[Question, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)
