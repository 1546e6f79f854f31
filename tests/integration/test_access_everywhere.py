"""Every address that writes, now and later: nobody gets through it without role, form and origin."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from core.adapters.migrate import migrate
from core.console.app import _routes
from core.console.sign_in import OPEN, OUT, PAGE
from tests.support import postgres
from tests.support.served_console import Served, sample_shop
from tests.support.signed_in import BY_TOKEN, OPERATOR, READER, browser, hidden_fields, visiting

pytestmark = pytest.mark.postgres

WRITING = sorted({route.path for route in _routes() if route.method == "POST"} - {PAGE, OUT})
READING = sorted({route.path for route in _routes() if route.method == "GET"} - OPEN)


def filled_in(path: str) -> str:
    """An address of this form."""
    return re.sub(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", str(UUID(int=1)), path)


@pytest.fixture(scope="module")
async def shop(postgres_server: str) -> AsyncIterator[Served]:
    async with postgres.database(postgres_server, "everywhere") as dsn:
        await migrate(dsn)
        async with sample_shop(dsn, BY_TOKEN) as served:
            yield served


async def test_no_page_and_no_answer_is_for_strangers(shop: Served) -> None:
    async with browser(shop.url) as stranger:
        for path in READING:
            async with stranger.get(filled_in(path), allow_redirects=False) as response:
                assert response.status == (401 if path.startswith("/v1/") else 303), path


@pytest.mark.parametrize("path", WRITING)
async def test_nobody_writes_without_role_form_and_origin(shop: Served, path: str) -> None:
    address = filled_in(path)
    async with browser(shop.url) as stranger, stranger.post(address, data={}) as response:
        assert response.status == 401
    async with visiting(shop.url, READER) as reader:
        async with reader.get("/") as page:
            fields = hidden_fields(await page.text())
        async with reader.post(address, data=fields) as response:
            assert response.status == 403
    async with visiting(shop.url, OPERATOR) as operator:
        async with operator.get("/") as page:
            fields = hidden_fields(await page.text())
        async with operator.post(address, data={**fields, "token": ""}) as response:
            assert response.status == 403
        elsewhere = {"Origin": "https://evil.example"}
        async with operator.post(address, data=fields, headers=elsewhere) as response:
            assert response.status == 403
    assert await shop.pool.fetchval("SELECT count(*) FROM assay.audit WHERE act NOT LIKE 'sign-%'") == 0
