"""The command with its servers, and an offline judge for all tests here."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from core.adapters.postgres import open_pool
from tests.e2e.command import Assay
from tests.support import postgres

MODEL = "offline-judge"
PLENTY = {"ASSAY_LLM_REQUESTS_PER_MINUTE": "60000", "ASSAY_LLM_TOKENS_PER_MINUTE": "50000000"}
NOWHERE = "http://127.0.0.1:9/v1"


@dataclass(frozen=True)
class Place:
    """A database and topics of its own, and the command that works on them."""

    assay: Assay
    pool: asyncpg.Pool
    bootstrap: str
    prefix: str

    async def rows(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        """What a statement gives."""
        return [tuple(row) for row in await self.pool.fetch(sql, *arguments)]

    async def value(self, sql: str, *arguments: object) -> object:
        """The one value that a statement gives."""
        return await self.pool.fetchval(sql, *arguments)


def settings(dsn: str, bootstrap: str, prefix: str) -> dict[str, str]:
    """All that processes need; the LLM is not there."""
    return {
        "ASSAY_POSTGRES_DSN": dsn, "ASSAY_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "ASSAY_TOPIC_PREFIX": prefix,
        "ASSAY_LLM_MODEL": MODEL, "ASSAY_LLM_BASE_URL": NOWHERE, "ASSAY_HTTP_PORT": "0",
        "ASSAY_STREAM_BATCH_SECONDS": "0.2", **PLENTY,
    }  # fmt: skip


@asynccontextmanager
async def opened(directory: Path, dsn: str, bootstrap: str) -> AsyncIterator[Place]:
    """A place on these servers."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    pool = await open_pool(dsn, 4)
    try:
        yield Place(Assay(directory, settings(dsn, bootstrap, prefix)), pool, bootstrap, prefix)
    finally:
        await pool.close()


@pytest.fixture
def bare(tmp_path: Path) -> Assay:
    """The command with nothing set."""
    return Assay(tmp_path, {})


@pytest.fixture
async def place(tmp_path: Path, postgres_dsn: str, kafka_bootstrap: str) -> AsyncIterator[Place]:
    """A place for one test."""
    async with opened(tmp_path, postgres_dsn, kafka_bootstrap) as place:
        yield place


@pytest.fixture(scope="module")
async def shared_place(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, _migrated_template: str, kafka_bootstrap: str
) -> AsyncIterator[Place]:
    """A place for the tests of a file, which look at one run from all sides."""
    directory = tmp_path_factory.mktemp("shared")
    async with (
        postgres.database(postgres_server, "test", template=_migrated_template) as dsn,
        opened(directory, dsn, kafka_bootstrap) as place,
    ):
        yield place


@pytest.fixture(scope="session")
async def judge_url() -> AsyncIterator[str]:
    """Base URL of an offline judge."""
    from demo.offline_judge import serve

    async with serve() as base_url:
        yield base_url
