"""Batches and their calls in PostgreSQL: the ordering side (`BatchStore`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from core.adapters import llm_batch_statements as sql
from core.adapters.postgres import Pool, connection, rows_of, transaction
from core.batch_facts import Batch, BatchCounts, CallMoney, Ended, ProviderBatch, Result, Settled
from core.domain.batches import ACCEPTED, Sized, Waiting
from core.domain.labels import Lane

BODIES_AT_ONCE = 20
"""Bodies read at once for a file: with twenty pictures each they have up to 5 MB."""


class PostgresBatches:
    """The port `BatchStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self) -> list[Waiting]:
        """As the port says."""
        return [Waiting(**row) for row in await self._fetch(sql.WAITING)]

    async def queued_tokens(self, model: str) -> int:
        """As the port says."""
        return int((await self._fetch(sql.QUEUED, model))[0][0])

    async def queue_was_full(self, model: str, since: datetime) -> bool:
        """As the port says."""
        return bool((await self._fetch(sql.WAS_FULL, model, since))[0][0])

    async def sizes(self, lane: Lane, model: str, limit: int) -> list[Sized]:
        """As the port says."""
        return [Sized(**row) for row in await self._fetch(sql.SIZES, lane, model, limit)]

    async def open_batch(
        self, batch_id: UUID, calls: Sequence[UUID], asked_at: datetime, now: datetime
    ) -> list[CallMoney]:
        """As the port says."""
        async with transaction(self._pool) as held:
            rows = await held.fetch(sql.CHOOSE, calls)
            if rows:
                deadline_at = min(row["deadline_at"] for row in rows)
                name = (batch_id, rows[0]["lane"], rows[0]["model"])
                await held.execute(sql.OPEN, *name, *_sums(rows), asked_at, now, deadline_at)
                await held.execute(sql.TAKE, [row["call_id"] for row in rows], batch_id)
        return [_call_money(row) for row in rows]

    async def reserved(self, batch_id: UUID, granted: Sequence[UUID]) -> int:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.LEAVE_OUT, batch_id, granted)
            requests = await held.fetchval(sql.RESERVED, batch_id)
            if not requests:
                await held.execute(sql.REMOVE, batch_id)
        return int(requests or 0)

    async def undo(self, batch_id: UUID) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.LEAVE_OUT, batch_id, [])
            await held.execute(sql.REMOVE, batch_id)

    async def open_batches(self) -> list[Batch]:
        """As the port says."""
        return [Batch(**row) for row in await self._fetch(sql.OPEN_BATCHES)]

    async def call_ids(self, batch_id: UUID) -> list[UUID]:
        """As the port says."""
        return [row["call_id"] for row in await self._fetch(sql.CALL_IDS, batch_id)]

    async def lines(self, batch_id: UUID) -> AsyncIterator[tuple[UUID, str]]:
        """As the port says."""
        after = UUID(int=0)
        while rows := await self._fetch(sql.LINES, batch_id, after, BODIES_AT_ONCE):
            for row in rows:
                yield row["call_id"], row["body"]
            after = rows[-1]["call_id"]

    async def uploaded(self, batch_id: UUID, file_id: str) -> bool:
        """As the port says."""
        return await self._changed(sql.UPLOADED, batch_id, file_id)

    async def trying(self, batch: Batch, now: datetime) -> bool:
        """As the port says."""
        return await self._changed(sql.TRYING, batch.batch_id, batch.tried_at, now)

    async def ordered(self, batch_id: UUID, provider_id: str, now: datetime, next_look_at: datetime) -> bool:
        """As the port says."""
        return await self._changed(sql.ORDERED, batch_id, provider_id, now, next_look_at)

    async def looked(self, batch_id: UUID, seen: ProviderBatch | None, next_look_at: datetime) -> None:
        """As the port says."""
        accepted = seen is not None and seen.status in ACCEPTED
        status, done = (seen.status, seen.done) if seen else (None, None)
        async with transaction(self._pool) as held:
            await held.execute(sql.LOOKED, batch_id, next_look_at, status, done, accepted)
            if accepted:
                await held.execute(sql.DROP_BODIES, batch_id)

    async def keep(self, batch_id: UUID, results: Sequence[Result], now: datetime) -> int:
        """As the port says."""
        columns = (
            [result.call_id for result in results],
            [result.http_status for result in results],
            [result.answer.replace("\0", "\ufffd") for result in results],
            [result.usable for result in results],
            [result.why.replace("\0", "\ufffd") for result in results],
        )
        return await self._count(sql.KEEP, batch_id, now, *columns)

    async def unanswered(self, batch_id: UUID, why: str, *, free: bool, now: datetime) -> int:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.LATE_UNANSWERED, batch_id, free)
            return rows_of(await held.execute(sql.UNANSWERED, batch_id, why, free, now))

    async def collect_again(self, batch_id: UUID, error: str, now: datetime) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.LEAVE_OUT, batch_id, [])
            await held.execute(sql.QUEUE_FULL, batch_id, error, now)

    async def unsettled(self, batch_id: UUID, limit: int) -> list[Ended]:
        """As the port says."""
        return [Ended(**row) for row in await self._fetch(sql.UNSETTLED, batch_id, limit)]

    async def settled(self, costs: Sequence[Settled]) -> None:
        """As the port says."""
        ids = [each.call_id for each in costs]
        await self._count(sql.SETTLED, ids, [each.cost for each in costs], [each.live for each in costs])

    async def ended(self, batch_id: UUID, error: str, now: datetime) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.DROP_BODIES, batch_id)
            await held.execute(sql.ENDED, batch_id, error, now)

    async def ask_cancel(self, batch_ids: Sequence[UUID], now: datetime) -> int:
        """As the port says."""
        return await self._count(sql.ASK_CANCEL, batch_ids, now)

    async def cancel_sent(self, batch_id: UUID, now: datetime) -> None:
        """As the port says."""
        await self._count(sql.CANCEL_SENT, batch_id, now)

    async def overdue(self, now: datetime) -> int:
        """As the port says."""
        return await self._count(sql.OVERDUE, now)

    async def lanes_live(self, lanes: Sequence[Lane], now: datetime) -> int:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(sql.OTHER_BATCHES, list(lanes), now)
            return rows_of(await held.execute(sql.OTHER_CALLS, list(lanes), now))

    async def these_live(self, call_ids: Sequence[UUID], why: str, now: datetime) -> None:
        """As the port says."""
        await self._count(sql.THESE_LIVE, call_ids, why, now)

    async def wake(self, now: datetime, limit: int) -> int:
        """As the port says."""
        return await self._count(sql.WAKE, now, limit)

    async def forget(self, now: datetime, limit: int, keep_batches_days: int) -> int:
        """As the port says."""
        calls = await self._count(sql.FORGET, now, limit)
        return calls + await self._count(sql.FORGET_BATCHES, now, keep_batches_days)

    async def counts(self, now: datetime) -> BatchCounts:
        """As the port says."""
        return BatchCounts(**(await self._fetch(sql.COUNTS, now))[0])

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with connection(self._pool) as held:
            return list(await held.fetch(statement, *values))

    async def _changed(self, statement: str, *values: object) -> bool:
        """Whether the step was made: a statement that names the state it comes from."""
        return bool(await self._fetch(statement, *values))

    async def _count(self, statement: str, *values: object) -> int:
        async with transaction(self._pool) as held:
            return rows_of(await held.execute(statement, *values))


def _sums(rows: Sequence[asyncpg.Record]) -> tuple[int, int, int]:
    """Requests, input tokens, bytes."""
    return len(rows), sum(row["input_tokens"] for row in rows), sum(row["body_bytes"] for row in rows)


def _call_money(row: asyncpg.Record) -> CallMoney:
    names = ("call_id", "lane", "purpose", "model", "prompt_version", "prompt_hash", "subject", "tokens", "worst")
    return CallMoney(**{name: row[name] for name in names}, tasks=tuple(row["tasks"]))
