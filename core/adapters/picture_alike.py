"""Pictures that look alike, in PostgreSQL: found by quarters of their hash, kept as groups around a first one."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters import picture_alike_sql as sql
from core.adapters.postgres import Connection, Pool, transaction
from core.domain.images.phash import probes

A_FEW = 8
"""Look-alikes that are named: the first that has a score by today's judge is taken, and most have one."""

ENDS = 100
"""Pictures of one hash that are looked at from either end, oldest and newest: of many copies one in a hundred is judged
anew after another judge went live, and a look at 200 takes a millisecond or two."""

RECHECKED = 1_000
"""Scores read again at each look: numbers are given before a transaction commits, so a lower one can come after
a higher. At 50 a second it is the last 20 seconds, and such a transaction takes milliseconds."""

SCORES_A_TURN = 5_000
"""Scores taken in by one transaction: some 100 ms."""

SIGHTINGS_A_TURN = 1_000
"""Sightings grouped by one transaction: at 0.4 ms a new hash, half a second."""


class PostgresLookAlikes:
    """`LookAlikes`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def look_alikes(self, phash: int, distance: int) -> Sequence[str]:
        """Two short questions: a million pictures of one hash are not sorted to find the nearest."""
        async with transaction(self._pool) as held:
            await held.execute(sql.ALONE)
            same = await held.fetch(sql.SAME, phash, A_FEW, ENDS)
            found = [row["image_hash"] for row in same]
            if distance > 0 and len(found) < A_FEW:
                left = A_FEW - len(found)
                near = await held.fetch(sql.NEAR, phash, probes(phash, distance), distance, left)
                found += [row["image_hash"] for row in near]
        return found


class PostgresDuplicates:
    """`Duplicates`. `distance` is the setting `image_duplicate_distance`, `seller` `listing_seller_attribute`."""

    def __init__(self, pool: Pool, distance: int, seller: str) -> None:
        self._pool = pool
        self._distance = distance
        self._seller = seller

    async def take(self) -> int:
        """One transaction with the mark: what was taken in is not lost, nor taken twice."""
        async with transaction(self._pool) as held:
            mark = await self._mark(held)
            row = await held.fetchrow(sql.TAKE, mark - RECHECKED, SCORES_A_TURN, self._seller)
            newest = mark if row is None or row["newest"] is None else max(mark, row["newest"])
            await held.execute(sql.SET_MARK, newest)
        return newest - mark

    async def group(self) -> int:
        """One hash after the other, the first seen first, so that a group's first picture is an early one."""
        async with transaction(self._pool) as held:
            await self._mark(held)
            hashes = [row["phash"] for row in await held.fetch(sql.NEW_HASHES, SIGHTINGS_A_TURN)]
            for phash in hashes:
                await held.execute(sql.GROUP, phash, probes(phash, self._distance), self._distance)
            await held.execute(sql.CROSS, hashes)
            await held.execute(sql.GROUPED, hashes)
        return len(hashes)

    async def _mark(self, held: Connection) -> int:
        """How far scores were taken in, locked. Groups by another distance are given up: they are made anew."""
        row = await held.fetchrow(sql.MARK)
        assert row is not None  # noqa: S101 - the migration writes the one row there is
        if row["distance"] != self._distance:
            await held.execute(sql.NO_GROUPS)
            await held.execute(sql.UNGROUP)
            await held.execute(sql.SET_DISTANCE, self._distance)
        return int(row["score_id"])
