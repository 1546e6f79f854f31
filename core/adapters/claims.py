"""Who makes what, in PostgreSQL. By its clock, so that replicas agree on when a claim has ended."""

from __future__ import annotations

from core.adapters.postgres import Pool, connection

_CLAIM = """
INSERT INTO assay_data.claims AS c (name, until) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE c.until < clock_timestamp()
RETURNING true
"""

_RELEASE = "DELETE FROM assay_data.claims WHERE name = $1"


class PostgresClaims:
    """`Claims`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether it is the caller's now; one that has ended may be taken over."""
        async with connection(self._pool) as held:
            return bool(await held.fetchval(_CLAIM, name, seconds))

    async def release(self, name: str) -> None:
        """Free for anybody."""
        async with connection(self._pool) as held:
            await held.execute(_RELEASE, name)
