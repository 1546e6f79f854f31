"""Counts of flags, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.domain.images.flags import FlagCount


class FakeFlagCounts:
    """core.image_ports.FlagCounts: what a test says, and which days were asked for."""

    def __init__(self, counts: Sequence[FlagCount]) -> None:
        self._counts = counts
        self.asked: list[tuple[date, date, date]] = []

    async def flag_counts(self, first: date, recent_from: date, last: date) -> Sequence[FlagCount]:
        self.asked.append((first, recent_from, last))
        return self._counts
