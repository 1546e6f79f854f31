"""A TCP proxy in the run's own event loop. Its connections can be cut, stalled, and cut around a commit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from enum import Enum

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]

CHUNK = 262_144
COMMIT = b"COMMIT;"
"""What asyncpg sends, as a message of its own, when a transaction's block ends."""

LATE_S = 2.0
"""A commit that comes late: by then its sender has connected again and tries once more (its first pause is 0.2 s)."""

ANSWER_S = 10.0
"""A server that does not answer a commit within this is itself being killed."""


class AtCommit(Enum):
    """How a connection is cut when a commit passes."""

    LOST = "the server never sees it"
    UNANSWERED = "the server commits, its answer is cut off"
    LATE = "the client is cut off, the commit arrives two seconds later"


class Link:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: Proxy, client: Streams, server: Streams) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._muted = False
        self._answered = asyncio.Event()
        self.port = int(client[1].get_extra_info("peername")[1])
        self.gone = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def run(self) -> None:
        """Forward until either side is gone."""
        pumps = {asyncio.create_task(self._up()), asyncio.create_task(self._down())}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._client[1].close()
            self._server[1].close()

    def cut(self) -> None:
        """Both sides find their connection gone; what was under way is lost."""
        self._client[1].transport.abort()
        self._server[1].transport.abort()

    async def _passes(self) -> None:
        await self._proxy.open.wait()
        await self.open.wait()

    async def _up(self) -> None:
        while chunk := await self._client[0].read(CHUNK):
            await self._passes()
            how = self._proxy.disarmed() if COMMIT in chunk else None
            if how is not None:
                await self._commit(how, chunk)
                return
            self._server[1].write(chunk)
            await self._server[1].drain()

    async def _commit(self, how: AtCommit, chunk: bytes) -> None:
        self._muted = True
        if how is not AtCommit.UNANSWERED:
            self._client[1].transport.abort()
        if how is AtCommit.LATE:
            await asyncio.sleep(LATE_S)
        if how is not AtCommit.LOST:
            self._server[1].write(chunk)
            await self._server[1].drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), ANSWER_S)
        self.cut()

    async def _down(self) -> None:
        while chunk := await self._server[0].read(CHUNK):
            if self._muted:
                self._answered.set()
                continue
            await self._passes()
            self._client[1].write(chunk)
            await self._client[1].drain()
        if self._muted:
            await asyncio.sleep(ANSWER_S)  # `_commit` has the last word


class Proxy:
    """Forwards every connection to what `connect` opens."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._links: set[Link] = set()
        self._stalls = 0
        self._armed: tuple[AtCommit, asyncio.Event] | None = None
        self._server: asyncio.Server | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def start(self) -> int:
        """Listen on a free port of loopback; returns it."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """No connection is left."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await asyncio.gather(*(link.gone.wait() for link in self._links))
            await self._server.wait_closed()

    def cut(self, ports: Collection[int] | None = None) -> int:
        """Cut all connections, or those from these client ports; returns how many."""
        chosen = self._chosen(ports)
        for link in chosen:
            link.cut()
        return len(chosen)

    async def stall(self, seconds: float, ports: Collection[int] | None = None) -> None:
        """Nothing passes, new connections included; with `ports` only on those clients' connections."""
        if ports is None:
            self._stalls += 1
            self.open.clear()
            await asyncio.sleep(seconds)
            self._stalls -= 1
            if not self._stalls:
                self.open.set()
            return
        chosen = self._chosen(ports)
        for link in chosen:
            link.open.clear()
        await asyncio.sleep(seconds)
        for link in chosen:
            link.open.set()

    async def cut_at_commit(self, how: AtCommit, seconds: float) -> bool:
        """Cut the connection on which the next commit comes; false when none came in time."""
        fired = asyncio.Event()
        self._armed = (how, fired)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(fired.wait(), seconds)
        if not fired.is_set():
            self._armed = None
        return fired.is_set()

    def disarmed(self) -> AtCommit | None:
        """What is to happen at this commit: once."""
        if self._armed is None:
            return None
        (how, fired), self._armed = self._armed, None
        fired.set()
        return how

    def _chosen(self, ports: Collection[int] | None) -> list[Link]:
        return [link for link in self._links if ports is None or link.port in ports]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.open.wait()
            server = await self._connect()
        except OSError:
            writer.transport.abort()  # as from a host whose server is down
            return
        link = Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.gone.set()
