"""The stream benchmarks still run: each on so little that its figures mean nothing."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.bench.stream import compare, latency, memory, replicas, restart
from tests.bench.stream.servers import Servers
from tests.bench.stream.tables import Table

FORGETS_SOON = '{"group.protocol": "classic", "session.timeout.ms": 6000}'
"""A killed member is forgotten after 6 s, the least that brokers allow, and not after 45."""


@pytest.fixture
def servers(kafka_bootstrap: str, postgres_server: str) -> Servers:
    """The suite's; whose processes they are is not asked."""
    return Servers(kafka_bootstrap, postgres_server, None, None)


async def test_every_stream_benchmark_fills_its_tables(servers: Servers) -> None:
    """Side by side, because most of a run is starting and waiting; `compare` waits for processes, so on a thread."""
    found = await asyncio.gather(
        asyncio.to_thread(lambda: asyncio.run(compare.compare(servers, compare.Sizes(2_000, 0, 0, 1)))),
        latency.latency(servers, latency.Sizes(500, 3.0, warm_s=1.0, last_s=2.0)),
        memory.memory(servers, memory.Sizes((0, 200), 0.05, 2_000, 4, warm=2_000, kept_s=1.0, stall_s=1.0)),
        replicas.replicas(servers, replicas.Sizes(2_000, 1)),
        restart.restart(servers, restart.Sizes(200, 500, kept=False, kafka_options=FORGETS_SOON)),
    )
    tables = [table for tables in found for table in tables]
    assert [len(tables) for tables in found] == [2, 1, 3, 1, 1]
    assert all(_is_filled(table) for table in tables), tables


def _is_filled(table: Table) -> bool:
    """Whether every row has as many cells as there are columns, and its last says a number (or that it went well)."""
    return bool(table.rows) and all(
        len(row) == len(table.columns) and (row[-1] in ("", "yes") or re.search(r"\d", row[-1])) for row in table.rows
    )
