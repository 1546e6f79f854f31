"""The leased share of an endpoint's limits that each replica works with: the port, in PostgreSQL and in memory.

Nobody's share grows before another's has shrunk: at any moment the shares that are not yet over add up to the limits
at most. A replica renews every `RENEW_SECONDS`, says what work it has, and is told what it may use until
`LEASE_SECONDS` later; who dies leaves its share to the others by not renewing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import asyncpg

from core.adapters.leadership import lock_key
from core.adapters.postgres import Pool, transaction
from core.domain.labels import Lane
from core.domain.shares import Demand, Share, kept, share_of, wanted
from core.errors import RetryLater
from core.ports import Clock

RENEW_SECONDS: Final = 1.0
"""Between renewals, each one transaction of some milliseconds: work that moves from one replica to another finds its
share there within two of them."""

LEASE_SECONDS: Final = 5.0
"""A share's life: four renewals may fail, and a dead replica's part is missed for so long at most."""

EXPIRED_MARGIN_SECONDS: Final = 0.5
"""A replica stops using its share so much before the lease ends: the time its renewal may take to be heard of."""


class ShareBook(Protocol):
    """Shares of one endpoint's limits over all replicas."""

    async def renew(self, replica: UUID, demand: Demand, under_way: int) -> Share:
        """The share from now on, for `LEASE_SECONDS`; `under_way` calls stay counted. RetryLater without a ledger."""
        ...

    async def leave(self, replica: UUID) -> None:
        """Give the share back at once."""
        ...


_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"

STALLED: Final = "2s"
"""A replica that is stopped, or cut off, between two statements of a renewal has its transaction ended by the server
after this: it holds the lock that all others wait for, and their shares last 5 s."""

_LOCK = "SELECT pg_advisory_xact_lock($1) FROM set_config('idle_in_transaction_session_timeout', $2, true)"

_SWEEP = "DELETE FROM assay_data.llm_shares WHERE endpoint = $1 AND expires_at < $2 AND replica <> $3"

_OTHERS = """
SELECT live, panel, backfill, part, in_flight FROM assay_data.llm_shares
WHERE endpoint = $1 AND replica <> $2 ORDER BY replica
"""

_MINE = "SELECT part FROM assay_data.llm_shares WHERE endpoint = $1 AND replica = $2 AND expires_at >= $3"

_WRITE = """
INSERT INTO assay_data.llm_shares AS s (endpoint, replica, live, panel, backfill, part, in_flight, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (endpoint, replica) DO UPDATE SET live = excluded.live, panel = excluded.panel,
    backfill = excluded.backfill, part = excluded.part, in_flight = excluded.in_flight, expires_at = excluded.expires_at
"""

_LEAVE = "DELETE FROM assay_data.llm_shares WHERE endpoint = $1 AND replica = $2"


class PostgresShares:
    """`ShareBook` of one endpoint, on the database's clock."""

    def __init__(self, pool: Pool, endpoint: str, in_flight: int, guaranteed: Mapping[Lane, float]) -> None:
        self._pool = pool
        self._endpoint = endpoint
        self._in_flight = in_flight
        self._guaranteed = guaranteed

    async def renew(self, replica: UUID, demand: Demand, under_way: int) -> Share:
        """As the port says; one replica after the other, by a lock that ends with the transaction."""
        try:
            return await self._renewed(replica, demand, under_way)
        except asyncpg.IdleInTransactionSessionTimeoutError:
            raise RetryLater("this process stood still in the middle of a renewal") from None

    async def _renewed(self, replica: UUID, demand: Demand, under_way: int) -> Share:
        async with transaction(self._pool) as held:
            await held.execute(_LOCK, lock_key(f"llm-shares/{self._endpoint}"), STALLED)
            now = float(await held.fetchval(_NOW))
            await held.execute(_SWEEP, self._endpoint, now, replica)
            rows = await held.fetch(_OTHERS, self._endpoint, replica)
            others = [(_demand(row), Share(row["part"], row["in_flight"])) for row in rows]
            mine = await held.fetchval(_MINE, self._endpoint, replica, now)
            share = _decided(demand, mine or 0.0, others, self._in_flight, self._guaranteed, under_way)
            lanes = (demand.of("live"), demand.of("panel"), demand.of("backfill"))
            until = now + LEASE_SECONDS
            await held.execute(_WRITE, self._endpoint, replica, *lanes, share.part, share.in_flight, until)
        return share

    async def leave(self, replica: UUID) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(_LEAVE, self._endpoint, replica)


@dataclass(slots=True)
class MemoryShares:
    """`ShareBook` for the replicas of one process, and for tests. `wall` is its time."""

    in_flight: int
    guaranteed: Mapping[Lane, float]
    wall: Clock
    held: dict[UUID, tuple[Demand, Share, float]] = field(default_factory=dict)

    async def renew(self, replica: UUID, demand: Demand, under_way: int) -> Share:
        """As the port says."""
        now = self.wall.now().timestamp()
        self.held = {who: row for who, row in self.held.items() if row[2] >= now or who == replica}
        others = [(row[0], row[1]) for who, row in self.held.items() if who != replica]
        mine = self.held[replica][1].part if replica in self.held and self.held[replica][2] >= now else 0.0
        share = _decided(demand, mine, others, self.in_flight, self.guaranteed, under_way)
        self.held[replica] = demand, share, now + LEASE_SECONDS
        return share

    async def leave(self, replica: UUID) -> None:
        """As the port says."""
        self.held.pop(replica, None)


def _decided(
    mine: Demand,
    part_held: float,
    others: list[tuple[Demand, Share]],
    in_flight: int,
    guaranteed: Mapping[Lane, float],
    under_way: int,
) -> Share:
    part = kept(wanted([mine, *(demand for demand, _ in others)], guaranteed, 0), part_held)
    return share_of(part, [share for _, share in others], in_flight, under_way)


def _demand(row: asyncpg.Record) -> Demand:
    return Demand({"live": row["live"], "panel": row["panel"], "backfill": row["backfill"]})
