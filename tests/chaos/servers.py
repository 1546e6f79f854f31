"""What a run is made of: a broker and a PostgreSQL of its own, each behind a proxy, and a copy of the code."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil

from tests.chaos.proxy import Proxy, Streams
from tests.support import streams
from tests.support.kafka import KafkaBroker
from tests.support.postgres import SAFE, EmbeddedPostgres, make_fast

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "consumers", "producers", "cli", "demo", "migrations")
PREFIX = "chaos."
TOPIC = f"{PREFIX}search-log"
DEAD_LETTERS = f"{PREFIX}dead-letters"
PARTITIONS = 4
STOP_S = 20.0  # PostgreSQL ends at once by SIGQUIT; a busy machine may take its time


class Postgres(EmbeddedPostgres):
    """With the end that `pg_ctl stop -m immediate` gives it."""

    def quit(self) -> None:
        """Every backend ends at once; the next start recovers from the log."""
        postmaster = psutil.Process(self._server.get_postmaster_info().pid)
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(STOP_S)

    def stop(self) -> None:
        """Also when a run that is broken off has just killed it."""
        try:
            super().stop()
        except psutil.NoSuchProcess:
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def socket(self) -> str:
        """Path of the socket it listens on; the same after a restart."""
        [directory] = parse_qs(urlsplit(self.dsn).query)["host"]
        return f"{directory}/.s.PGSQL.5432"


@dataclass(frozen=True)
class Servers:
    """Running; both ends of what connects them."""

    broker: KafkaBroker
    postgres: Postgres
    to_broker: Proxy
    to_postgres: Proxy
    bootstrap: str
    """Of the broker behind its proxy."""
    dsn: str
    """Of PostgreSQL behind its proxy."""
    code: Path
    """A copy: what is edited while the run goes on is not half in it."""


def broker_settings(session_s: float) -> dict[str, str]:
    """Groups of both protocols notice a silent member after so many seconds."""
    session = str(int(session_s * 1000))
    return {
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": session,
        "group.consumer.min.heartbeat.interval.ms": "200",
        "group.consumer.heartbeat.interval.ms": "500",
        "group.min.session.timeout.ms": "1000",
    }


@asynccontextmanager
async def started(directory: Path, session_s: float, source: Path = ROOT) -> AsyncIterator[Servers]:
    """All of it; nothing runs any more at the end."""
    code = copied(source, directory / "code")
    async with _postgres() as (postgres, to_postgres, dsn), _broker(directory, session_s) as (broker, to_broker, port):
        await asyncio.to_thread(_migrate, code, postgres.dsn)
        await asyncio.to_thread(streams.make_topic, broker.bootstrap, TOPIC, PARTITIONS)
        yield Servers(broker, postgres, to_broker, to_postgres, f"127.0.0.1:{port}", dsn, code)


def copied(source: Path, target: Path) -> Path:
    """The packages as they are now."""
    for name in PACKAGES:
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def _migrate(code: Path, dsn: str) -> None:
    """By the code that runs: another tree's migrations need not fit it."""
    environment = {"PATH": os.environ["PATH"], "ASSAY_POSTGRES_DSN": dsn}
    subprocess.run(
        [sys.executable, "-m", "cli.main", "migrate"], cwd=code, env=environment, check=True, stdout=subprocess.DEVNULL
    )


@asynccontextmanager
async def _postgres() -> AsyncIterator[tuple[Postgres, Proxy, str]]:
    server = await asyncio.to_thread(Postgres)
    path = server.socket

    async def connect() -> Streams:
        return await asyncio.open_unix_connection(path)

    proxy = Proxy(connect)
    try:
        await make_fast(server.dsn, SAFE)
        yield server, proxy, f"postgresql://postgres@127.0.0.1:{await proxy.start()}/postgres"
    finally:
        await proxy.close()
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def _broker(directory: Path, session_s: float) -> AsyncIterator[tuple[KafkaBroker, Proxy, int]]:
    async def connect() -> Streams:
        return await asyncio.open_connection("127.0.0.1", broker.proxied_port)

    proxy = Proxy(connect)
    port = await proxy.start()
    broker = KafkaBroker(directory / "kafka", behind=port, properties=broker_settings(session_s))
    try:
        await asyncio.to_thread(broker.start)
        yield broker, proxy, port
    finally:
        await proxy.close()
        await asyncio.to_thread(broker.stop)
