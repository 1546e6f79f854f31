"""Who makes what, in PostgreSQL. By its clock, so that replicas agree on when a claim has ended.

Rows are locked in one order by both statements, so replicas that claim and release many at once can't deadlock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from core.adapters.postgres import Pool, connection
from core.adapters.together import Together
from core.errors import RetryLater

_CLAIM = """
INSERT INTO assay_data.claims AS c (name, holder, until)
SELECT name, $3, clock_timestamp() + make_interval(secs => seconds)
FROM unnest($1::text[], $2::float8[]) AS n (name, seconds)
ORDER BY name COLLATE "C"
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE c.until < clock_timestamp()
RETURNING name
"""

_RELEASE = """
DELETE FROM assay_data.claims WHERE name IN (
    SELECT name FROM assay_data.claims WHERE name = ANY ($1::text[]) AND holder = $2
    ORDER BY name COLLATE "C" FOR UPDATE
)
"""

_RENEW = """
UPDATE assay_data.claims AS c SET until = clock_timestamp() + make_interval(secs => mine.seconds)
FROM (
    SELECT name, n.seconds FROM unnest($1::text[], $2::float8[]) AS n (name, seconds)
    JOIN assay_data.claims USING (name) WHERE holder = $3 ORDER BY name COLLATE "C" FOR UPDATE OF claims
) AS mine
WHERE c.name = mine.name
"""

MOST = 200
"""Claims of one statement: a few milliseconds."""


class PostgresClaims:
    """`Claims`. What many ask at one moment is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._holder = uuid4()
        self._claim: Together[tuple[str, float], bool] = Together(self._claimed, MOST)
        self._renew: Together[tuple[str, float], None] = Together(self._renewed, MOST)
        self._release: Together[str, None] = Together(self._released, MOST)

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether it is the caller's now; one that has ended may be taken over."""
        claimed = asyncio.create_task(self._claim((name, seconds)))
        try:
            return await asyncio.shield(claimed)
        except asyncio.CancelledError:
            with suppress(RetryLater):
                await self._unclaimed(name, claimed)
            raise

    async def _unclaimed(self, name: str, claimed: asyncio.Task[bool]) -> None:
        """Whoever asked was cancelled: a claim that nobody works on would keep all others waiting until it ends."""
        if await claimed:
            await self.release(name)

    async def renew(self, name: str, seconds: float) -> None:
        """The caller's for longer; one that another has taken over stays his."""
        await self._renew((name, seconds))

    async def release(self, name: str) -> None:
        """Free for anybody, unless another has taken it over."""
        await self._release(name)

    async def _claimed(self, asked: Sequence[tuple[str, float]]) -> list[bool]:
        """Of several who ask for one name, the first may get it."""
        first = dict(reversed(asked))
        async with connection(self._pool) as held:
            got = {row["name"] for row in await held.fetch(_CLAIM, list(first), list(first.values()), self._holder)}
        answers = list[bool]()
        for name, _ in asked:
            answers.append(name in got)
            got.discard(name)
        return answers

    async def _renewed(self, asked: Sequence[tuple[str, float]]) -> list[None]:
        longer = dict(asked)
        async with connection(self._pool) as held:
            await held.execute(_RENEW, list(longer), list(longer.values()), self._holder)
        return [None] * len(asked)

    async def _released(self, names: Sequence[str]) -> list[None]:
        async with connection(self._pool) as held:
            await held.execute(_RELEASE, names, self._holder)
        return [None] * len(names)
