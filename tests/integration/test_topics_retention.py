"""Retention that ran past us: an alert with the count of what is missing, and on from what is there."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from core.adapters.postgres import Pool
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.topics import CLASSIC, NEW, Place, panes_of, quiet
from tests.support.waiting import until_true

READ, CUT, ALL = 200, 500, 800
LOG = make_log(72, ALL, partitions=1)


@pytest.fixture
def place(kafka_bootstrap: str, topic_prefix: str, pool: Pool) -> Place:
    made = Place(kafka_bootstrap, f"{topic_prefix}search-log", pool, NEW)
    made.make()
    return made


async def test_what_retention_took_while_nobody_read_is_counted_and_said(place: Place) -> None:
    place.send(LOG[:READ])
    await place.process().read_until_idle()
    place.send(LOG[READ:])
    place.cut(0, CUT)
    reader = place.process()
    with capture_logs() as logs:
        await reader.read_until_idle()
    said = [(line["log_level"], line["missing"]) for line in logs if line["event"] == "stream.records_missing"]
    assert said == [("error", CUT - READ)]
    assert reader.count("assay_stream_missing_total") == CUT - READ
    assert (await place.row())["missing"] == CUT - READ
    assert await place.panes() == panes_of(LOG[:READ] + LOG[CUT:])


@pytest.mark.parametrize("options", [NEW, CLASSIC], ids=["consumer", "classic"])
async def test_what_retention_took_before_a_held_back_reader_is_counted_and_said(
    place: Place, options: streams.Options
) -> None:
    """The row is locked, so nothing is written; a little is read ahead and the partition stands still."""
    place = Place(place.bootstrap, place.topic, place.pool, options)
    reader = place.process(batch=20, queued_bytes=10_000)
    place.send(LOG[:READ])
    async with streams.running(reader.process):
        await place.until_applied(READ)
        async with place.locked():
            for start in range(READ, CUT, 50):
                await asyncio.to_thread(place.send, LOG[start : start + 50])
                await quiet(0.15)  # a poll each: the first is being written, two are folded, the others wait
            await asyncio.to_thread(place.send, LOG[CUT:])
            await asyncio.to_thread(place.cut, 0, ALL - 10)
        await place.until_applied(ALL)
        await streams.until_idle(reader.process)
        missing = int(str((await place.row())["missing"]))
        assert reader.count("assay_stream_missing_total") == missing
    assert ALL - 10 - CUT <= missing < ALL - READ
    kept = ALL - 10 - missing
    assert await place.panes() == panes_of(LOG[:kept] + LOG[ALL - 10 :])


async def test_a_log_cut_to_its_end_is_read_on_from_there(place: Place) -> None:
    place.send(LOG[:READ])
    await place.process().read_until_idle()
    place.send(LOG[READ:CUT])
    place.cut(0, CUT)
    reader = place.process()
    async with streams.running(reader.process):
        await until_true(lambda: place.has_missed(CUT - READ), streams.WAIT_S)
        place.send(LOG[CUT:])
        await place.until_applied(ALL)
    assert await place.panes() == panes_of(LOG[:READ] + LOG[CUT:])
