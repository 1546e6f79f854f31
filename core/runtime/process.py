"""What every process is to the supervisor: it runs until it is stopped, drains, and says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from core.errors import RetryLater
from core.ports import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_WAIT_S = 0.2
"""First pause after a dependency was away: most absences are a failover of a moment."""

LONGEST_WAIT_S = 10.0
"""Longest pause: a dependency that is back is used again within this."""


@dataclass(frozen=True, slots=True)
class Health:
    """`beating`: its own loops turn. `ready`: it could do its work now. `detail` for a person."""

    beating: bool
    ready: bool
    detail: str


class Process(Protocol):
    """One named process of `assay run`."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def progress(self) -> int:
        """Grows with everything done; stands still when there is nothing to do."""
        ...

    async def run(self) -> None:
        """Work until `stop`, then drain and return. Raises what makes going on impossible."""
        ...

    def stop(self) -> None:
        """Ask it to drain and return; safe to call twice."""
        ...

    async def idle(self) -> bool:
        """Whether its input is read to the end and nothing of it can run."""
        ...

    async def nudge(self) -> None:
        """Look now rather than at the next interval."""
        ...

    def health(self) -> Health:
        """How it is."""
        ...


async def patiently(action: Callable[[], Awaitable[T]], clock: Clock, what: str, stopping: Callable[[], bool]) -> T:
    """`action`, repeated with growing pauses while a dependency is away, and said once in a while.

    RetryLater is raised on only when the process is stopping.
    """
    wait = FIRST_WAIT_S
    while True:
        try:
            return await action()
        except RetryLater as error:
            if stopping():
                raise
            log.warning("waiting", for_what=what, error=str(error), seconds=wait)
            await clock.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
