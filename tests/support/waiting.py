"""Waiting in tests for what a running process does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.fakes import FakeClock

SOON_S = 10.0
"""What unit tests wait for takes a hundredth of it on an idle machine."""


async def until(condition: Callable[[], bool], seconds: float = SOON_S) -> None:
    """Wait for it; TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it turns true inside the process under test, which tells nobody
            await asyncio.sleep(0.005)


async def until_true(condition: Callable[[], Awaitable[bool]], seconds: float = SOON_S) -> None:
    """As `until`, for a condition that has to be awaited."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


async def nothing() -> None:
    """No hook."""


@dataclass
class Pauses:
    """What is to happen in a pause, and how long each was to take."""

    then: Callable[[], Awaitable[None]] = nothing
    seconds: list[float] = field(default_factory=list)


class PausingClock(FakeClock):
    """A clock whose pauses are seen, and used, by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = Pauses()

    async def sleep(self, seconds: float) -> None:
        self.pauses.seconds.append(seconds)
        await self.pauses.then()
        await super().sleep(seconds)
