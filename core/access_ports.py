"""Where the console's deeds and ended sessions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.access import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: of a person, an act (or those that begin with it and a dot), before a number; empty: all."""

    who: str = ""
    act: str = ""
    before: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A kept entry; numbers grow."""

    number: int
    entry: AuditEntry


class AuditBook(Protocol):
    """What is only ever added to. Each raises RetryLater where the database is away."""

    async def note(self, entry: AuditEntry) -> None:
        """Keep it."""
        ...

    async def entries(self, wanted: AuditFilter) -> Sequence[AuditRow]:
        """Newest first."""
        ...

    async def end_session(self, number: str, ends_at: datetime, entry: AuditEntry) -> None:
        """From now on no replica takes this session; twice is once. The entry is kept in the same transaction."""
        ...

    async def is_ended(self, number: str) -> bool:
        """Whether somebody signed out of it."""
        ...
