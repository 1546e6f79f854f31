"""Pages about pictures over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import asyncpg
import pytest
from aiohttp import ClientSession
from yarl import URL

from core.adapters.migrate import migrate
from core.adapters.reads import PostgresReads
from core.picture_models import FailureFilter, PictureFilter
from tests.support import postgres, sample_picture_pages
from tests.support.sample_picture_pages import HOSTILE_TITLE, LAMP, STUDENT
from tests.support.served_console import BUDGET_USD, FixedClock, serving, text_of

pytestmark = pytest.mark.postgres

PAGES = (
    "/pictures",
    "/pictures/ordered",
    "/pictures/flags",
    "/pictures/buyers",
    "/pictures/student",
    "/pictures/failures",
)


@pytest.fixture(scope="module")
async def filled(postgres_server: str) -> AsyncIterator[PostgresReads]:
    async with postgres.database(postgres_server, "picture_pages") as dsn:
        await migrate(dsn)
        pool = await asyncpg_pool(dsn)
        try:
            await sample_picture_pages.fill(pool)
            yield PostgresReads(pool, FixedClock(), BUDGET_USD)
        finally:
            await postgres.close_pool(pool, 10.0)


async def asyncpg_pool(dsn: str) -> asyncpg.Pool:
    from core.adapters.postgres import open_pool

    return await open_pool(dsn, 4)
