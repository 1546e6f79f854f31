"""`assay streams` and `assay status` beside running processes: stopped partitions are released, replicas are seen."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.e2e import topics
from tests.e2e.command import Assay
from tests.e2e.conftest import Place
from tests.support import streams
from tests.support.waiting import until_true

GOOD = b'{"listing_id": "L%d", "timestamp": "2026-03-02T08:00:00Z", "title": "Lamp"}'
SMALL = {"stream_dead_letter_window": "100", "stream_batch_records": "50"}
SECONDS = 40.0


def good(first: int, count: int) -> list[tuple[str, bytes]]:
    return [("k", GOOD % number) for number in range(first, first + count)]


@pytest.fixture
def topic(place: Place) -> str:
    name = f"{place.prefix}listings"
    topics.make(place.bootstrap, name, 1)
    return name


async def listed(assay: Assay) -> list[dict[str, object]]:
    return json.loads((await assay("streams", "list", "--json")).out)


async def test_a_flood_stops_a_partition_until_a_person_lets_it_pass(place: Place, topic: str) -> None:
    assay = place.assay.having(**SMALL)
    topics.send(place.bootstrap, topic, [*good(0, 100), *[("k", b"poison")] * 60, *good(100, 50)])
    stopped = await assay("run", "listings", "--until-idle")
    [row] = await listed(assay)
    text = (await assay("streams", "list")).out
    refused = await assay("streams", "restart", "listings", "--partition", "0")
    unknown = await assay("streams", "resume", "listings", "0", "7")
    resumed = await assay("streams", "resume", "listings", "0", "--pass", "120")
    ran = await assay("run", "listings", "--until-idle")
    [after] = await listed(assay)

    assert (stopped.code, row["stopped"], refused.code, unknown.code) == (1, "flood", 1, 2)
    assert "assay streams resume" in text
    assert (resumed.code, ran.code) == (0, 0), ran.err
    assert (after["stopped"], after["applied"], after["lag"]) == (None, 209, 0)
    assert await place.value("SELECT count(*) FROM assay_data.listings") == 150


async def test_a_topic_made_again_is_read_from_its_beginning_when_a_person_says_so(place: Place, topic: str) -> None:
    topics.send(place.bootstrap, topic, [*good(0, 20), ("k", b"poison")])
    assert (await place.assay("run", "listings", "--until-idle")).code == 0
    streams.drop_topic(place.bootstrap, topic)
    await asyncio.sleep(1)  # the broker takes a moment to forget a topic
    topics.make(place.bootstrap, topic, 1)
    topics.send(place.bootstrap, topic, [("k", b"poison of the new one"), *good(20, 30)])
    stopped = await place.assay("run", "listings", "--until-idle")
    [row] = await listed(place.assay)
    restarted = await place.assay("streams", "restart", "listings")
    ran = await place.assay("run", "listings", "--until-idle")

    assert (stopped.code, row["stopped"]) == (1, "topic_made_again"), stopped.err
    assert restarted.code == 0
    assert "1 dead letters of the old one removed" in restarted.out
    assert ran.code == 0, ran.err
    assert await place.value("SELECT count(*) FROM assay_data.listings") == 50
    assert await place.value("SELECT convert_from(payload, 'UTF8') FROM assay.dead_letters") == "poison of the new one"


async def test_a_running_owner_goes_on_by_itself(place: Place, topic: str) -> None:
    assay = place.assay.having(**SMALL)
    topics.send(place.bootstrap, topic, [*good(0, 100), *[("k", b"poison")] * 60, *good(100, 50)])

    async def stands(expected: str | None, applied: int) -> None:
        async def is_so() -> bool:
            rows = await place.rows("SELECT stopped, applied FROM assay_data.stream_partitions WHERE topic = $1", topic)
            return any(row[0] == expected and int(str(row[1])) >= applied for row in rows)

        await until_true(is_so, SECONDS)

    async with assay.started("run", "listings") as running:
        await stands("flood", 100)
        status = json.loads((await assay("status", "--json")).out)
        assert (await assay("streams", "resume", "listings", "--all", "--pass", "200")).code == 0
        await stands(None, 209)
        done = await running.terminated()
    after = json.loads((await assay("status", "--json")).out)
    assert done.code == 0
    assert [(each["processes"], each["partitions"], each["gone"]) for each in status["replicas"]] == [
        (["listings"], {topic: [0]}, False)
    ]
    assert after["replicas"] == []
