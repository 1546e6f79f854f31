"""Breakers that are not closed, told in Postgres for people to see: a row a replica, endpoint and model.

It is news and not state: nobody decides by it, so a database that is away only leaves the page out of date, and it is
told by a task of its own that no call waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import NamedTuple, Self

from core.adapters.postgres import Pool, connection
from core.domain.breaker import Breaker
from core.errors import RetryLater

AGAIN_S = 1.0
"""Seconds before what could not be told is told again: the page is looked at by people."""

_TELL = """
INSERT INTO assay_data.llm_breakers AS b (replica, endpoint, model, phase, why, since, until)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (replica, endpoint, model) DO UPDATE
SET phase = excluded.phase, why = excluded.why, since = excluded.since, until = excluded.until
"""

_CLOSED = "DELETE FROM assay_data.llm_breakers WHERE replica = $1 AND endpoint = $2 AND model = $3"

_FORGET = """
DELETE FROM assay_data.llm_breakers AS b
WHERE replica = $1 OR NOT EXISTS (SELECT 1 FROM assay_data.replicas AS r WHERE r.name = b.replica)
"""
"""Its own of a life before, and those of replicas that are no more."""


class _News(NamedTuple):
    endpoint: str
    model: str
    breaker: Breaker


class PostgresHealth:
    """Tells in order while its block lasts; only the newest of each breaker matters."""

    def __init__(self, pool: Pool, replica: str) -> None:
        self._pool = pool
        self._replica = replica
        self._news: dict[tuple[str, str], _News] = {}
        self._stir = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._telling = asyncio.create_task(self._tell_on(), name="llm breakers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling

    def teller(self, endpoint: str) -> Callable[[str, Breaker], None]:
        """To be called with a model and its breaker at each change of phase."""

        def tell(model: str, breaker: Breaker) -> None:
            self._news[endpoint, model] = _News(endpoint, model, breaker)
            self._stir.set()

        return tell

    async def _tell_on(self) -> None:
        forgotten = False
        while True:
            try:
                if not forgotten:
                    await self._execute(_FORGET, self._replica)
                    forgotten = True
                await self._tell_news()
                await self._stir.wait()
            except RetryLater:
                await asyncio.sleep(AGAIN_S)

    async def _tell_news(self) -> None:
        self._stir.clear()
        while self._news:
            key, (endpoint, model, breaker) = next(iter(self._news.items()))
            if breaker.phase == "closed":
                await self._execute(_CLOSED, self._replica, endpoint, model)
            else:
                since, until = (datetime.fromtimestamp(at, UTC) for at in (breaker.since, breaker.until))
                told = (breaker.phase, breaker.why, since, until)
                await self._execute(_TELL, self._replica, endpoint, model, *told)
            if self._news[key].breaker is breaker:
                del self._news[key]

    async def _execute(self, sql: str, *arguments: object) -> None:
        async with connection(self._pool) as held:
            await held.execute(sql, *arguments)
