"""The HTTP side of `assay run`: health and metrics of every process, pages and API with `console`."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from core.errors import SettingsError
from core.settings import Settings

log = structlog.get_logger(__name__)

DRAIN_S = 2.0
"""Requests under way when the process ends: a page takes milliseconds."""

BACKLOG = 128
"""Connections waiting to be accepted: a dashboard and its probes open a handful."""


@asynccontextmanager
async def serving(app: web.Application, settings: Settings, *, port_matters: bool) -> AsyncIterator[str]:
    """Serve while the block lasts; yields the address. A taken port is an error only where people look for it."""
    listener = bound(settings.http_host, settings.http_port, port_matters=port_matters)
    address = f"http://{settings.http_host}:{listener.getsockname()[1]}"
    async with served(app, listener):
        log.info("http.listening", address=address)
        yield address


@asynccontextmanager
async def served(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """The application on a bound socket while the block lasts."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield
    finally:
        await runner.cleanup()


def bound(host: str, port: int, *, port_matters: bool) -> socket.socket:
    """A listening socket; another free port than a taken one unless `port_matters`. SettingsError with what to set."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not port_matters:
            log.warning("http.port_taken", port=port)
            return socket.create_server((host, 0), backlog=BACKLOG)
        variable = "ASSAY_HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "ASSAY_HTTP_HOST"
        raise SettingsError(f"{variable}: can't listen on {host}:{port} ({error.strerror}); set another") from None
