"""A picture server that plays tricks, a DNS that lies, and the source under test set upon both."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from PIL import Image

from core.adapters.picture_decoders import ThreadDecoder
from core.adapters.pictures import HttpPictureSource, limits_of
from core.errors import PictureError
from core.settings import Settings, load_settings

LOOPBACK = "127.0.0.1/32"
Writer = asyncio.StreamWriter
Trick = Callable[[Writer], Awaitable[None]]


def jpeg(side: int = 300) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def says(*parts: bytes) -> Trick:
    async def trick(writer: Writer) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return trick


async def drip(writer: Writer) -> None:
    writer.write(answer(b"", length=100_000))
    for byte in jpeg() * 50:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    while True:
        writer.write(b"\xff" * 65_536)
        await writer.drain()


async def endless_head(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 4_000 + b"\r\n")
        await writer.drain()


async def reset(writer: Writer) -> None:
    writer.write(answer(jpeg()[:500], length=len(jpeg())))
    await writer.drain()
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


class Server:
    """Plays a trick for each path; keeps the heads of the requests."""

    def __init__(self) -> None:
        self.tricks: dict[str, Trick] = {}
        self.heads: list[bytes] = []
        self.at_once = self.most_at_once = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await self.trick_of(self.heads[-1])(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone, as it should from most of these
        finally:
            self.at_once -= 1
            writer.close()

    def trick_of(self, head: bytes) -> Trick:
        return self.tricks[head.split(b" ")[1].decode()]

    @property
    def asked(self) -> list[str]:
        return [head.split(b" ")[1].decode() for head in self.heads]

    def url(self, path: str, trick: Trick, host: str = "127.0.0.1") -> str:
        self.tricks[path] = trick
        return f"http://{host}:{self.port}{path}"


class Names(AbstractResolver):
    """A DNS of our own: each name's answers, one after the other, the last one forever."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers: dict[str, Iterator[str]] = {name: iter(given) for name, given in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = next(self.answers[host], None)
        if address is None:
            raise OSError("no such name")
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def settings(**changes: object) -> Settings:
    given = {"image_allowed_networks": LOOPBACK, "image_max_bytes": 200_000, "image_timeout_s": 5.0, **changes}
    return load_settings(**given)


@asynccontextmanager
async def source(names: AbstractResolver | None = None, **changes: object) -> AsyncIterator[HttpPictureSource]:
    chosen = settings(**changes)
    async with HttpPictureSource(chosen, ThreadDecoder(limits_of(chosen)), names) as made:
        yield made


async def failure(url: str, names: AbstractResolver | None = None, **changes: object) -> PictureError:
    async with source(names, **changes) as pictures:
        with pytest.raises(PictureError) as caught:
            await pictures.fetch(url)
        return caught.value
