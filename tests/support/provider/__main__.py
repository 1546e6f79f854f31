"""`python -m tests.support.provider --requests-per-minute 6000 …`: serve until told to end; prints its base URL."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

from tests.support.provider.knobs import Knobs, parsed
from tests.support.provider.server import serve

STEADY = 50_000
"""New containers between two looks of the cycle collector: it finds nothing here."""


async def main(knobs: Knobs) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if knobs.with_parent:
        loop.run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: ended.set())
    async with serve(knobs) as base_url:
        print(base_url, flush=True)
        await ended.wait()


if __name__ == "__main__":
    gc.set_threshold(STEADY, 20, 20)
    asyncio.run(main(parsed()))
