"""What several modules of this folder stand on: a quick broker, a filled database behind the console, a Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, async_playwright

from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from tests.support import postgres, sample_evals
from tests.support.console_pages import FLAGS
from tests.support.fakes import NOON
from tests.support.kafka import KafkaBroker
from tests.support.picture_server import Server
from tests.support.postgres import close_pool
from tests.support.served_console import Served, sample_shop

SESSION_MS = 4_000
"""A member that is silent for this long has lost its partitions: a tenth of what brokers ask for by themselves."""


@pytest.fixture(scope="session")
def quick_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker whose groups notice quickly who is gone."""
    directory: Path = tmp_path_factory.mktemp("quick-broker")
    properties = {
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.min.heartbeat.interval.ms": "200",
        "group.consumer.heartbeat.interval.ms": "500",
        "group.min.session.timeout.ms": "1000",
        "log.cleaner.backoff.ms": "200",
    }
    with KafkaBroker(directory, properties=properties) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
async def shop(postgres_server: str) -> AsyncIterator[Served]:
    """The console over the sample shop, in a database of the module's own."""
    async with postgres.database(postgres_server, "shop") as dsn:
        await migrate(dsn)
        async with sample_shop(dsn) as served:
            yield served


@pytest.fixture
async def visitor(shop: Served) -> AsyncIterator[ClientSession]:
    """Somebody without a browser."""
    async with ClientSession(shop.url) as session:
        yield session


@pytest.fixture(scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        await opened.close()


@pytest.fixture(scope="module")
async def evaluated(postgres_server: str) -> AsyncIterator[Pool]:
    """A database with the sample run of evaluation, of the module's own."""
    async with postgres.database(postgres_server, "evals") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 4)
        try:
            await sample_evals.evaluation(pool, NOON)
            yield pool
        finally:
            await close_pool(pool, 10.0)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A picture host that plays a trick for each path."""
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
