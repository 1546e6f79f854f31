"""A topic that was deleted and made again: its partitions stop and say so, nothing is counted twice or skipped."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from core.adapters.postgres import Pool
from core.runtime import stream
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.topics import CLASSIC, NEW, Place, panes_of, sums
from tests.support.waiting import until

BOTH = pytest.mark.parametrize("options", [NEW, CLASSIC], ids=["consumer", "classic"])
OLD = 300
OLD_LOG = make_log(61, OLD, partitions=1)
LONGER = make_log(62, 3 * OLD, partitions=1)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STOPPED_LOOK_S", 1.0)


@pytest.fixture
def place(kafka_bootstrap: str, topic_prefix: str, pool: Pool) -> Place:
    made = Place(kafka_bootstrap, f"{topic_prefix}search-log", pool, NEW)
    made.make()
    return made


def speaking(place: Place, options: streams.Options) -> Place:
    return Place(place.bootstrap, place.topic, place.pool, options)


@pytest.mark.parametrize("size", [OLD // 2, OLD, 2 * OLD], ids=["shorter", "equal", "longer"])
async def test_a_topic_made_again_while_nobody_reads_stops_and_is_read_anew_when_released(
    place: Place, size: int
) -> None:
    place.send(OLD_LOG)
    await place.process().read_until_idle()
    place.delete()
    place.make()
    new = LONGER[:size]
    place.send(new)
    reader = place.process()
    async with streams.running(reader.process):
        await place.until_stopped()
        assert await place.panes() == panes_of(OLD_LOG)
        await place.begin_anew()
        await place.until_applied(size)
    assert await place.panes() == sums(panes_of(OLD_LOG), panes_of(new))


@BOTH
@pytest.mark.parametrize("size", [OLD // 2, 3 * OLD], ids=["shorter", "longer"])
async def test_a_topic_made_again_while_it_is_read_stops_and_goes_on_by_itself_when_released(
    place: Place, options: streams.Options, size: int
) -> None:
    place = speaking(place, options)
    place.send(OLD_LOG)
    reader = place.process()
    new = LONGER[:size]
    async with streams.running(reader.process):
        await streams.until_idle(reader.process)
        await asyncio.to_thread(place.delete)
        await asyncio.to_thread(place.make)
        await asyncio.to_thread(place.send, new)
        await place.until_stopped()
        row = await place.row()
        assert (row["applied"], await place.panes()) == (OLD - 1, panes_of(OLD_LOG))
        assert str(row["stopped_detail"])
        await until(lambda: reader.gauge("assay_stream_stopped") == 1)
        assert "1 stopped" in reader.process.health().detail
        await place.begin_anew()
        await place.until_applied(size)
        await streams.until_idle(reader.process)
        assert reader.gauge("assay_stream_stopped") == 0
    assert await place.panes() == sums(panes_of(OLD_LOG), panes_of(new))


@BOTH
async def test_a_longer_topic_in_its_place_while_the_process_sleeps_is_not_taken_for_the_old_one(
    place: Place, options: streams.Options, postgres_dsn: str, topic_prefix: str
) -> None:
    """It wakes to a log that goes on where the old one ended, so offsets tell nothing."""
    place.send(OLD_LOG)
    child = streams.spawn(["search-log"], place.bootstrap, postgres_dsn, topic_prefix, json.dumps(options))
    try:
        await place.until_applied(OLD)
        child.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(place.delete)
        await asyncio.to_thread(place.make)
        await asyncio.to_thread(place.send, LONGER)
        child.send_signal(signal.SIGCONT)
        await place.until_stopped()
        assert ((await place.row())["applied"], await place.panes()) == (OLD - 1, panes_of(OLD_LOG))
    finally:
        child.send_signal(signal.SIGCONT)
        child.terminate()
        output, _ = await asyncio.to_thread(child.communicate, timeout=streams.WAIT_S)
    assert child.returncode == 0, output


async def test_another_topic_of_the_process_goes_on(place: Place) -> None:
    other = Place(place.bootstrap, f"{place.topic}-2", place.pool, NEW)
    other.make()
    place.send(OLD_LOG)
    reader = place.process(more=[other.topic])
    async with streams.running(reader.process):
        await place.until_applied(OLD)
        await asyncio.to_thread(place.delete)
        await asyncio.to_thread(place.make)
        await place.until_stopped()
        await asyncio.to_thread(other.send, OLD_LOG)
        await other.until_applied(OLD)
    assert await place.panes() == sums(panes_of(OLD_LOG), panes_of(OLD_LOG))
