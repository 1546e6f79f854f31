"""A clock that is set from day to day, and between goes on at the pace of the real one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """Port `Clock`."""

    def __init__(self, start: datetime) -> None:
        self._base = start
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The simulated time."""
        return self._base + timedelta(seconds=time.monotonic() - self._since)

    def set(self, time_of_day: datetime) -> None:
        """Go on from here; a simulated clock never goes back."""
        self._base = max(time_of_day.astimezone(UTC), self.now())
        self._since = time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits in real time: what is waited for (a server) is real."""
        await asyncio.sleep(seconds)
