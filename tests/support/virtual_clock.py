"""Time that passes only when a test lets it, with everything that waits for it woken in order."""

from __future__ import annotations

import asyncio
import heapq
from datetime import datetime, timedelta

from tests.support.fakes import NOON

TURNS = 30
"""Turns of the loop after each moment: what a wake-up sets off is through by then."""


class VirtualClock:
    """Port `Clock`. `pass_time` lets sleepers wake at their moments; `jump` sets the clock as a person would."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._elapsed = 0.0
        self._set_by = timedelta()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed) + self._set_by

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, waking))
        await waking

    def elsewhere(self) -> VirtualClock:
        """Another machine's clock, which goes on as this one and is not set with it."""
        return _Elsewhere(self)

    def jump(self, seconds: float) -> None:
        self._set_by += timedelta(seconds=seconds)

    async def pass_time(self, seconds: float = 0.0) -> None:
        until = self._elapsed + seconds
        await _settled()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, waking = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, at)
            if not waking.done():
                waking.set_result(None)
                await _settled()
        self._elapsed = until
        await _settled()


class _Elsewhere(VirtualClock):
    def __init__(self, here: VirtualClock) -> None:
        super().__init__()
        self._here = here

    def now(self) -> datetime:
        return self._here.now() - self._here._set_by


async def _settled() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
