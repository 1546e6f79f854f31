"""Names to addresses by the system's resolver, in threads of its own: a name whose servers never answer holds a thread
for half a minute, and on the loop's few threads (uvloop has 4) a handful of such names would stop every other one."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult


class SystemResolver(AbstractResolver):
    """aiohttp's resolver over `getaddrinfo`, with `threads` questions at once."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="picture-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of `host`; OSError when it has none. A caller that stops waiting leaves the thread behind."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _asked, host, port, family)

    async def close(self) -> None:
        """Ask nothing more; threads that wait end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _asked(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    answers = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in answers
    ]
