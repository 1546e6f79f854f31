"""What buyers did, from a real topic into PostgreSQL: the same as folded directly, also after a kill in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from core.adapters.clock import SystemClock
from core.adapters.exposure_reader import KafkaExposures
from core.adapters.kafka_reader import TopicReader
from core.domain.images.buyers.exposures import DaySums
from tests.support import streams
from tests.support.buyers_world import BOUNDS, ENGAGEMENT, START, World
from tests.support.waiting import until_true
from tests.unit.cli.conftest import Command, command

__all__ = ["command"]

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

ROOT = Path(__file__).parents[2]
DAYS = [START, START + timedelta(days=1)]
WORLD = World(7, 0.5, len(DAYS), 80)
CELLS = """
SELECT day, application, market, listing_id, position, impressions, clicks, carts, purchases
FROM assay_data.buyer_exposures
"""
Cells = set[tuple[object, ...]]


@pytest.fixture(scope="module")
def folded() -> dict[date, DaySums]:
    return WORLD.folded()


@pytest.fixture
def prefix(kafka_bootstrap: str, topic_prefix: str) -> Iterator[str]:
    """A search log of two days in three partitions, with a record that nobody can use."""
    topic = f"{topic_prefix}search-log"
    kept = {"retention.ms": "-1"}  # the records are of long ago
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(topic, 3, 1, config=kept)]).values():
        made.result(streams.WAIT_S)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "log_level": 0, "partitioner": "murmur2_random"})
    for day in range(len(DAYS)):
        for record in WORLD.records(day):
            producer.produce(topic, record.value, record.key, timestamp=record.timestamp_ms)
        producer.produce(topic, b"{", b"nobody", timestamp=record.timestamp_ms)
    assert producer.flush(streams.WAIT_S) == 0
    yield topic_prefix
    streams.drop_topic(kafka_bootstrap, topic)


def cells(sums: dict[date, DaySums]) -> Cells:
    return {
        (day, *market, *place, cell.impressions, cell.clicks, cell.carts, cell.purchases)
        for day, of_day in sums.items()
        for market, of_market in of_day.markets.items()
        for place, cell in of_market.places.items()
    }


async def kept(pool: asyncpg.Pool) -> Cells:
    return {tuple(row) for row in await pool.fetch(CELLS)}


class Buyers:
    """`assay image-score …`: in a process of its own where it is to be killed, else in this one."""

    def __init__(self, here: Command, variables: dict[str, str], directory: Path) -> None:
        self._here = here
        self._variables = variables
        self._directory = directory

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        program = "import sys; from cli.main import main; main()"
        arguments = (sys.executable, "-c", program, "image-score", *words)
        return await asyncio.create_subprocess_exec(
            *arguments,
            cwd=self._directory,
            env={**os.environ, **self._variables, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str) -> str:
        done = await asyncio.to_thread(lambda: self._here("image-score", *words, **self._variables))
        assert done.code == 0, done.err
        return done.out


@pytest.fixture
def buyers(command: Command, kafka_bootstrap: str, prefix: str, postgres_dsn: str, tmp_path: Path) -> Buyers:
    variables = {
        "ASSAY_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "ASSAY_TOPIC_PREFIX": prefix,
        "ASSAY_POSTGRES_DSN": postgres_dsn,
        "ASSAY_BUYERS_BOOTSTRAP": "50",  # what is looked at here are the sums
    }
    return Buyers(command, variables, tmp_path)


SPAN = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]))


async def test_the_topic_gives_the_sums_that_the_records_give(
    kafka_bootstrap: str, prefix: str, folded: dict[date, DaySums]
) -> None:
    exposures = KafkaExposures(TopicReader(kafka_bootstrap, {}), f"{prefix}search-log", ENGAGEMENT, SystemClock())
    found = await exposures.read(DAYS, BOUNDS)
    assert found.note == ""
    assert cells(dict(found.sums)) == cells(folded)
    assert [found.sums[day].searches for day in DAYS] == [folded[day].searches for day in DAYS]


async def test_a_day_read_by_itself_has_the_same_sums(
    kafka_bootstrap: str, prefix: str, folded: dict[date, DaySums]
) -> None:
    exposures = KafkaExposures(TopicReader(kafka_bootstrap, {}), f"{prefix}search-log", ENGAGEMENT, SystemClock())
    found = await exposures.read(DAYS[1:], BOUNDS)
    assert cells(dict(found.sums)) == cells({DAYS[1]: folded[DAYS[1]]})


async def test_a_topic_that_is_not_there_is_said(kafka_bootstrap: str, topic_prefix: str) -> None:
    exposures = KafkaExposures(TopicReader(kafka_bootstrap, {}), f"{topic_prefix}nowhere", ENGAGEMENT, SystemClock())
    assert "there is no topic" in (await exposures.read(DAYS, BOUNDS)).note


async def test_killed_in_the_middle_and_run_again_the_sums_are_the_same(
    buyers: Buyers, pool: asyncpg.Pool, folded: dict[date, DaySums]
) -> None:
    """The kill comes when the first day is half written: another holds the table that it writes next."""

    async def is_half_written() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'assay_data.buyer_pairs'::regclass"
        return bool(await pool.fetchval(waiting))

    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE assay_data.buyer_pairs IN SHARE MODE")
        process = await buyers.start("buyers", *SPAN)
        await until_true(is_half_written, 60.0)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await kept(pool) == set()
    said = json.loads(await buyers.run("buyers", *SPAN, "--json"))
    assert await kept(pool) == cells(folded)
    assert [day["day"] for day in said["days"]] == list(map(str, DAYS))
    assert {row["market"] for row in said["propensities"]} == {"us"}


async def test_days_that_are_there_are_read_again_only_when_asked(buyers: Buyers, pool: asyncpg.Pool) -> None:
    read = "SELECT min(read_at) FROM assay.buyer_days"
    out = await buyers.run("buyers", *SPAN)
    assert "Places in marketplace/us" in out
    assert "Days read from the search log" in out
    first = await pool.fetchval(read)
    await buyers.run("buyers", *SPAN)
    assert await pool.fetchval(read) == first
    await buyers.run("buyers", *SPAN, "--again")
    assert await pool.fetchval(read) > first


async def test_the_looks_of_the_night_are_taken_by_hand(buyers: Buyers, pool: asyncpg.Pool) -> None:
    assert json.loads(await buyers.run("watch", "--json")) == []
    watched = await pool.fetch("SELECT watch FROM assay_data.image_watch_days ORDER BY watch")
    assert [row["watch"] for row in watched] == ["buyers", "flags", "student"]
