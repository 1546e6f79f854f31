"""A stand-in for an OpenAI-compatible provider, in a process of its own: real limits, latency, a prompt cache, faults.

with started(Knobs(requests_per_minute=6_000)) as provider:
    ... provider.base_url ...
    print((await provider.stats()).outcomes)
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import msgspec
import psutil

from tests.support.provider.books import Call, Stats
from tests.support.provider.knobs import Knobs

__all__ = ["Call", "Knobs", "StandIn", "Stats", "started"]

START_S = 60.0
END_S = 10.0
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class StandIn:
    """A running one."""

    base_url: str
    pid: int

    async def stats(self) -> Stats:
        """What was so far."""
        return msgspec.json.decode(await self._get("_stats"), type=Stats)

    async def calls(self) -> list[Call]:
        """Every call so far."""
        return msgspec.json.decode(await self._get("_calls"), type=list[Call])

    async def bodies(self) -> bytes:
        """The kept requests, as a JSON array."""
        return await self._get("_bodies")

    async def change(self, **knobs: object) -> None:
        """Other knobs from now on."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._url("_knobs"), data=msgspec.json.encode(knobs)) as answer,
        ):
            answer.raise_for_status()

    def cpu(self) -> float:
        """CPU seconds so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    async def _get(self, path: str) -> bytes:
        async with aiohttp.ClientSession() as session, session.get(self._url(path)) as answer:
            answer.raise_for_status()
            return await answer.read()

    def _url(self, path: str) -> str:
        return self.base_url.removesuffix("v1") + path


@contextmanager
def started(knobs: Knobs) -> Iterator[StandIn]:
    """Running while the block lasts; it ends with this process, however that ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.provider", *replace(knobs, with_parent=True).arguments()],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield StandIn(_first_line(process), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline().decode().strip() if ready else ""
    if not line:
        raise RuntimeError(f"the stand-in has not started within {START_S:.0f} s")
    return line
