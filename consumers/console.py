"""The process `console`: pages and read API. Every run answers HTTP for its health; this says that people look."""

from __future__ import annotations

import asyncio

from core.runtime.process import Health


def build() -> ConsoleProcess:
    """requests -> reads -> pages; nothing is consumed and nothing written."""
    return ConsoleProcess()


class ConsoleProcess:
    """A `Process` that lasts: what it serves is served by the run's own HTTP side."""

    name = "console"
    progress = 0

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until stopped."""
        await self._stopped.wait()

    def stop(self) -> None:
        """Return from `run`."""
        self._stopped.set()

    async def idle(self) -> bool:
        """Always: it has no work of its own."""
        return True

    async def nudge(self) -> None:
        """Nothing to look at."""

    def health(self) -> Health:
        """Beating as long as the loop answers at all."""
        return Health(beating=True, ready=True, detail="serving")
