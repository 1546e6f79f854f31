"""Which addresses a picture may be fetched from: the public internet and the networks an operator allows.

Checked twice, on the address and never on the name: in the resolver, so that what was checked is what is
connected to (a name can't change in between), and at the making of each socket, because aiohttp asks no
resolver for a URL that holds an address. What is not recognised is refused.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from core.image_settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo = tuple[int, int, int, str, tuple[object, ...]]

PUBLIC_PORTS = frozenset({80, 443})
"""Pictures of the public web are served here; any other port is a way to talk to something else."""

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The only IPv6 space IANA hands out (RFC 4291 2.4); the rest is local, mapped, reserved or multicast."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Well-known prefix (RFC 6052): the last 32 bits are the IPv4 address the packet ends at."""

LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
"""Prefix for translators of a network's own (RFC 8215). Where in it the IPv4 address stands, its operator chooses."""

LOW_64 = 2**64 - 1

SPECIAL_IPV4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # retired 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
"""IANA's special-purpose registry for IPv4, as a table so that it is the same under every Python."""

SPECIAL_IPV6 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
"""What IANA's registry takes out of global unicast; 6to4 (2002::/16) is judged by the IPv4 address inside."""

METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # AWS and its containers, Azure, Google, Oracle, OpenStack, Tencent, Scaleway
        "fe80::/10",  # OpenStack, and nothing else that has pictures
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host, in public space
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS, pods
        "fd00:c1::a9fe:a9fe",  # Oracle
        "fd00:42::42",  # Scaleway
        "fd20:ce::254",  # Google
    )
)
"""Clouds' credential services: refused also inside an allowed network, since no picture lives there."""


class RefusedAddress(OSError):
    """The address may not be talked to. An OSError, since aiohttp carries nothing else out of a resolver."""


def refusal(address: str, port: int, allowed: Sequence[Network]) -> str | None:
    """Why `address` (text) at `port` may not be fetched from; None when it may."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "not a plain IP address"
    ends = _ends(parsed)
    if any(_within(end, METADATA) for end in (parsed, *ends)):
        return "a metadata address"
    if _within(parsed, allowed) or all(_within(end, allowed) for end in ends):
        return None
    if not all(_is_public(end) for end in ends):
        return "not a public address"
    return None if port in PUBLIC_PORTS else f"port {port} is not 80 or 443"


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _ends(address: Address) -> tuple[Address, ...]:
    """Where a packet to `address` may end: the IPv4 address inside a mapped, NAT64 or 6to4 form in its place, one that
    may be inside a Teredo or local NAT64 form beside it."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address in NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address in LOCAL_NAT64:
        return (address, *_translated(address))
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address.ipv4_mapped or address.sixtofour or address,)


def _translated(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that a translator with a prefix of 48, 56, 64 or 96 bits would read (RFC 6052 2.2): 32 bits
    after the prefix, around bits 64 to 71, which are nought."""
    high, low = int(address) >> 64, int(address) & LOW_64
    closed = ((high & 0xFFFF) << 56) | (low & (2**56 - 1))  # bits 48 to 127 without 64 to 71
    places = [(closed >> shift) & 0xFFFFFFFF for shift in (40, 32, 24)]
    return tuple(ipaddress.IPv4Address(place) for place in (*places, low & 0xFFFFFFFF))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in SPECIAL_IPV4)
    if address.scope_id is not None or address not in GLOBAL_UNICAST:
        return False
    return not any(address in network for network in SPECIAL_IPV6)


class CheckedResolver(AbstractResolver):
    """Hands out only addresses that may be fetched from; RefusedAddress when a name has no other."""

    def __init__(self, inner: AbstractResolver, allowed: Sequence[Network]) -> None:
        self._inner = inner
        self._allowed = tuple(allowed)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The name's addresses that pass; OSError when it has none."""
        found = await self._inner.resolve(host, port, family)
        reasons = [refusal(result["host"], port, self._allowed) for result in found]
        kept = [result for result, reason in zip(found, reasons, strict=True) if reason is None]
        if not kept:
            raise RefusedAddress(next(iter(reasons), None) or "the name has no address")
        return kept

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


class CheckedSockets:
    """aiohttp's socket factory: the last check, on the very address that is connected to."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)

    def __call__(self, info: AddrInfo) -> socket.socket:
        """A non-blocking socket for `info`; RefusedAddress when its address may not be fetched from."""
        family, kind, protocol, _, target = info
        address, port = str(target[0]), target[1]
        reason = refusal(address, port if isinstance(port, int) else 0, self._allowed)
        if reason is not None:
            raise RefusedAddress(reason)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made
