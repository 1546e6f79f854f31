"""Releasing a stopped partition touches nothing else; a topic that is begun anew is only its next owner's."""

from __future__ import annotations

import pytest

from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool, connection
from core.adapters.stream_stops import Answer, StreamStops
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.errors import LostOwnership
from core.stream_ports import Partition, Progress, StreamCommit
from tests.support.fake_letters import letter
from tests.support.fakes import NOON
from tests.support.sample_rows import insert

TOPIC = "search-log"


def row(partition: int, stopped: str | None, topic: str = TOPIC) -> dict[str, object]:
    return {
        "topic": topic, "partition": partition, "epoch": 3, "owner": "a:1", "applied": 99, "end_offset": 150, "turn": 5,
        "open_sessions": 4, "watermark": NOON, "updated_at": NOON, "topic_id": "old", "missing": 2,
        "stopped": stopped, "stopped_detail": "why" if stopped else "", "stopped_at": NOON if stopped else None,
    }  # fmt: skip


@pytest.fixture
async def stops(pool: Pool) -> StreamStops:
    rows = [row(0, "flood"), row(1, "topic_made_again"), row(2, None), row(0, "flood", "listings")]
    async with connection(pool) as held:
        await insert(held, "stream_partitions", rows)
        kept = {"topic": TOPIC, "at_offset": 99, "state": b"x", "taken_at": NOON}
        await insert(held, "session_snapshots", [{**kept, "partition": partition} for partition in (0, 1, 2)])
        names = ("run", "topic", "partition", "offset", "reason", "detail", "payload", "received_at")
        letters = [letter(5, partition=0), letter(5, partition=1), letter(6, partition=1)]
        await insert(held, "dead_letters", [{name: getattr(each, name) for name in names} for each in letters])
    return StreamStops(pool)


async def stands(pool: Pool, partition: int, *columns: str, topic: str = TOPIC) -> tuple[object, ...]:
    async with connection(pool) as held:
        found = await held.fetchrow(
            "SELECT * FROM assay_data.stream_partitions WHERE topic = $1 AND partition = $2", topic, partition
        )
    assert found is not None
    return tuple(found[column] for column in columns)


async def test_a_flood_passes_as_far_as_the_log_was_known_to_go(stops: StreamStops, pool: Pool) -> None:
    assert await stops.resume(TOPIC, [0], None, same_topic=False) == [Answer(0, done=True, was="flood", passes=50)]
    assert await stands(pool, 0, "stopped", "stopped_detail", "stopped_at", "pass_until") == (None, "", None, 149)
    assert await stands(pool, 0, "applied", "turn", "owner") == (99, 5, "a:1")


async def test_a_flood_passes_for_as_many_records_as_were_said(stops: StreamStops, pool: Pool) -> None:
    assert await stops.resume(TOPIC, [0], 12, same_topic=False) == [Answer(0, done=True, was="flood", passes=12)]
    assert await stands(pool, 0, "pass_until") == (111,)


async def test_only_what_a_flood_stopped_is_released(stops: StreamStops, pool: Pool) -> None:
    answers = await stops.resume(TOPIC, None, None, same_topic=False)
    assert [(a.partition, a.done, a.was) for a in answers] == [
        (0, True, "flood"), (1, False, "topic_made_again"), (2, False, None),
    ]  # fmt: skip
    assert await stands(pool, 1, "stopped", "pass_until") == ("topic_made_again", -1)
    assert await stands(pool, 2, "pass_until") == (-1,)
    assert await stands(pool, 0, "stopped", topic="listings") == ("flood",)


async def test_a_topic_that_is_the_old_one_after_all_goes_on_where_it_stood(stops: StreamStops, pool: Pool) -> None:
    answers = await stops.resume(TOPIC, [1, 2], None, same_topic=True)
    assert [(a.partition, a.done) for a in answers] == [(1, True), (2, False)]
    names = ("stopped", "applied", "topic_id", "pass_until", "missing")
    assert await stands(pool, 1, *names) == (None, 99, "old", -1, 2)


async def test_a_topic_is_begun_anew_where_it_was_made_again(stops: StreamStops, pool: Pool) -> None:
    answers = await stops.begin_anew(TOPIC, None, force=False)
    assert [(a.partition, a.done, a.letters) for a in answers] == [(0, False, 0), (1, True, 2), (2, False, 0)]
    names = ("epoch", "applied", "end_offset", "open_sessions", "watermark", "topic_id", "stopped", "missing")
    assert await stands(pool, 1, *names) == (4, -1, 0, 0, None, None, None, 0)
    assert await stands(pool, 0, "epoch", "applied", "stopped") == (3, 99, "flood")
    async with connection(pool) as held:
        snapshots = await held.fetch("SELECT partition FROM assay_data.session_snapshots ORDER BY 1")
        letters = await held.fetch('SELECT partition, "offset" FROM assay_data.dead_letters ORDER BY 1, 2')
    assert [each[0] for each in snapshots] == [0, 2]
    assert [tuple(each) for each in letters] == [(0, 5)]


async def test_by_force_a_partition_that_is_read_is_begun_anew_too(stops: StreamStops, pool: Pool) -> None:
    [answer] = await stops.begin_anew(TOPIC, [2], force=True)
    assert (answer.done, answer.was) == (True, None)
    assert await stands(pool, 2, "epoch", "applied") == (4, -1)


async def test_an_owner_that_ends_before_it_has_seen_the_release_does_not_stop_it_again(
    stops: StreamStops, pool: Pool
) -> None:
    store, partition = PostgresStreamStore(pool, SystemClock()), Partition(TOPIC, 0)
    held = await store.take(partition, "a:1")
    await stops.resume(TOPIC, [0], None, same_topic=False)
    last = Progress(partition, held.epoch, held.turn + 1, 99, 150, 4, None, stop=held.stop)
    assert held.stop is not None
    with pytest.raises(LostOwnership):
        await store.commit(StreamCommit([last], Effects()))
    assert await stands(pool, 0, "stopped", "pass_until") == (None, 149)


async def test_whoever_still_holds_the_old_topic_can_not_write(stops: StreamStops, pool: Pool) -> None:
    store, partition = PostgresStreamStore(pool, SystemClock()), Partition(TOPIC, 1)
    held = await store.take(partition, "a:1")
    await stops.begin_anew(TOPIC, [1], force=True)
    with pytest.raises(LostOwnership):
        await store.commit(StreamCommit([Progress(partition, held.epoch, held.turn + 1, 120, 150, 0, None)], Effects()))
    assert (await store.take(partition, "b:1")).applied == -1


async def test_of_a_partition_nobody_read_there_is_no_answer(stops: StreamStops) -> None:
    assert await stops.resume(TOPIC, [9], None, same_topic=False) == []
    assert await stops.begin_anew("no-such", None, force=True) == []
