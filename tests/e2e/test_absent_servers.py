"""A broker or a database that is not there is waited for: said in the log, not ready, alive; used when it comes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e import shoppers
from tests.e2e.command import LOOK_SECONDS, Assay
from tests.e2e.conftest import Place, opened, settings
from tests.support.kafka import KafkaBroker
from tests.support.postgres import EmbeddedPostgres

WAIT_SECONDS = 60.0  # clients look for a broker that was away every ten seconds at the longest


@pytest.mark.kafka
async def test_a_broker_that_comes_late_goes_and_comes_again(tmp_path: Path, postgres_dsn: str) -> None:
    broker = KafkaBroker(tmp_path / "broker")
    try:
        async with opened(tmp_path, postgres_dsn, broker.bootstrap) as place:
            await _survives(place, broker)
    finally:
        broker.stop()


async def _survives(place: Place, broker: KafkaBroker) -> None:
    async with place.assay.started("run", "search-log", "listings", "outbox") as running:
        await running.logged("waiting", for_what="Kafka")
        assert ((await running.get("/livez"))[0], (await running.get("/readyz"))[0]) == (200, 503)
        broker.start()
        await running.ready(60)
        shoppers.fill(broker.bootstrap, place.prefix)
        await _panes(place)
        broker.kill9()
        assert (await running.get("/livez"))[0] == 200
        broker.start()
        shoppers.send_late(broker.bootstrap, place.prefix)
        await _late_listing(place)
        assert (await running.terminated()).code == 0


async def _panes(place: Place) -> None:
    await _until_true(place, "SELECT count(*) = 2 FROM assay.query_panes")


async def _late_listing(place: Place) -> None:
    await _until_true(place, "SELECT count(*) = 1 FROM assay_data.listings WHERE listing_id = 'late'")


async def _until_true(place: Place, sql: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not await place.value(sql):
        assert time.monotonic() < deadline, sql
        await asyncio.sleep(LOOK_SECONDS)


@pytest.mark.postgres
async def test_a_database_that_comes_late_goes_and_comes_again(tmp_path: Path, kafka_bootstrap: str) -> None:
    server = EmbeddedPostgres()
    try:
        server.kill9()
        assay = Assay(tmp_path, settings(server.dsn, kafka_bootstrap, f"late{server.directory.name[-8:]}."))
        async with assay.started("run", "search-log", "outbox", "relevance") as running:
            await running.logged("waiting", for_what="PostgreSQL")
            assert ((await running.get("/livez"))[0], (await running.get("/readyz"))[0]) == (200, 503)
            server.restart()
            await running.ready(60)
            server.kill9()
            assert ((await running.get("/livez"))[0], (await running.get("/readyz"))[0]) == (200, 503)
            server.restart()
            await running.ready(60)
            assert (await running.terminated()).code == 0
    finally:
        server.stop()
