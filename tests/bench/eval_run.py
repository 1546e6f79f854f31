"""`python -m tests.bench.eval_run [--pairs N] [--stand-in]`: a run's pairs a minute, beside those of the service.

The same human-labelled pairs twice, each in a database of its own: queued and judged by `assay run relevance`, and
judged by `assay eval run` with one judge. Against the offline judge, which the machine's cores bound, or a stand-in of
0.4 s a reply, which the lane's limits bound. Both are counted from the first call's start to the last label, in
PostgreSQL. The service needs a broker: ASSAY_TEST_KAFKA.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.stream.tables import Table, show
from tests.support import postgres
from tests.support.needs import SHARED_DATA
from tests.support.provider import Knobs, started

ROOT = Path(__file__).parents[2]
PAIRS = SHARED_DATA / "relevance" / "human_pairs.jsonl"
REQUESTS_PER_MINUTE = 600
"""Of the stand-in: half a minute of work for all pairs."""

RATE = """
SELECT count(*), extract(epoch FROM max(at) - (SELECT min(started_at) FROM assay_data.llm_calls))::float8,
    (SELECT count(*) FROM assay_data.llm_calls)
FROM ({found}) AS found
"""
LABELS = "SELECT judged_at AS at FROM assay_data.labels"
RESULTS = "SELECT judged_at AS at FROM assay_data.eval_results WHERE failure = ''"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.eval_run", description=__doc__)
    parser.add_argument("--pairs", type=int, default=2_135)
    parser.add_argument("--stand-in", action="store_true", help="a provider with limits instead of the offline judge")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        server = postgres.EmbeddedPostgres()
        stack.callback(server.stop)
        rows = []
        for name in ("the service", "a run of evaluation"):
            # Each has its own: the offline judge remembers what it has read.
            with _stand_in() if given.stand_in else _offline_judge() as url:
                settings = _settings(url, limited=given.stand_in)
                rows.append(asyncio.run(_measured(name, Path(directory), server.dsn, settings, given.pairs)))
    title = f"{given.pairs} pairs, {f'{REQUESTS_PER_MINUTE} requests a minute' if given.stand_in else 'offline judge'}"
    show(Table(title, ("", "pairs", "seconds", "pairs a minute", "calls", "calls a minute"), rows))


async def _measured(name: str, directory: Path, dsn: str, settings: Mapping[str, str], pairs: int) -> tuple[str, ...]:
    async with postgres.database(dsn, "bench") as fresh:
        assay = _Assay({**settings, "ASSAY_POSTGRES_DSN": fresh}, directory)
        assay.run("migrate")
        lines = PAIRS.read_bytes().splitlines()[:pairs]
        if name == "the service":
            assay.run("judge", "-", told=b"\n".join(map(_request, lines)))
            assay.run("run", "relevance", "--until-idle")
        else:
            stated = ("--name", "bench", "--source", "s", "--licence", "l", "--rule", "0=0 1=1 2=1 3=2")
            assay.run("eval", "import", "-", "--format", "jsonl", *stated, "--allow-thin", told=b"\n".join(lines))
            assay.run("eval", "run", "--dataset", "bench", "--judge", "settings", "--yes")
        return (name, *await _rate(fresh, LABELS if name == "the service" else RESULTS))


async def _rate(dsn: str, found: str) -> tuple[str, ...]:
    connection = await postgres.asyncpg.connect(dsn)
    try:
        pairs, seconds, calls = await connection.fetchrow(RATE.format(found=found))
    finally:
        await connection.close()
    return f"{pairs:,}", f"{seconds:.1f}", f"{pairs / seconds * 60:,.0f}", f"{calls:,}", f"{calls / seconds * 60:,.0f}"


def _request(line: bytes) -> bytes:
    """A pair as `assay judge` takes it."""
    told = json.loads(line)
    attributes = {name: str(value) for name, value in told.get("attributes", {}).items()}
    kept = {name: told.get(name) for name in ("title", "brand", "description")}
    listing = {"listing_id": told["doc_id"], "attributes": attributes, **kept}
    return json.dumps({"query": told["query"], "listing": listing}).encode()


def _settings(url: str, *, limited: bool) -> dict[str, str]:
    return {
        "ASSAY_LLM_BASE_URL": url,
        "ASSAY_LLM_MODEL": "offline-judge",
        "ASSAY_LLM_REQUESTS_PER_MINUTE": str(REQUESTS_PER_MINUTE if limited else 60_000),
        "ASSAY_LLM_TOKENS_PER_MINUTE": "50000000",
        "ASSAY_KAFKA_BOOTSTRAP_SERVERS": os.environ.get("ASSAY_TEST_KAFKA", "127.0.0.1:9092"),
        "ASSAY_TOPIC_PREFIX": f"bench{uuid.uuid4().hex[:8]}.",
        "ASSAY_HTTP_PORT": "0",
    }


class _Assay:
    """The command, with these settings, in a directory without a `.env`."""

    def __init__(self, settings: Mapping[str, str], directory: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = {**kept, "PYTHONPATH": str(ROOT), **settings}
        self._directory = directory

    def run(self, *arguments: str, told: bytes = b"") -> None:
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            input=told, cwd=self._directory, env=self._environment, capture_output=True, check=False, timeout=1_200,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"assay {' '.join(arguments)}: {done.stderr.decode()[-2_000:]}")


@contextmanager
def _offline_judge() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "cli.main", "offline-judge"], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def _stand_in() -> Iterator[str]:
    with started(Knobs(requests_per_minute=REQUESTS_PER_MINUTE, burst_s=1.0, start=0.0)) as provider:
        yield provider.base_url


if __name__ == "__main__":
    main()
