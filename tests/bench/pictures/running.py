"""Processes of a benchmark: the picture host, `assay run …`, how much memory they take, and the work that waits."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import psutil

from tests.bench.judging.service import Replica
from tests.bench.pictures import files
from tests.bench.stream.servers import MIB, Place
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
HOSTS = 16
"""Names of the picture host: so many of a shop's sellers' hosts, and four fetches at once from each do not bind."""

SMALL = 24
"""Drawn pictures that the host shows again and again, each time in other bytes."""

LISTINGS = """
INSERT INTO assay_data.listings
    (listing_id, market, language, title, attributes, image_urls, content_hash, deleted, run, told_at)
SELECT $3 || n, 'de', 'de', 'a thing', '{}',
    ARRAY['http://127.0.0.' || 1 + n % $4 || ':' || $2::int || '/' || n || '.jpg'], 'h', false, 'live', now()
FROM generate_series(1, $1::int) AS n
"""
TASKS = """
INSERT INTO assay_data.tasks (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload, priority, state,
    not_before, created_at)
SELECT md5($3 || n)::uuid, 'image:' || $3 || n, 'image', 'live', 0, $3 || n,
    jsonb_build_object('listing_id', $3 || n, 'market', 'de',
        'image_url', 'http://127.0.0.' || 1 + n % $4 || ':' || $2::int || '/' || n || '.jpg'),
    '{}', extract(epoch FROM now()) - 100000 - n, 'waiting', now(), now()
FROM generate_series(1, $1::int) AS n
"""


@dataclass(frozen=True)
class Host:
    """A picture host that runs."""

    port: int
    pid: int

    def url(self, number: int) -> str:
        """Picture so and so, under one of the host's names."""
        return f"http://127.0.0.{1 + number % HOSTS}:{self.port}/{number}.jpg"

    async def under_way(self) -> dict[str, float]:
        """What it tells of itself."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/under-way") as told:
            found: dict[str, float] = await told.json()
            return found


@contextmanager
def picture_host(folder: Path, latency_s: float, core: int | None = None) -> Iterator[Host]:
    """While the block lasts."""
    bound = [] if core is None else [str(core)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.pictures.host", str(folder), str(latency_s), *bound],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield Host(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def small_host(latency_s: float) -> Iterator[Host]:
    """Of drawn pictures of 400 to 600 pixels."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        files.kept([files.sample(number) for number in range(SMALL)], Path(folder))
        with picture_host(Path(folder), latency_s) as host:
            yield host


@contextmanager
def running(place: Place, *arguments: str, **settings: str) -> Iterator[Replica]:
    """`assay run …` while the block lasts; killed at its end if it still is up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "OPENAI_"))}
    environment = {
        **kept,
        "ASSAY_KAFKA_BOOTSTRAP_SERVERS": place.bootstrap,
        "ASSAY_POSTGRES_DSN": place.dsn,
        "ASSAY_TOPIC_PREFIX": place.prefix,
        "ASSAY_HTTP_PORT": str(free_port()),
        "ASSAY_LOG_FORMAT": "json",
        "ASSAY_LLM_BASE_URL": "http://127.0.0.1:9/v1",
        "ASSAY_LLM_MODEL": "nobody",
        "ASSAY_IMAGE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ASSAY_IMAGE_LABEL_RANDOM_SHARE": "0",
        **{f"ASSAY_{name.upper()}": value for name, value in settings.items()},
    }
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
        home = Path(directory)
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "run", *arguments],
                cwd=home, env={**environment, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        replica = Replica(process, home / "log")
        try:
            yield replica
        finally:
            replica.kill9()


async def queue(place: Place, host: Host, count: int, name: str = "old") -> None:
    """So many listings of one picture each, told long ago, and the tasks that wait for them."""
    connection = await asyncpg.connect(place.dsn)
    try:
        for statement in (LISTINGS, TASKS):
            await connection.execute(statement, count, host.port, name, HOSTS, timeout=600)
        await connection.execute("ANALYZE assay_data.tasks, assay_data.listings")
    finally:
        await connection.close()


@dataclass
class Memory:
    """The most resident memory of a process and, apart, of its decoders together, MiB; and the CPU seconds of both."""

    main: float = 0.0
    decoders: float = 0.0
    together: float = 0.0
    cpu_s: float = 0.0

    def look(self, pid: int) -> None:
        """Now, if it is more."""
        try:
            process = psutil.Process(pid)
            main = process.memory_info().rss / MIB
            children = process.children(recursive=True)
            decoders = sum(map(_rss, children))
            self.cpu_s = max(self.cpu_s, sum(map(_cpu, (process, *children))))
        except psutil.NoSuchProcess:
            return
        self.main = max(self.main, main)
        self.decoders = max(self.decoders, decoders)
        self.together = max(self.together, main + decoders)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.NoSuchProcess:
        return 0.0


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / MIB
    except psutil.NoSuchProcess:
        return 0.0
