"""The jobs of a run, a few at a time, until they are done or the run is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from core.errors import LlmStopped
from core.stages.purse import Purse

GRACE_S = 20.0
"""How long calls under way may still take once the run is to stop: they are paid, nine of ten end within 5 seconds, and
SIGTERM is answered within 30."""

Job = TypeVar("Job")


async def all_of(jobs: Sequence[Job], do: Callable[[Job], Awaitable[None]], purse: Purse, at_once: int) -> None:
    """Do them in their order, `at_once` at a time. What ends the run is raised once the calls under way have ended, or
    after `GRACE_S`; LlmStopped where nothing but the purse's stop did."""
    left = iter(jobs)
    workers: list[asyncio.Task[None]] = [
        asyncio.create_task(_work(left, do, purse)) for _ in range(min(at_once, len(jobs)))
    ]
    stop = asyncio.create_task(purse.stop.wait())
    every = asyncio.create_task(_through(workers))
    try:
        await asyncio.wait({every, stop}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({every}, timeout=GRACE_S)
    finally:
        for task in (every, stop, *workers):
            task.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    _raise_first([each for each in ended if isinstance(each, BaseException)])
    purse.check()


async def _work(jobs: Iterator[Job], do: Callable[[Job], Awaitable[None]], purse: Purse) -> None:
    """Job after job; what ends one of them ends the run, so the others stop too."""
    try:
        for job in jobs:
            purse.check()
            await do(job)
    except BaseException:
        await purse.stopped()
        raise


async def _through(workers: Sequence[asyncio.Task[None]]) -> bool:
    """Once they have all ended, however."""
    if workers:
        await asyncio.wait(workers)
    return True


def _raise_first(errors: Sequence[BaseException]) -> None:
    """The cause, where the others only stopped because of it; LlmStopped where all that did not end in time were given
    up."""
    causes = [each for each in errors if not isinstance(each, LlmStopped | asyncio.CancelledError)]
    if causes:
        raise causes[0]
    if errors:
        raise LlmStopped("the run is told to stop")
