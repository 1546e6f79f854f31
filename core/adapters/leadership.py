"""One leader among replicas by an advisory lock, which ends with the connection that holds it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.adapters.postgres import Pool, translated


def lock_key(name: str) -> int:
    """The signed 64-bit key of a lead: the first 8 bytes of SHA-256, the same in every version of PostgreSQL."""
    return int.from_bytes(hashlib.sha256(f"assay/{name}".encode()).digest()[:8], "big", signed=True)


class PostgresLeadership:
    """`Leadership`. A lead holds one of the pool's connections.

    Take it for one round of work, not for a process's life: should the connection die inside the block, the
    lead is gone, and the block's end says so with RetryLater. Errors of the block itself pass untouched.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncIterator[bool]:
        """True inside the block when this replica leads; never waits for another."""
        key = lock_key(name)
        async with translated():
            held = await self._pool.acquire()
        try:
            async with translated():
                leads = bool(await held.fetchval("SELECT pg_try_advisory_lock($1)", key))
            yield leads
        finally:
            async with translated():
                try:
                    # Whatever became of the question: a lock must not stay on a connection that others get.
                    await held.execute("SELECT pg_advisory_unlock_all()")
                finally:
                    await self._pool.release(held)
