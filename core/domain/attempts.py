"""How often somebody may be wrong before nobody listens: failures counted by where they come from."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime, timedelta

MOST = 10
"""Wrong tokens within `WITHIN`: a person who pastes the wrong line twice is far from it, and ten guesses at 144 bits
are nothing."""

WITHIN = timedelta(minutes=5)
"""How long a wrong token counts; also the longest wait."""

MAX_PLACES = 10_000
"""Addresses remembered in a process: 10 MB at most. Of more, those whose last mistake is longest ago are forgotten."""

IPV6_BITS = 64
"""A subscriber has a whole /64: every address of it is the same person's."""


class Attempts:
    """Wrong tokens by address. One process's: with n replicas it is n times `MOST`."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait_s(self, address: str, at: datetime) -> float:
        """Seconds until this address is listened to again; 0 where it is."""
        times = self._wrong.get(place_of(address))
        if times is None:
            return 0.0
        while times and times[0] <= at - WITHIN:
            times.popleft()
        return (times[0] + WITHIN - at).total_seconds() if len(times) >= MOST else 0.0

    def wrong(self, address: str, at: datetime) -> None:
        """One more mistake."""
        place = place_of(address)
        self._wrong.setdefault(place, deque(maxlen=MOST)).append(at)
        self._wrong.move_to_end(place)
        if len(self._wrong) > MAX_PLACES:
            self._wrong.popitem(last=False)


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, a /64 of IPv6, else the text itself."""
    try:
        found = plain_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, IPV6_BITS), strict=False))


def plain_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address without a zone; an IPv4 one that a dual-stack socket dressed as IPv6 is IPv4 again. ValueError."""
    found = ipaddress.ip_address(text.partition("%")[0])
    mapped = found.ipv4_mapped if found.version == 6 else None
    return mapped or found
