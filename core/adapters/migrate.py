"""Brings a database to this version: plain SQL files in order, each once, in one transaction of its own.

Safe to repeat and to run twice at once: an advisory lock lets one runner through at a time, the others find
the work done.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import asyncpg

from core.adapters.postgres import connect, translated
from core.errors import StopProcess

_LOCK = 7_215_001
"""Advisory lock key of migrations; any constant that no other lock of ours uses."""

MIGRATION_TIMEOUT_S = 3_600.0
"""Seconds for one migration: 0007 moves every pane there is, some 200,000 a second, a large shop in minutes."""

_BOOK = """
CREATE TABLE public.assay_migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


def migration_files() -> list[tuple[str, str]]:
    """(name, SQL) of every migration, in order."""
    found = (
        entry for entry in files("migrations").iterdir() if entry.name[:4].isdigit() and entry.name.endswith(".sql")
    )
    return sorted((entry.name, entry.read_text(encoding="utf-8")) for entry in found)


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; returns the names applied. StopProcess where an applied file was changed since."""
    connection = await connect(dsn)
    try:
        async with translated():
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            if not await _has_book(connection):
                await connection.execute(_BOOK)
            return [name for name, sql in migration_files() if await _apply(connection, name, sql)]
    finally:
        await connection.close()


async def _has_book(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass('public.assay_migrations') IS NOT NULL"))


async def _apply(connection: asyncpg.Connection, name: str, sql: str) -> bool:
    digest = hashlib.sha256(sql.encode()).hexdigest()
    applied = await connection.fetchval("SELECT sha256 FROM public.assay_migrations WHERE name = $1", name)
    if applied is not None:
        if applied != digest:
            raise StopProcess(f"migration {name} was changed after it was applied; restore the file as released")
        return False
    async with connection.transaction():
        await connection.execute(sql, timeout=MIGRATION_TIMEOUT_S)
        await connection.execute("INSERT INTO public.assay_migrations (name, sha256) VALUES ($1, $2)", name, digest)
    return True
