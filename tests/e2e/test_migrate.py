"""`assay migrate`, and the schema that the migrations make."""

from __future__ import annotations

import asyncio

from core.adapters.migrate import migrate, migration_files
from tests.e2e.command import Assay
from tests.support.schema_dump import SCHEMA, dump


async def test_two_at_once_on_an_empty_database_apply_every_migration_once(
    bare: Assay, empty_postgres_dsn: str
) -> None:
    assay = bare.having(postgres_dsn=empty_postgres_dsn)
    both = await asyncio.gather(assay("migrate"), assay("migrate"))
    applied = [line for done in both for line in done.out.splitlines() if line.startswith("applied ")]
    assert [done.code for done in both] == [0, 0]
    assert sorted(applied) == [f"applied {name}" for name, _ in migration_files()]


async def test_repeating_it_changes_nothing(bare: Assay, postgres_dsn: str) -> None:
    done = await bare.having(postgres_dsn=postgres_dsn)("migrate")
    assert (done.code, done.out, done.err) == (0, "up to date\n", "")


async def test_the_migrations_make_the_schema_of_schema_sql(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn)
    assert dump(empty_postgres_dsn) == SCHEMA.read_text(encoding="utf-8"), "run `make schema`"
