"""Manners towards the hosts that pictures come from: few fetches at once, and pauses they ask for are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from weakref import WeakValueDictionary

from core.domain.images.failures import PictureHostBusy

DEFAULT_PAUSE_S = 30.0
"""Pause after a 429 that names none: a token bucket of a few requests a second has refilled by then."""

LONGEST_PAUSE_S = 3_600.0
"""Most that is believed of a host's `Retry-After`: an hour; a longer wish would look like a lost task."""

MOST_PAUSES = 10_000
"""Hosts remembered as pausing: some 2 MB; past it the pause that ends first is forgotten."""


class Hosts:
    """One semaphore and one pause per host name. Lives in one event loop; forgets hosts that nobody uses."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._paused_until: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for one of the host's places; PictureHostBusy, unasked, while the host wants a pause."""
        self._refuse_while_paused(host)
        places = self._turns.get(host)
        if places is None:
            places = self._turns[host] = asyncio.Semaphore(self._at_once)
        async with places:
            self._refuse_while_paused(host)
            yield

    def pause(self, host: str, seconds: float) -> None:
        """Ask nothing of `host` for `seconds`; a longer pause already set stays."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until[host] = max(until, self._paused_until.get(host, 0.0))
        if len(self._paused_until) > MOST_PAUSES:
            del self._paused_until[min(self._paused_until, key=self._paused_until.__getitem__)]

    def _refuse_while_paused(self, host: str) -> None:
        left = self._paused_until.get(host, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise PictureHostBusy(f"{host} wants a pause", left, asked=False)
        self._paused_until.pop(host, None)


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds a response asks to wait: `Retry-After` in seconds or as a date (RFC 9110 10.2.3), measured against the
    response's own `Date`, so that no clock of ours is needed; `DEFAULT_PAUSE_S` when it says nothing readable."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_PAUSE_S)
    try:
        wanted = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return DEFAULT_PAUSE_S
    return min(max(wanted.total_seconds(), 0.0), LONGEST_PAUSE_S)
