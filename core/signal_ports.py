"""The signals' effects by name: what selection and drift read of panes, result lists, labels, and what they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.friction import QuerySignals
from core.domain.selection import Deep, Earlier, Selection
from core.ports import NewTask

QueryKey = tuple[str, str, str]
"""Application, market, normalised query."""


@dataclass(frozen=True, slots=True)
class ShownResults:
    """The newest result list of one query by one engine: its known listings in rank order with their hashes."""

    application: str
    market: str
    query: str
    engine: str
    language: str
    listings: Sequence[tuple[int, str, str]]
    """Rank from 1, listing id, content hash; listings the catalogue does not know are left out."""


class SignalStore(Protocol):
    """What selection reads and writes."""

    async def signals(self, days: int) -> list[QuerySignals]:
        """Live panes of the last `days` days of each application's traffic, added up by query.

        The window ends at the application's newest pane, so that a log read late is looked at as it was.
        """
        ...

    async def shown(self, keys: Sequence[QueryKey], top: int, deep: Deep | None = None) -> list[ShownResults]:
        """The newest live result lists of these queries, their first `top` ranks and those of `deep`."""
        ...

    async def served_by(self) -> Mapping[QueryKey, str]:
        """The engines of each query's live result lists, joined: a stratum of the panel."""
        ...

    async def members(self) -> frozenset[QueryKey]:
        """The panel so far."""
        ...

    async def earlier(self, reason: str, keys: Sequence[QueryKey]) -> Mapping[QueryKey, Earlier]:
        """The last choice of each query for this reason."""
        ...

    async def record(
        self,
        chosen: Sequence[tuple[Selection, str, int]],
        members: Sequence[QueryKey],
        tasks: Sequence[NewTask],
        at: datetime,
    ) -> int:
        """Choices (with the hash of their results and the number of pairs), new panel members and tasks, in one
        transaction; returns how many tasks are new."""
        ...
