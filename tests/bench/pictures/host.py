"""`python -m tests.bench.pictures.host FOLDER LATENCY_S [CORE]`: a picture host, on every address of this machine.

`/<n>.jpg` is file n of the folder (modulo their number) with a comment in it, so that each address has a picture of its
own; `/as-it-is/<n>.jpg` the file itself. `/under-way` tells as JSON how many pictures were under way: mean by time
between the first request and the last answer, and the most. The port is printed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

COMMENT = b"\xff\xfe"
LENGTH_BYTES = 2


@dataclass
class UnderWay:
    """Requests that have come and are not answered yet."""

    now: int = 0
    most: int = 0
    served: int = 0
    area: float = 0.0
    first: float = 0.0
    last: float = 0.0

    @contextmanager
    def one(self) -> Iterator[None]:
        """While a picture is under way."""
        self._moved(1)
        try:
            yield
        finally:
            self._moved(-1)
            self.served += 1

    def _moved(self, by: int) -> None:
        at = time.monotonic()
        self.first = self.first or at
        self.area += self.now * (at - (self.last or at))
        self.now, self.last = self.now + by, at
        self.most = max(self.most, self.now)

    def told(self) -> dict[str, float]:
        """As JSON has it."""
        seconds = max(self.last - self.first, 1e-9)
        return {"served": self.served, "mean": self.area / seconds, "most": self.most, "seconds": seconds}


def app_of(files: list[bytes], latency_s: float) -> web.Application:
    """The host."""
    under_way = UnderWay()

    async def own(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        with under_way.one():
            await asyncio.sleep(latency_s)
            return web.Response(body=commented(files[number % len(files)], number), content_type="image/jpeg")

    async def plain(request: web.Request) -> web.Response:
        with under_way.one():
            await asyncio.sleep(latency_s)
            return web.Response(body=files[int(request.match_info["number"])], content_type="image/jpeg")

    async def told(request: web.Request) -> web.Response:
        return web.json_response(under_way.told())

    app = web.Application()
    app.router.add_get(r"/{number:\d+}.jpg", own)
    app.router.add_get(r"/as-it-is/{number:\d+}.jpg", plain)
    app.router.add_get("/under-way", told)
    return app


def commented(jpeg: bytes, number: int) -> bytes:
    """The same picture in other bytes."""
    mark = str(number).encode()
    return jpeg[:2] + COMMENT + (len(mark) + LENGTH_BYTES).to_bytes(LENGTH_BYTES) + mark + jpeg[2:]


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: int(path.stem))]


async def _serve(folder: Path, latency_s: float) -> None:
    runner = web.AppRunner(app_of(_files(folder), latency_s), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    asyncio.run(_serve(Path(sys.argv[1]), float(sys.argv[2])))
