"""The replay topics: each record names its run, run-ends close it, and nothing of a run touches live panes."""

from __future__ import annotations

import json

import pytest

from consumers import listings, search_log
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.oracle.generate import NOW_MS, make_log
from tests.support import streams

PARTITIONS = 2
NEW = {"group.protocol": "consumer"}
RUN = ("assay-run", b"r1")
END = ("assay-run-end", b"")


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}search-log-replay"
    streams.make_topic(kafka_bootstrap, name, PARTITIONS)
    return name


def process(bootstrap: str, topic: str, pool: Pool, group: str = "group") -> StreamProcess:
    settings = Settings(_env_file=None, stream_batch_records=300, stream_batch_seconds=0.05)
    source, store = streams.source(bootstrap, topic, NEW, group), streams.store(pool)
    if topic.endswith("listings-replay"):
        return listings.build(
            settings, source, store, SystemClock(), Metrics(), "me", streams.dead_letter, lambda: "judge", replay=True
        )
    return search_log.build(settings, source, store, SystemClock(), Metrics(), "me", streams.dead_letter, replay=True)


async def test_runs_side_by_side_give_the_oracles_panes_by_run(kafka_bootstrap: str, topic: str, pool: Pool) -> None:
    log = make_log(21, 3_000, partitions=PARTITIONS, runs=("r1", "r.2-_"))
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    expected = oracle.panes(log, replay=True)
    assert {key[0] for key in expected.panes} == {"r1", "r.2-_"}
    assert "no_run" in {why.reason for _, why in expected.dead.values()}
    await streams.assert_exact(pool, topic, expected)


async def test_a_run_end_to_each_partition_closes_every_session_of_its_run_only(
    kafka_bootstrap: str, topic: str, pool: Pool
) -> None:
    def search(run: bytes, client: str) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
        record = {"client_id": client, "query_id": "q", "user_query": "lamp", "timestamp": NOW_MS}
        return json.dumps(record).encode(), (("assay-run", run),)

    sent = [search(b"r1", "a"), search(b"r2", "a"), search(b"r1", "b"), (b"", (RUN, END))]
    log = [LogRecord(p, i, value, NOW_MS, headers) for p in range(2) for i, (value, headers) in enumerate(sent)]
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    rows = await pool.fetch("SELECT run, sum(searches) AS searches FROM assay.query_panes GROUP BY run")
    assert [(row["run"], row["searches"]) for row in rows] == [("r1", 4)]
    await streams.assert_exact(pool, topic, oracle.panes(log, replay=True))


async def test_a_run_end_survives_a_restart(kafka_bootstrap: str, topic: str, pool: Pool) -> None:
    log = make_log(22, 1_000, partitions=PARTITIONS, runs=("r1",))
    ends = [
        LogRecord(p, 1 + max(r.offset for r in log if r.partition == p), None, NOW_MS, (RUN, END)) for p in range(2)
    ]
    sender = streams.Sender(kafka_bootstrap, topic)
    sender.send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    sender.send(ends)
    # Another group: the broker takes seconds to give partitions anew to a member of the one that was just left.
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, "another"))
    expected = oracle.panes([*log, *ends], replay=True)
    assert expected.left_open == 0
    await streams.assert_exact(pool, topic, expected)


async def test_replayed_listings_without_a_run_are_dead_letters_and_run_ends_are_no_listing(
    kafka_bootstrap: str, topic_prefix: str, pool: Pool
) -> None:
    topic = f"{topic_prefix}listings-replay"
    streams.make_topic(kafka_bootstrap, topic, 1)
    listing = json.dumps({"listing_id": "l1", "title": "A lamp", "timestamp": NOW_MS}).encode()
    log = [
        LogRecord(0, 0, listing, NOW_MS, (RUN,)),
        LogRecord(0, 1, listing, NOW_MS),
        LogRecord(0, 2, listing, NOW_MS, (("assay-run", b"live"),)),
        LogRecord(0, 3, b"not read", NOW_MS, (RUN, END)),
        LogRecord(0, 4, b"not json", NOW_MS, (RUN,)),
    ]
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    assert await streams.dead(pool, topic) == {
        (0, 1): ("", "no_run"),
        (0, 2): ("", "no_run"),
        (0, 4): ("r1", "not_json"),
    }
    assert await pool.fetchval("SELECT run FROM assay_data.listings WHERE listing_id = 'l1'") == "r1"
