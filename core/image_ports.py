"""Effects of picture scoring that no other part has: alerts about scores, and the days that have been looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol
from uuid import UUID

from core.domain.images.flags import FlagCount


@dataclass(frozen=True, slots=True)
class ImageAlert:
    """Something about picture scores that a person must know. `alert_id` is the uuid5 of kind, segment and day, so that
    a look taken twice raises it once."""

    alert_id: UUID
    kind: Literal["buyers", "student", "flags"]
    """Agreement with buyers fell; judge and student agree less; a flag's share rose."""
    segment: Mapping[str, str]
    metric: str
    before: float
    after: float
    detected_at: datetime
    evidence: Mapping[str, object]


class ImageAlerts(Protocol):
    """Alerts about picture scores."""

    async def save(self, alerts: Sequence[ImageAlert]) -> int:
        """Store those that are new, in one transaction; returns how many."""
        ...

    async def since(self, moment: datetime) -> list[ImageAlert]:
        """Those detected at or after `moment`, newest first."""
        ...


class ImageWatch(Protocol):
    """Looks once a day at what became of picture scores."""

    async def look(self, day: date) -> list[ImageAlert]:
        """What a person must know after that UTC day, which is over. A look taken again finds the same."""
        ...


class ImageWatchDays(Protocol):
    """Which watch has looked at which day."""

    async def last(self, watch: str) -> date | None:
        """The newest day that this watch has looked at."""
        ...

    async def looked(self, watch: str, day: date, at: datetime) -> None:
        """Remember that it has."""
        ...


class FlagCounts(Protocol):
    """How many pictures carry a flag."""

    async def flag_counts(self, first: date, recent_from: date, last: date) -> Sequence[FlagCount]:
        """Of a seller's different pictures that the judge (tier llm) scored in these UTC days, by their newest score
        there: those before `recent_from` and those from it on, by market, by market and category, flag, and the way
        they came to the judge. A flag that no picture carries has its row too."""
        ...


class LookAlikes(Protocol):
    """Pictures that are kept and look alike, by their perceptual hashes."""

    async def look_alikes(self, phash: int, distance: int) -> Sequence[str]:
        """Hashes (of bytes) of kept pictures that a judge has looked at (their score is no look-alike's) and whose
        perceptual hash is at most `distance` (0 to 7) bits from this one, the nearest first, then the newest, among
        them the picture itself; a few at most."""
        ...


class Duplicates(Protocol):
    """Pictures of several sellers that look alike, found after they were scored (docs/pictures.md, Near-duplicates)."""

    async def take(self) -> int:
        """Take in the scores that are new: which listing showed which picture, whose it was and since when. A part of
        them at a time; returns how far it came, 0 once there is nothing new."""
        ...

    async def group(self) -> int:
        """Put what was taken in into groups of pictures that look alike, a part at a time; returns how many hashes, 0
        once all are in one."""
        ...
