"""`assay replay` cut off by kill -9 and started again; two of one run at once; files; what was taken by retention."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections import Counter
from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from core.domain.replays import source_of
from tests.e2e import shoppers, topics
from tests.e2e.command import Done
from tests.e2e.conftest import Place, opened
from tests.e2e.panes import live_panes, oracle_panes
from tests.support.kafka import KafkaBroker

RECORDS = 12_000
RUN = ("replay", "--run", "long", "--from", "2026-03-02T08:00Z", "--to", "2026-03-03T08:00Z")
KILLS = 4
REFUSED = "is being copied by another command"


def fill(place: Place, count: int) -> None:
    """So many searches of so many shoppers, a second each."""
    shoppers.make_topics(place.bootstrap, place.prefix)
    start = int(shoppers.START.timestamp() * 1_000)
    rows = [
        {"client_id": f"c{n % 997}", "query_id": f"q{n}", "user_query": f"mug {n % 7}", "timestamp": start + n * 1_000}
        for n in range(count)
    ]
    sent = [(str(row["client_id"]), json.dumps(row).encode()) for row in rows]
    topics.send(place.bootstrap, f"{place.prefix}search-log", sent)


def copied(place: Place) -> Counter[str]:
    """How often each record of the live topic stands on the replay topic."""
    found = topics.read(place.bootstrap, f"{place.prefix}search-log-replay")
    return Counter(record.value.decode() for record in found if record.value)


def ends(place: Place) -> int:
    """End records on the replay topic."""
    found = topics.read(place.bootstrap, f"{place.prefix}search-log-replay")
    return sum("assay-run-end" in dict(record.log.headers) for record in found)


async def booked(place: Place) -> int:
    """Records of the run that the book knows of; -1 while there is no run."""
    rows = await place.rows("SELECT records FROM assay_data.replays WHERE run = 'long'")
    return int(str(rows[0][0])) if rows else -1


async def test_a_copy_killed_again_and_again_leaves_nothing_out_and_copies_nothing_twice(place: Place) -> None:
    fill(place, RECORDS)
    dice = random.Random(5)
    for _ in range(KILLS):
        before = await booked(place)
        async with place.assay.started(*RUN, "--rate", "1500") as running:
            while running.is_up() and await booked(place) <= before:  # noqa: ASYNC110 - the book is in the database
                await asyncio.sleep(0.05)
            await asyncio.sleep(dice.uniform(0, 0.8))
            running.process.kill()
            await asyncio.to_thread(running.process.wait)
    cut_off = await place.assay("replay", "list", "--json")
    last = await place.assay(*RUN, "--rate", "100000")
    again = await place.assay(*RUN)
    stands = await asyncio.to_thread(copied, place)

    assert json.loads(cut_off.out)[0]["state"] == "cut off"
    assert (last.code, last.out) == (0, f"copied {RECORDS} records as run long\n")
    assert "nothing sent" in again.out
    assert len(stands) == RECORDS
    assert set(stands.values()) == {1}
    assert await asyncio.to_thread(ends, place) == 4


async def test_of_two_copies_of_a_run_at_once_the_second_is_refused(place: Place) -> None:
    fill(place, 300)
    async with place.assay.started(*RUN, "--rate", "2") as first:
        while first.is_up() and await booked(place) < 0:  # noqa: ASYNC110 - the book is in the database
            await asyncio.sleep(0.05)
        second, dropped, listed = await asyncio.gather(
            place.assay(*RUN), place.assay("replay", "drop", "long"), place.assay("replay", "list", "--json")
        )
        first.process.kill()
        await asyncio.to_thread(first.process.wait)
    done = await place.assay(*RUN)
    stands = await asyncio.to_thread(copied, place)

    assert [(refused.code, REFUSED in refused.one_line()) for refused in (second, dropped)] == [(1, True), (1, True)]
    assert json.loads(listed.out)[0]["state"] == "copying"
    assert done.code == 0
    assert sorted(stands.values()) == [1] * 300


async def test_files_become_a_run_with_the_panes_of_their_records(place: Place) -> None:
    log, listings = place.assay.directory / "log.jsonl.gz", place.assay.directory / "listings.jsonl"
    log.write_bytes(gzip.compress(shoppers.lines(shoppers.log())))
    listings.write_bytes(shoppers.lines(shoppers.listings()))
    command = ("replay", "--run", "files", "--search-log", str(log), "--listings", str(listings))
    done, again = await place.assay(*command), await place.assay(*command)
    other = await place.assay("replay", "--run", "files", "--listings", str(listings))
    piped = await place.assay("replay", "--run", "piped", "--search-log", "-", stdin=shoppers.lines(shoppers.log()[:5]))
    ran = await place.assay("run", "replay", "--until-idle")
    copies = await asyncio.to_thread(topics.read, place.bootstrap, f"{place.prefix}search-log-replay")
    sources = [source_of(list(copy.log.headers)) for copy in copies]

    assert done.out == f"copied {len(shoppers.log()) + len(shoppers.TITLES)} records as run files\n"
    assert (again.code, "nothing sent" in again.out, other.code) == (0, True, 2)
    assert (piped.out, ran.code) == ("copied 5 records as run piped\n", 0)
    assert len([source for source in sources if source]) == len(shoppers.log()) + 5
    assert await live_panes(place, "files") == {
        key: counters for key, counters in oracle_panes(copies, replay=True).items() if key[0] == "files"
    }
    assert await place.value("SELECT count(*) FROM assay_data.listings WHERE run = 'files'") == len(shoppers.TITLES)


async def test_what_retention_took_is_said_and_what_is_left_is_copied(place: Place) -> None:
    fill(place, 400)
    admin = AdminClient({"bootstrap.servers": place.bootstrap, "log_level": 0})
    for future in admin.delete_records([TopicPartition(f"{place.prefix}search-log", 0, 10)]).values():
        future.result(20.0)
    done: Done = await place.assay(*RUN)

    assert done.out == "copied 390 records as run long\n"
    assert "up to 10 records of the range before it are not there any more" in done.one_line()


async def test_a_broker_that_goes_away_ends_the_copy_which_goes_on_when_it_is_back(
    tmp_path: Path, postgres_dsn: str
) -> None:
    with KafkaBroker(tmp_path / "broker") as broker:
        async with opened(tmp_path, postgres_dsn, broker.bootstrap) as place:
            fill(place, 3_000)
            async with place.assay.started(*RUN, "--rate", "200") as running:
                while running.is_up() and await booked(place) < 100:  # noqa: ASYNC110 - the book is in the database
                    await asyncio.sleep(0.05)
                broker.kill9()
                ended = await running.ended(90.0)
            await asyncio.to_thread(broker.restart)
            done = await place.assay(*RUN)
            stands = await asyncio.to_thread(copied, place)
    assert ended.code == 1
    assert any(line.startswith("assay: Kafka") for line in ended.err.splitlines())  # beside librdkafka's own words
    assert done.code == 0
    assert sorted(stands.values()) == [1] * 3_000
