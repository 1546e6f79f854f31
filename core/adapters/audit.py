"""The audit of the console and its ended sessions, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.access_ports import AuditFilter, AuditRow
from core.adapters.postgres import Connection, Pool, connection, transaction
from core.domain.access import AuditEntry

NOTE = """
INSERT INTO assay_data.audit (at, who, role, act, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)
"""

ENTRIES = """
SELECT number, at, who, role, act, subject, detail FROM assay_data.audit
WHERE ($1 = '' OR who = $1) AND ($2 = '' OR act = $2 OR act LIKE $3) AND ($4::bigint IS NULL OR number < $4)
ORDER BY number DESC LIMIT $5
"""

END = """
INSERT INTO assay_data.ended_sessions (session, ends_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""

FORGET = "DELETE FROM assay_data.ended_sessions WHERE ends_at < $1"

IS_ENDED = "SELECT EXISTS (SELECT FROM assay_data.ended_sessions WHERE session = $1)"


async def note(held: Connection, entry: AuditEntry) -> None:
    """Keep an entry in the caller's transaction: the deed and its entry, or neither."""
    await held.execute(NOTE, entry.at, entry.who, entry.role, entry.act, entry.subject, dict(entry.detail))


class PostgresAudit:
    """core.access_ports.AuditBook."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, entry: AuditEntry) -> None:
        """Keep it."""
        async with transaction(self._pool) as held:
            await note(held, entry)

    async def entries(self, wanted: AuditFilter) -> Sequence[AuditRow]:
        """Newest first."""
        within = wanted.act.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + ".%"
        async with connection(self._pool) as held:
            rows = await held.fetch(ENTRIES, wanted.who, wanted.act, within, wanted.before, wanted.limit)
        return [
            AuditRow(
                row["number"],
                AuditEntry(row["at"], row["who"], row["role"], row["act"], row["subject"], row["detail"]),
            )
            for row in rows
        ]

    async def end_session(self, number: str, ends_at: datetime, entry: AuditEntry) -> None:
        """Kept until it would have ended anyway; those that have by now are forgotten."""
        async with transaction(self._pool) as held:
            await held.execute(END, number, ends_at)
            await held.execute(FORGET, entry.at)
            await note(held, entry)

    async def is_ended(self, number: str) -> bool:
        """Whether somebody signed out of it."""
        async with connection(self._pool) as held:
            return bool(await held.fetchval(IS_ENDED, number))
