"""`search-log` on a real broker and PostgreSQL: the oracle's panes, whatever happens on the way."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from random import Random

import pytest

from consumers import search_log
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.telemetry import Metrics
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.oracle.generate import NOW_MS, WRONG, make_log
from tests.support import streams
from tests.support.waiting import until, until_true

PARTITIONS = 3
RECORDS = 6_000
CLASSIC = {"group.protocol": "classic"}
NEW = {"group.protocol": "consumer"}
BOTH = pytest.mark.parametrize("options", [NEW, CLASSIC], ids=["consumer", "classic"])


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}search-log"
    streams.make_topic(kafka_bootstrap, name, PARTITIONS)
    return name


def process(
    bootstrap: str, topic: str, pool: Pool, options: streams.Options, batch: int = 500, group: str = "group"
) -> StreamProcess:
    settings = Settings(_env_file=None, stream_batch_records=batch, stream_batch_seconds=0.05)
    source = streams.source(bootstrap, topic, options, group)
    return search_log.build(settings, source, streams.store(pool), SystemClock(), Metrics(), "me", streams.dead_letter)


@BOTH
async def test_a_log_read_by_one_consumer_gives_the_oracles_panes_and_dead_letters(
    kafka_bootstrap: str, topic: str, pool: Pool, options: streams.Options
) -> None:
    log = make_log(1, RECORDS, partitions=PARTITIONS)
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, options))
    await streams.assert_exact(pool, topic, oracle.panes(log))


async def test_every_dead_letter_reason_of_a_live_topic_arrives_with_its_record(
    kafka_bootstrap: str, topic: str, pool: Pool
) -> None:
    late = json.dumps({"client_id": "a", "timestamp": NOW_MS + 300_001, "action_name": "click"}).encode()
    log = [LogRecord(0, offset, value, NOW_MS) for offset, value in enumerate([*WRONG, late])]
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, NEW))
    await streams.assert_exact(pool, topic, oracle.panes(log))
    reasons = {reason for _, reason in (await streams.dead(pool, topic)).values()}
    assert reasons == {
        "too_large", "not_json", "not_an_object", "bad_field", "no_timestamp", "bad_timestamp", "no_identity",
        "unknown_kind", "no_query_id"
    }  # fmt: skip


async def test_kept_payloads_are_the_first_64_kib_and_details_hold_no_nul(
    kafka_bootstrap: str, topic: str, pool: Pool
) -> None:
    values = [b'{"a":"' + b"x" * 1_048_576 + b'"}', b'{"client_id":"a\\u0000b"}', b"\0\xff"]
    streams.Sender(kafka_bootstrap, topic).send([LogRecord(0, o, value, NOW_MS) for o, value in enumerate(values)])
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, NEW))
    rows = await pool.fetch('SELECT payload, detail FROM assay.dead_letters ORDER BY "offset"')
    assert [row["payload"] for row in rows] == [value[:65_536] for value in values]
    assert all("client_id" in row["detail"] for row in rows[1:2])


@BOTH
async def test_partitions_that_move_between_consumers_are_counted_once(
    kafka_bootstrap: str, topic: str, pool: Pool, options: streams.Options
) -> None:
    """A second consumer comes while records do, then the first goes."""
    log = make_log(2, RECORDS, partitions=PARTITIONS)
    rest = iter(log)
    sender = streams.Sender(kafka_bootstrap, topic)
    faster = {**options, "heartbeat.interval.ms": 300} if options is CLASSIC else options
    first, second = (process(kafka_bootstrap, topic, pool, faster, batch=100) for _ in range(2))

    async def send_until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(streams.WAIT_S):
            while not condition():
                sender.send(itertools.islice(rest, 20))
                await asyncio.sleep(0.05)

    async with streams.running(first):
        await send_until(lambda: first.progress > 0)
        async with streams.running(second):
            await send_until(lambda: second.progress > 0)
            first.stop()
            await send_until(lambda: second.health().detail == f"{PARTITIONS} partitions")
            sender.send(rest)
            await streams.until_idle(second)
    await streams.assert_exact(pool, topic, oracle.panes(log))


async def test_consumers_that_both_think_they_own_the_partitions_count_once(
    kafka_bootstrap: str, topic: str, pool: Pool
) -> None:
    """As after a long pause of the first: two groups, so Kafka tells neither to stop."""
    log = make_log(3, RECORDS, partitions=PARTITIONS)
    sender = streams.Sender(kafka_bootstrap, topic)
    zombie = process(kafka_bootstrap, topic, pool, NEW, batch=100)
    owner = process(kafka_bootstrap, topic, pool, NEW, batch=100, group="other")
    sender.send(log[:2_000])
    async with streams.running(zombie):
        await until(lambda: zombie.progress > 0, streams.WAIT_S)
        sender.send(log[2_000:4_000])
        async with streams.running(owner):
            sender.send(log[4_000:])
            await streams.until_idle(owner)
    await streams.assert_exact(pool, topic, oracle.panes(log))


async def test_aborted_transactions_are_not_read(kafka_bootstrap: str, topic: str, pool: Pool) -> None:
    """Offsets jump over aborted records and over the markers that end transactions."""
    sender = streams.Sender(kafka_bootstrap, topic, {"transactional.id": topic})
    await asyncio.to_thread(sender.producer.init_transactions, 30)
    log = make_log(4, 1_200, partitions=1)
    read: list[LogRecord] = []
    at = 0
    for start in range(0, len(log), 100):
        aborted = start // 100 % 3 == 1
        sender.producer.begin_transaction()
        sender.put(log[start : start + 100])
        sender.producer.flush(streams.WAIT_S)  # an abort drops what has not been sent yet
        await asyncio.to_thread(
            sender.producer.abort_transaction if aborted else sender.producer.commit_transaction, 30
        )
        if not aborted:
            read += [
                LogRecord(0, at + i, r.value, r.kafka_ts, r.headers) for i, r in enumerate(log[start : start + 100])
            ]
        at += 101
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, NEW, batch=150))
    await streams.assert_exact(pool, topic, oracle.panes(read))


async def test_kill_9_again_and_again_leaves_the_panes_of_an_uninterrupted_run(
    kafka_bootstrap: str, postgres_dsn: str, topic: str, topic_prefix: str, pool: Pool
) -> None:
    """Each life is killed a moment after its first transaction, while records come in."""
    random = Random(5)
    log = make_log(5, RECORDS, partitions=PARTITIONS)
    rest = iter(log)
    sender = streams.Sender(kafka_bootstrap, topic)
    # A named member takes its place again at once; without the name the broker waits for the dead one's time-out.
    options = json.dumps({"group.protocol": "classic", "group.instance.id": "killed"})

    async def live() -> None:
        before = await applied(pool)
        child = streams.spawn(["search-log"], kafka_bootstrap, postgres_dsn, topic_prefix, options)

        async def has_written() -> bool:
            sender.send(itertools.islice(rest, 1))
            return await applied(pool) != before or child.poll() is not None

        await until_true(has_written, streams.WAIT_S)
        ends = time.monotonic() + random.random() * 0.4
        while time.monotonic() < ends:
            await asyncio.to_thread(sender.send, itertools.islice(rest, 5))
        child.kill()
        output = await asyncio.to_thread(child.communicate)
        assert child.returncode == -9, output

    for _ in range(3):
        await live()
    sender.send(rest)
    last = streams.spawn(["search-log"], kafka_bootstrap, postgres_dsn, topic_prefix, options, "--until-idle")
    output = await asyncio.to_thread(last.communicate)
    assert last.returncode == 0, output
    await streams.assert_exact(pool, topic, oracle.panes(log))


async def applied(pool: Pool) -> int:
    """The sum over partitions of the last offset that is in the panes."""
    return int(await pool.fetchval("SELECT coalesce(sum(applied), 0) FROM assay_data.stream_partitions"))
