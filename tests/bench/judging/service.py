"""`assay run relevance` as processes of their own, against a stand-in; what they have done so far, in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
import psutil

from tests.bench.judging.work import MODEL
from tests.bench.stream.servers import Place
from tests.support.provider import StandIn

START_S = 60.0
TERM_S = 30.0  # CONTRACT 5
LOOK_S = 0.2
TAIL = 3_000  # characters of a log that are shown
IN_FLIGHT = 200
"""Calls at once: 6,000 a minute at half a second take 50, and the slowest of a hundred three times as long."""

PROGRESS = """
SELECT count(*) FILTER (WHERE state IN ('done', 'failed')) AS ended, count(*) AS tasks,
    extract(epoch FROM max(finished_at))::float8 AS last
FROM assay_data.tasks
"""
STATES = "SELECT state, reason, count(*) FROM assay_data.tasks GROUP BY 1, 2"


@dataclass
class Replica:
    """One process; `directory` is its own, so that nobody's `.env` is read."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.time)

    def is_up(self) -> bool:
        return self.process.poll() is None

    def cpu(self) -> float:
        """CPU seconds so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def kill9(self) -> None:
        """No word to anyone."""
        if self.is_up():
            self.process.kill()
        self.process.wait()

    async def terminate(self) -> None:
        """SIGTERM, and its end."""
        if self.is_up():
            self.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.process.wait, TERM_S)

    def lines(self) -> Iterator[dict[str, object]]:
        """What it logged."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)

    async def started(self) -> float:
        """When its processes ran, in seconds since 1970."""
        async with asyncio.timeout(START_S):
            while True:
                for line in self.lines():
                    if line.get("event") == "started":
                        return datetime.fromisoformat(str(line["timestamp"])).timestamp()
                self.check()
                await asyncio.sleep(LOOK_S)

    def check(self) -> None:
        """RuntimeError with the end of its log where it ended badly."""
        if self.process.poll() not in (None, 0):
            end = self.log.read_text(errors="replace")[-TAIL:]
            raise RuntimeError(f"assay run ended with {self.process.returncode}:\n{end}")


@dataclass
class Fleet:
    """Replicas on one place."""

    environment: Mapping[str, str]
    directory: Path
    options: tuple[str, ...] = ()
    replicas: list[Replica] = field(default_factory=list)

    def start(self) -> Replica:
        """One more."""
        home = self.directory / str(len(self.replicas))
        home.mkdir()
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "run", "relevance", *self.options],
                cwd=home, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.replicas.append(Replica(process, home / "log"))
        return self.replicas[-1]

    def up(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.is_up()]

    def check(self) -> None:
        """RuntimeError where one ended badly that nobody killed."""
        for replica in self.replicas:
            if replica.process.poll() != -signal.SIGKILL:
                replica.check()

    def tails(self) -> str:
        """The ends of their logs."""
        return "\n".join(replica.log.read_text(errors="replace")[-TAIL:] for replica in self.replicas)

    async def terminate(self) -> None:
        """SIGTERM to all, and their ends."""
        await asyncio.gather(*(replica.terminate() for replica in self.up()))


@contextmanager
def fleet(place: Place, provider: StandIn, *options: str, **settings: object) -> Iterator[Fleet]:
    """None of them yet; those that still run at the end are killed."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
        found = Fleet(_environment(place, provider, settings), Path(directory), options)
        try:
            yield found
        finally:
            for replica in found.replicas:
                replica.kill9()


def _environment(place: Place, provider: StandIn, settings: Mapping[str, object]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "OPENAI_"))}
    ours: dict[str, object] = {
        "kafka_bootstrap_servers": place.bootstrap,
        "postgres_dsn": place.dsn,
        "topic_prefix": place.prefix,
        "http_port": 0,
        "log_format": "json",
        "llm_base_url": provider.base_url,
        "llm_api_key": "sk-of-the-bench",
        "llm_model": MODEL,
        "llm_max_in_flight": IN_FLIGHT,
        "llm_budget_usd_per_day": 1_000_000,
        "judge_mode": "text",
        **settings,
    }
    return kept | {f"ASSAY_{name.upper()}": str(value) for name, value in ours.items()}


@dataclass(frozen=True)
class Progress:
    """Tasks, those that ended, and when the last one did, in seconds since 1970."""

    ended: int
    tasks: int
    last: float


async def progress(connection: asyncpg.Connection) -> Progress:
    """Now."""
    row = await connection.fetchrow(PROGRESS)
    return Progress(row["ended"], row["tasks"], row["last"] or 0.0)


async def ended(connection: asyncpg.Connection, fleet: Fleet, longest_s: float) -> Progress:
    """Once every task has ended; RuntimeError where that takes too long or a replica ended badly."""
    deadline = time.monotonic() + longest_s
    while (now := await progress(connection)).ended < now.tasks:
        fleet.check()
        if time.monotonic() > deadline:
            states = [tuple(row) for row in await connection.fetch(STATES)]
            raise RuntimeError(f"tasks have not ended within {longest_s:.0f} s: {states}\n{fleet.tails()}")
        await asyncio.sleep(LOOK_S)
    return now


async def gone(fleet: Fleet, longest_s: float) -> None:
    """Once the replicas, which were told `--until-idle`, have ended by themselves."""
    async with asyncio.timeout(longest_s):
        while fleet.up():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(LOOK_S)
    fleet.check()
