"""The benchmarks of pictures still run: each on so little that its figures mean nothing."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.bench.pictures import latency, many, throughput
from tests.bench.stream.servers import Servers
from tests.bench.stream.tables import Table

LEARNT = 40


@pytest.fixture
def servers(kafka_bootstrap: str, postgres_server: str) -> Servers:
    """The suite's; whose processes they are is not asked."""
    return Servers(kafka_bootstrap, postgres_server, None, None)


async def test_the_benchmark_of_throughput_fills_its_table() -> None:
    [table] = await throughput.throughput(throughput.Sizes(2, (300, 600), 1, LEARNT))
    assert [row[1] for row in table.rows][-1] == "Assay: fetch to the student's score"
    assert _is_filled(table), table


async def test_the_benchmarks_of_many_listings_and_of_latency_fill_their_tables(servers: Servers) -> None:
    """Side by side, because most of a run is starting and waiting."""
    found = await asyncio.gather(
        many.many(servers, many.Sizes((20,), 0.02, learnt=LEARNT)),
        latency.latency(servers, latency.Sizes(10, 1.0, 200, learnt=LEARNT, warm_s=1.0)),
    )
    (limit, memory), (waits,) = found
    assert limit.rows[0][:2] == ("20", "20")
    assert [row[1] for row in waits.rows] == ["10 of 10", "10 of 10"]
    assert all(_is_filled(table) for table in (limit, memory, waits)), found


def _is_filled(table: Table) -> bool:
    """Whether every row has as many cells as there are columns, and its last says a number."""
    return bool(table.rows) and all(len(row) == len(table.columns) and re.search(r"\d", row[-1]) for row in table.rows)
