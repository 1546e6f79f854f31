"""Each contract test that asks for `stores` runs on the fakes and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.adapters.postgres import Pool, open_pool
from tests.contract.stores import MemoryStores, PostgresStores, Stores
from tests.support.postgres import close_pool


@pytest.fixture
async def work_pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    """Connections as the service opens them, enough for the concurrent tests."""
    pool = await open_pool(postgres_dsn, 10)
    try:
        yield pool
    finally:
        await close_pool(pool, 10.0)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The work side under its ports."""
    if request.param == "fake":
        return MemoryStores()
    return PostgresStores(request.getfixturevalue("work_pool"))
