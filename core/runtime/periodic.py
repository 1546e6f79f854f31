"""The run loop of a process that looks at the store now and then, one leader among its replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.errors import RetryLater
from core.ports import Leadership
from core.runtime.process import Health, wait_for

log = structlog.get_logger(__name__)

HANGS_FACTOR = 20
"""A look that takes this many intervals hangs; at least two minutes, because a first look may read weeks of panes."""

Look = Callable[[], Awaitable[int]]
"""Does what is to be done now; returns how much it was."""


async def always_idle() -> bool:
    """A process whose looks leave nothing undone."""
    return True


class PeriodicProcess:
    """A `Process` that repeats `look` while this replica leads. `on_nudge_only`: never by itself (`--until-idle`)."""

    def __init__(
        self,
        name: str,
        look: Look,
        leadership: Leadership,
        interval_s: float,
        *,
        on_nudge_only: bool = False,
        is_idle: Callable[[], Awaitable[bool]] = always_idle,
    ) -> None:
        self._name = name
        self._look = look
        self._leadership = leadership
        self._interval_s = interval_s
        self._on_nudge_only = on_nudge_only
        self._is_idle = is_idle
        self._wake = asyncio.Event()
        self._turn_ended = asyncio.Condition()
        self._turns = 0
        self._stopping = False
        self._away = False
        self._beat = 0.0
        self.progress = 0

    @property
    def name(self) -> str:
        return self._name

    async def run(self) -> None:
        while not self._stopping:
            self._beat = asyncio.get_running_loop().time()
            # Asked again after the wait: a nudge that meets its end is no less a nudge.
            nudged = await wait_for(self._wake, self._interval_s) or self._wake.is_set()
            self._wake.clear()
            if self._is_on() and (nudged or not self._on_nudge_only):
                await self._once()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def idle(self) -> bool:
        return await self._is_idle()

    async def nudge(self) -> None:
        """Returns when a whole look has been taken."""
        wanted = self._turns + 1
        self._wake.set()
        async with self._turn_ended:
            await self._turn_ended.wait_for(lambda: self._turns >= wanted or self._stopping)

    def health(self) -> Health:
        limit = max(120.0, HANGS_FACTOR * self._interval_s)
        beating = self._beat == 0.0 or asyncio.get_running_loop().time() - self._beat < limit
        return Health(beating, not self._away, "waiting for a dependency" if self._away else f"{self._turns} looks")

    def _is_on(self) -> bool:
        return not self._stopping

    async def _once(self) -> None:
        try:
            async with self._leadership.lead(self._name) as leads:
                self.progress += await self._look() if leads else 0
            self._away = False
        except RetryLater as error:
            self._away = True
            log.warning("waiting", process=self._name, error=str(error))
        self._turns += 1
        async with self._turn_ended:
            self._turn_ended.notify_all()
