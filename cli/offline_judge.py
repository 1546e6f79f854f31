"""`assay offline-judge`: serves the offline judge as an OpenAI-compatible endpoint and prints its base URL."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer

from core.errors import UsageError


def offline_judge(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="port to listen on; 0 takes a free one")] = 0,
) -> None:
    """Serve the offline judge until SIGTERM or Ctrl-C."""
    try:
        from demo.offline_judge import serve  # noqa: PLC0415 - an optional extra: the rest of the command does without
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the offline judge needs the extra `demo` of this package ({error.name} is missing)"
        ) from None

    async def until_signal() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with serve(host, port) as base_url:
            sys.stdout.write(f"{base_url}\n")
            sys.stdout.flush()
            await stop.wait()

    try:
        asyncio.run(until_signal())
    except OSError as error:
        raise UsageError(f"can't listen on {host}:{port} ({error.strerror}); set --host or --port") from None
