"""Where the time of `search-log` goes: `python -m tests.bench.search_log [--records N] [--profile]`.

The run loop in this process, on one core as `assay run search-log` is, with a real broker (`ASSAY_TEST_KAFKA`, else
one of its own) and a PostgreSQL of its own. Beside it consuming and decoding alone. For figures see
`tests.bench.stream compare`; this is for a profiler, and for a look after a change.
CPU seconds are those of the process, PostgreSQL's and the broker's not counted.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvloop

from cli.run import calm_collector
from consumers import search_log
from core.adapters.clock import SystemClock
from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.settings import Settings
from core.telemetry import Metrics
from tests.bench.stream import limit, servers
from tests.bench.stream.records import PARTITIONS, shop_log
from tests.bench.stream.sending import fill, new_topic
from tests.support import streams
from tests.support.waiting import until

RECORDS = 300_000
LONGEST_S = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--profile", action="store_true", help="show where the event loop's time goes")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    count = arguments.records
    with servers.started() as running, new_topic(running.bootstrap, f"bench-{uuid.uuid4().hex[:8]}-log") as topic:
        _, size = fill(running.bootstrap, topic, shop_log(count))
        rows = [("consume and decode only", *limit.strict(running.bootstrap, topic, count))]
        calm_collector()
        taken = uvloop.run(end_to_end(running.bootstrap, running.postgres_dsn, topic, count, arguments.profile))
        rows.append(("search-log into PostgreSQL", *taken))
    print(f"{count:,} records of {size:.0f} bytes, {PARTITIONS} partitions, one process")
    print(f"{'':34}{'records/s':>12}{'CPU s/million':>16}")
    for name, wall, cpu in rows:
        print(f"{name:34}{count / wall:>12,.0f}{cpu / count * 1e6:>16.1f}")


async def end_to_end(bootstrap: str, dsn: str, topic: str, count: int, profile: bool) -> tuple[float, float]:
    """Wall and CPU seconds of the process's run loop; the clock starts with its first transaction's partitions."""
    await migrate(dsn)
    pool = await open_pool(dsn, 4)
    settings, source = Settings(_env_file=None), streams.source(bootstrap, topic, {})
    clock, metrics = SystemClock(), Metrics()
    process = search_log.build(
        settings, source, streams.store(pool), clock, metrics, "bench", streams.dead_letter
    )  # fmt: skip
    async with streams.running(process):
        await until(lambda: process.health().ready, LONGEST_S)
        with _profiled(profile):
            taken = await _until_read(lambda: process.progress, count)
    await pool.close()
    return taken


async def _until_read(progress: Callable[[], int], count: int) -> tuple[float, float]:
    started, cpu = time.monotonic(), time.process_time()
    await until(lambda: progress() >= count, LONGEST_S)
    return time.monotonic() - started, time.process_time() - cpu


@contextmanager
def _profiled(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
