"""Periodic processes: one leader looks, again and again, and a dependency that is away is no end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from core.errors import RetryLater
from core.runtime.periodic import PeriodicProcess
from tests.support.fakes import InMemoryLeadership
from tests.support.waiting import until


class Looks:
    """Counts looks; fails as told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return 2


@asynccontextmanager
async def running(
    look: Callable[[], Awaitable[int]],
    *,
    leadership: InMemoryLeadership | None = None,
    every: float = 0.01,
    nudged: bool = False,
) -> AsyncIterator[PeriodicProcess]:
    process = PeriodicProcess("p", look, leadership or InMemoryLeadership(), every, on_nudge_only=nudged)
    task = asyncio.create_task(process.run())
    try:
        async with asyncio.timeout(5):
            yield process
            process.stop()
            await task
    finally:
        task.cancel()


async def test_it_looks_again_and_again_and_counts_what_it_did() -> None:
    looks = Looks()
    async with running(looks) as process:
        await until(lambda: looks.count >= 3)
    assert process.progress == 2 * looks.count


async def test_it_does_not_look_while_another_replica_leads() -> None:
    looks = Looks()
    async with running(looks, leadership=InMemoryLeadership({"p"})) as process:
        await process.nudge()
    assert (looks.count, process.progress) == (0, 0)


async def test_on_nudge_only_it_never_looks_by_itself() -> None:
    looks = Looks()
    async with running(looks, every=0.03, nudged=True) as process:
        await asyncio.sleep(0.05)
        assert looks.count == 0
        await process.nudge()
        assert looks.count == 1


async def test_a_nudge_returns_after_a_whole_look() -> None:
    async def look() -> int:
        await asyncio.sleep(0.05)
        return 1

    async with running(look, every=10) as process:
        await process.nudge()
        assert process.progress == 1


async def test_a_dependency_that_is_away_is_said_and_waited_for() -> None:
    async with running(Looks(RetryLater("away")), every=10) as process:
        await process.nudge()
        assert not process.health().ready
        await process.nudge()
        assert process.health().ready


async def test_any_other_error_ends_it() -> None:
    process = PeriodicProcess("p", Looks(KeyError("a defect")), InMemoryLeadership(), 0.01)
    with pytest.raises(KeyError):
        await process.run()


async def test_a_nudge_of_a_stopped_process_does_not_hang() -> None:
    async with running(Looks(), every=10) as process:
        process.stop()
        async with asyncio.timeout(1):
            await process.nudge()
