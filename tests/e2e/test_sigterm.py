"""SIGTERM while records flow: drained, exit 0 in time, and nothing is lost or counted twice."""

from __future__ import annotations

import asyncio

from tests.e2e import shoppers, topics
from tests.e2e.command import TERM_SECONDS, until
from tests.e2e.conftest import Place
from tests.e2e.panes import live_panes, oracle_panes

SHOPPERS = 800  # 2,400 records, which flow for over a second
CHUNK = 200


async def test_run_all_drains_on_sigterm_and_the_next_run_goes_on_where_it_was(place: Place, judge_url: str) -> None:
    assay = place.assay.having(llm_base_url=judge_url)
    log = shoppers.log(SHOPPERS)
    shoppers.make_topics(place.bootstrap, place.prefix)
    async with assay.started("run", "all") as running:
        await running.ready()
        flow = asyncio.create_task(_flow(place, log))
        await _some_read(place)
        done = await running.terminated()
        read = int(str(await place.value("SELECT sum(applied + 1) FROM assay_data.stream_partitions")))
        await flow
    finished = await assay.having(selection_min_sessions="9999")("run", "all", "--until-idle")

    assert (done.code, finished.code) == (0, 0)
    assert done.seconds < TERM_SECONDS
    assert 0 < read < len(log)
    records = topics.read(place.bootstrap, f"{place.prefix}search-log")
    assert len(records) == len(log)
    assert await live_panes(place) == oracle_panes(records)


async def _flow(place: Place, log: list[bytes]) -> None:
    for start in range(0, len(log), CHUNK):
        chunk = [(shoppers.key_of(record), record) for record in log[start : start + CHUNK]]
        await asyncio.to_thread(topics.send, place.bootstrap, f"{place.prefix}search-log", chunk)
        await asyncio.sleep(0.1)


async def _some_read(place: Place) -> None:
    applied = 0

    async def look() -> None:
        nonlocal applied
        while applied < CHUNK:
            found = await place.value("SELECT sum(applied + 1) FROM assay_data.stream_partitions")
            applied = int(str(found or 0))
            await asyncio.sleep(0.05)

    await asyncio.wait_for(look(), 30)


async def test_sigterm_while_everything_is_away_ends_in_time_with_0(place: Place) -> None:
    nowhere = place.assay.having(kafka_bootstrap_servers="127.0.0.1:9")
    async with nowhere.started("run", "all") as running:
        await running.logged("waiting", for_what="Kafka")
        done = await running.terminated()
    assert done.code == 0


async def test_a_second_signal_changes_nothing(place: Place) -> None:
    async with place.assay.started("run", "outbox") as running:
        await running.ready()
        running.process.terminate()
        done = await running.terminated()
    await until(lambda: not running.is_up(), 1)
    assert done.code == 0
