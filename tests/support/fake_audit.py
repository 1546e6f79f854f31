"""The audit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.access_ports import AuditFilter, AuditRow
from core.domain.access import AuditEntry


class FakeAudit:
    """core.access_ports.AuditBook."""

    def __init__(self) -> None:
        self.rows: list[AuditRow] = []
        self.ended: dict[str, datetime] = {}

    async def note(self, entry: AuditEntry) -> None:
        self.rows.append(AuditRow(len(self.rows) + 1, entry))

    async def entries(self, wanted: AuditFilter) -> Sequence[AuditRow]:
        found = [row for row in reversed(self.rows) if _fits(row, wanted)]
        return found[: wanted.limit]

    async def end_session(self, number: str, ends_at: datetime, entry: AuditEntry) -> None:
        self.ended = {known: ends for known, ends in self.ended.items() if ends >= entry.at}
        self.ended.setdefault(number, ends_at)
        await self.note(entry)

    async def is_ended(self, number: str) -> bool:
        return number in self.ended


def _fits(row: AuditRow, wanted: AuditFilter) -> bool:
    act = row.entry.act
    return (
        wanted.who in ("", row.entry.who)
        and (wanted.act in ("", act) or act.startswith(f"{wanted.act}."))
        and (wanted.before is None or row.number < wanted.before)
    )
