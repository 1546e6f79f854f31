"""The outbox: what a transaction promised to the world, until the relay has published it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.adapters.postgres import Connection, Pool, connection, transaction
from core.ports import OutgoingEvent

_INSERT = """
INSERT INTO assay_data.outbox (event_id, topic, key, type, time, body)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])
"""

_OLDEST = """
SELECT id, event_id, topic, key, type, time, body FROM assay_data.outbox ORDER BY id LIMIT $1 FOR UPDATE
"""
"""Waits for a second relay instead of skipping its rows: order within a key is worth more than speed here."""


async def insert_events(held: Connection, events: Sequence[OutgoingEvent]) -> None:
    """Promise `events` in the caller's transaction, to be published in this order."""
    if events:
        await held.execute(
            _INSERT,
            [event.event_id for event in events],
            [event.topic for event in events],
            [event.key for event in events],
            [event.type for event in events],
            [event.time for event in events],
            [event.body for event in events],
        )


class PostgresOutbox:
    """`Outbox`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def batch(self, limit: int) -> AsyncIterator[Sequence[OutgoingEvent]]:
        """The oldest `limit` events, deleted when the block ends without an error; an error leaves them."""
        async with transaction(self._pool) as held:
            rows = await held.fetch(_OLDEST, limit)
            yield [
                OutgoingEvent(row["event_id"], row["topic"], row["key"], row["type"], row["time"], row["body"])
                for row in rows
            ]
            await held.execute(
                "DELETE FROM assay_data.outbox WHERE id = ANY ($1::bigint[])", [row["id"] for row in rows]
            )

    async def unpublished(self) -> int:
        """How many wait."""
        async with connection(self._pool) as held:
            return int(await held.fetchval("SELECT count(*) FROM assay_data.outbox"))
