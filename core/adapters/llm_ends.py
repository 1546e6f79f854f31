"""Ends of calls on their way to the ledger, many in one statement, tried again while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from core.adapters.llm_ledger import CallEnd, Ledger
from core.adapters.together import Together
from core.errors import RetryLater
from core.ports import Clock

PATIENCE_SECONDS: Final = 20.0
"""An end is stored again and again for so long, since its call is paid: less than its reservation outlives it
(llm_endpoint.py), so that it is not swept for lost meanwhile."""

FIRST_PAUSE_SECONDS: Final = 0.1
"""Before the second try; doubled. A connection that was cut is made anew at once."""

LONGEST_PAUSE_SECONDS: Final = 2.0
"""Between two tries: a database that was restarted is back in some seconds."""


class Ends:
    """`now` tells seconds, `wall` sleeps; `stored` is called after each statement."""

    def __init__(
        self, ledger: Ledger, most: int, wall: Clock, now: Callable[[], float], stored: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._wall = wall
        self._now = now
        self._stored = stored
        self._settled: Together[CallEnd | UUID, None] = Together(self._settle, most)

    def put_soon(self, item: CallEnd | UUID) -> asyncio.Future[None]:
        """An end, or a call that was granted and not sent; done when it is stored, RetryLater where it can't be."""
        return self._settled.soon(item)

    async def drain(self, seconds: float) -> None:
        """Wait until all is stored, or so long."""
        await self._settled.drain(seconds)

    async def _settle(self, items: Sequence[CallEnd | UUID]) -> list[None]:
        """A reply that is not stored is lost, paid for all the same; and a call is settled once, however often said."""
        ends = [item for item in items if isinstance(item, CallEnd)]
        unsent = [item for item in items if isinstance(item, UUID)]
        began, pause = self._now(), FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._ledger.settle(ends, unsent)
                break
            except RetryLater:
                if self._now() - began + pause > PATIENCE_SECONDS:
                    raise
            await self._wall.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._stored()
        return [None] * len(items)
