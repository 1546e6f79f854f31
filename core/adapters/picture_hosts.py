"""Manners towards the hosts that pictures come from: few fetches at once, pauses they ask for are kept, and one that
does not answer in time is left alone for a while, so that it does not hold what others need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from weakref import WeakValueDictionary

from core.domain.images.failures import PictureHostBusy, PictureHostSlow

DEFAULT_PAUSE_S = 30.0
"""Pause after a 429 that names none: a token bucket of a few requests a second has refilled by then."""

LONGEST_PAUSE_S = 3_600.0
"""Most that is believed of a host's `Retry-After`: an hour; a longer wish would look like a lost task."""

SLOW_IN_A_ROW = 4
"""Timeouts without an answer between them after which a host is left alone: as many as are under way at once, so that
one bad moment is not held against it."""

SLOW_REST_S = 60.0
"""First rest of such a host; doubled each time, so that it costs others ever less: a try takes `image_timeout_s`."""

LONGEST_REST_S = 600.0
"""Most of it: a host that is back is noticed within the longest pause between two tries of a task."""

MOST_PAUSES = 10_000
"""Hosts remembered as pausing, and as slow: some 2 MB; past it the pause that ends first is forgotten."""


class Hosts:
    """One semaphore and one pause per host name. Lives in one event loop; forgets hosts that nobody uses."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._paused_until: dict[str, float] = {}
        self._rests_until: dict[str, float] = {}
        self._slow: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for one of the host's places; PictureHostBusy, unasked, while the host wants a pause; PictureHostSlow
        while it is left alone."""
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
        _keep_few(self._paused_until)

    def was_slow(self, host: str) -> None:
        """`host` took all the time there is. Those that time out together with the one it is left alone for count no
        more."""
        now = asyncio.get_running_loop().time()
        if self._rests_until.get(host, 0.0) > now:
            return
        times = self._slow[host] = self._slow.get(host, 0) + 1
        if times >= SLOW_IN_A_ROW:
            doublings = min(times - SLOW_IN_A_ROW, 10)
            self._rests_until[host] = now + min(SLOW_REST_S * 2**doublings, LONGEST_REST_S)
        _keep_few(self._slow)
        _keep_few(self._rests_until)

    def answered(self, host: str) -> None:
        """`host` answered in time, whatever it said."""
        self._slow.pop(host, None)
        self._rests_until.pop(host, None)

    def _refuse_while_paused(self, host: str) -> None:
        now = asyncio.get_running_loop().time()
        left = self._paused_until.get(host, 0.0) - now
        if left > 0:
            raise PictureHostBusy(f"{host} wants a pause", left, asked=False)
        self._paused_until.pop(host, None)
        rest = self._rests_until.get(host, 0.0) - now
        if rest > 0:
            raise PictureHostSlow(f"{host} did not answer in time, again and again", rest)


def _keep_few(by_host: dict[str, float] | dict[str, int]) -> None:
    if len(by_host) > MOST_PAUSES:
        del by_host[min(by_host, key=lambda host: by_host[host])]


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
