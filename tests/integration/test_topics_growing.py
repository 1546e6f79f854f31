"""Topics that gain partitions, that are not there yet, and that go away, under a running process."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from core.adapters import kafka_member
from core.adapters.postgres import Pool
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.topics import CLASSIC, NEW, QUICK, Place, panes_of
from tests.support.waiting import until

BOTH = pytest.mark.parametrize("options", [{**NEW, **QUICK}, {**CLASSIC, **QUICK}], ids=["consumer", "classic"])
LOG = make_log(73, 1_200, partitions=4)


@pytest.fixture
def place(kafka_bootstrap: str, topic_prefix: str, pool: Pool, options: streams.Options) -> Place:
    return Place(kafka_bootstrap, f"{topic_prefix}search-log", pool, options)


@BOTH
async def test_a_partition_that_is_added_is_read_from_its_beginning(place: Place) -> None:
    first = [record for record in LOG if record.partition < 2]
    place.make(2)
    place.send(first)
    reader = place.process()
    async with streams.running(reader.process):
        await place.until_applied(len(first))
        await asyncio.to_thread(place.grow, 4)
        await asyncio.to_thread(place.send, [record for record in LOG if record.partition >= 2])
        await place.until_applied(len(LOG))
        await streams.until_idle(reader.process)
    assert await place.panes() == panes_of(LOG)


@BOTH
async def test_a_topic_that_is_not_there_yet_is_waited_for_and_read_from_its_beginning(place: Place) -> None:
    reader = place.process()
    with capture_logs() as logs:
        async with streams.running(reader.process):
            await until(lambda: "stream.waiting_for_topic" in {line["event"] for line in logs}, streams.WAIT_S)
            health = reader.process.health()
            assert (health.beating, health.ready) == (True, False)
            await asyncio.to_thread(place.make, 4)
            await asyncio.to_thread(place.send, LOG)
            await place.until_applied(len(LOG))
    assert await place.panes() == panes_of(LOG)


@BOTH
async def test_a_topic_that_goes_away_is_waited_for_and_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_member, "TOPICS_S", 1.0)
    place.make(4)
    place.send(LOG)
    reader = place.process()
    with capture_logs() as logs:
        async with streams.running(reader.process) as [task]:
            await place.until_applied(len(LOG))
            await asyncio.to_thread(place.delete)
            await until(lambda: "stream.waiting_for_topic" in {line["event"] for line in logs}, streams.WAIT_S)
            assert reader.process.health().beating
            assert not task.done()
    assert await place.panes() == panes_of(LOG)
