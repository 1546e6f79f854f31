"""A server that does to a picture fetcher all that a seller's URL may do, over real sockets, each under a host name of
its own; and a canary: a socket inside that nobody may reach.

The fetcher is allowed 127.0.0.1 alone, where the server stands for the whole internet. 127.0.0.2 and ::1 are what must
not be reached.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.picture_server import (
    Names,
    Server,
    Trick,
    Writer,
    answer,
    drip,
    endless,
    endless_head,
    jpeg,
    reset,
    says,
)

INSIDE = "127.0.0.2"
OUTSIDE = "127.0.0.1"
PNG = "Content-Type: image/png"


@dataclass(frozen=True, slots=True)
class Attack:
    """What a host does, and the named state that a picture from it ends in; `kind` None: it is a picture all the same.
    `addresses` are what its name answers, one after the other."""

    name: str
    trick: Trick
    kind: str | None
    final: bool = True
    addresses: tuple[str, ...] = (OUTSIDE,)

    @property
    def host(self) -> str:
        return "-".join(self.name.split()) + ".test"


def to(target: str) -> Trick:
    return says(answer(b"", "302 Found", f"Location: {target}"))


async def endless_chunks(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
        await writer.drain()


async def silent(_: Writer) -> None:
    """Longer than the time limit of the tests, 1 s."""
    await asyncio.sleep(1.5)


async def dripping_head(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


def header_of(side: int) -> bytes:
    """A PNG that says it is `side` pixels square and holds a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


def bomb() -> bytes:
    return gzip.compress(bytes(30_000_000))


def lengthless(length: str) -> Trick:
    return says(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode() + jpeg())


ATTACKS: tuple[Callable[[int], Attack], ...] = (
    lambda port: Attack("redirect to loopback", to(f"http://{INSIDE}:{port}/"), "address_refused"),
    lambda port: Attack("redirect to loopback of six", to(f"http://[::1]:{port}/"), "address_refused"),
    lambda port: Attack("redirect to mapped loopback", to(f"http://[::ffff:{INSIDE}]:{port}/"), "address_refused"),
    lambda port: Attack(
        "redirect to translated loopback", to(f"http://[64:ff9b::{INSIDE}]:{port}/"), "address_refused"
    ),
    lambda port: Attack("redirect to here", to(f"http://0.0.0.0:{port}/"), "address_refused"),
    lambda port: Attack("redirect to a name inside", to(f"http://inside.test:{port}/"), "address_refused"),
    lambda _: Attack("redirect to metadata", to("http://169.254.169.254/latest/meta-data/"), "address_refused"),
    lambda _: Attack("redirect to metadata of six", to("http://[fd00:ec2::254]/latest/meta-data/"), "address_refused"),
    lambda _: Attack("redirect to a file", to("file:///etc/passwd"), "bad_url"),
    lambda _: Attack("redirect to itself", to("/a.jpg"), "redirect_limit"),
    lambda _: Attack("changing name", to("/a.jpg"), "address_refused", addresses=(OUTSIDE, INSIDE)),
    lambda _: Attack("name inside", says(answer(jpeg())), "address_refused", addresses=(INSIDE,)),
    lambda _: Attack("name of six inside", says(answer(jpeg())), "address_refused", addresses=("::1",)),
    lambda _: Attack("no name", says(b""), "unresolved", final=False, addresses=()),
    lambda _: Attack("slow drip", drip, "timeout", final=False),
    lambda _: Attack("slow head", dripping_head, "timeout", final=False),
    lambda _: Attack("silence", silent, "timeout", final=False),
    lambda _: Attack("endless body", endless, "too_large"),
    lambda _: Attack("endless chunks", endless_chunks, "too_large"),
    lambda _: Attack("endless head", endless_head, "connection", final=False),
    lambda _: Attack("length too long", says(answer(jpeg(), length=100_000)), "connection", final=False),
    lambda _: Attack("length too short", says(answer(jpeg(), length=700)), "connection", final=False),
    lambda _: Attack("length of a terabyte", says(answer(b"", length=10**12)), "too_large"),
    lambda _: Attack("length below nought", lengthless("-1"), "connection", final=False),
    lambda _: Attack("length of two minds", lengthless("10\r\nContent-Length: 20"), "connection", final=False),
    lambda _: Attack("page that says picture", says(answer(b"<html>", "200 OK", PNG)), "not_a_picture"),
    lambda _: Attack("drawing that says picture", says(answer(b"<svg/>", "200 OK", PNG)), "unsupported_format"),
    lambda _: Attack("picture that says page", says(answer(jpeg(), "200 OK", "Content-Type: text/html")), None),
    lambda _: Attack("gzip bomb", says(answer(bomb(), "200 OK", "Content-Encoding: gzip")), "encoded_body"),
    lambda _: Attack("gzip bomb unsaid", says(answer(bomb())), "not_a_picture"),
    lambda _: Attack("huge header", says(answer(header_of(50_000), "200 OK", PNG)), "too_many_pixels"),
    lambda _: Attack("archive in a picture", says(answer(jpeg() + b"PK\x03\x04<script>PK\x05\x06" + bytes(18))), None),
    lambda _: Attack("picture in a document", says(answer(b"%PDF-1.7\n" + jpeg())), "unsupported_format"),
    lambda _: Attack("half a picture", says(answer(jpeg()[:700])), "broken_picture"),
    lambda _: Attack("slow down", says(answer(b"", "429 Slow", "Retry-After: 600")), "rate_limited", final=False),
    lambda _: Attack("busy", says(answer(b"", "503 Busy", "Retry-After: 600")), "rate_limited", final=False),
    lambda _: Attack("reset in the body", reset, "connection", final=False),
    lambda _: Attack("not http", says(b"SSH-2.0-OpenSSH_9.2\r\n"), "connection", final=False),
    lambda _: Attack("gone", says(answer(b"", "410 Gone")), "gone"),
    lambda _: Attack("unchanged unasked", says(answer(b"", "304 Not Modified")), "http_unexpected"),
)


class Canary:
    """Listens where nobody may get to."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.visits += 1
        writer.close()


class HostileNames(AbstractResolver):
    """Each attack's name answers as it says; `inside.test` is inside, every other name is the server's."""

    def __init__(self, attacks: tuple[Attack, ...]) -> None:
        self._scripted = Names(**{attack.host: list(attack.addresses) for attack in attacks})
        self._others = {attack.host for attack in attacks if attack.addresses == (OUTSIDE,)}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host in self._scripted.answers and host not in self._others:
            return await self._scripted.resolve(host, port, family)
        address = INSIDE if host == "inside.test" else OUTSIDE
        return await Names(**{host: [address]}).resolve(host, port, family)

    async def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Hostile:
    """The server under way: its attacks, its names, the canary."""

    attacks: tuple[Attack, ...]
    names: HostileNames
    server: Server
    canary: Canary

    def url(self, attack: Attack) -> str:
        return f"http://{attack.host}:{self.server.port}/a.jpg"

    def good(self, number: int) -> str:
        """A picture of its own, on a host that does nothing wrong."""
        side = 300 + number
        return self.server.url(f"/good-{number}.jpg", says(answer(jpeg(side))), "good.test")


class _ByHost(Server):
    """The trick of the host that was asked, where the host has one."""

    def __init__(self, attacks: tuple[Attack, ...]) -> None:
        super().__init__()
        self._by_host = {attack.host: attack.trick for attack in attacks}

    def trick_of(self, head: bytes) -> Trick:
        (host,) = [line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"host: ")]
        return self._by_host.get(host.decode().split(":")[0]) or super().trick_of(head)


@asynccontextmanager
async def hostile() -> AsyncIterator[Hostile]:
    """Server and canary, listening."""
    canary = Canary()
    async with AsyncExitStack() as stack:
        first = await _listening(stack, canary.serve, INSIDE, 0)
        canary.port = first
        await _listening(stack, canary.serve, "::1", first)
        attacks = tuple(make(first) for make in ATTACKS)
        server = _ByHost(attacks)
        server.port = await _listening(stack, server.serve, OUTSIDE, 0)
        await _listening(stack, canary.serve, INSIDE, server.port)
        await _listening(stack, canary.serve, "::1", server.port)
        yield Hostile(attacks, HostileNames(attacks), server, canary)


async def _listening(
    stack: AsyncExitStack,
    serve: Callable[[asyncio.StreamReader, Writer], object],
    address: str,
    port: int,
) -> int:
    try:
        made = await asyncio.start_server(serve, address, port)
    except OSError:
        if ":" in address:
            return 0  # a machine without IPv6: nothing can be reached there
        raise
    stack.callback(made.close)
    found: int = made.sockets[0].getsockname()[1]
    return found
