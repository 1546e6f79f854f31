"""Where students are kept, what they are trained on, and how they and the judge have agreed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from core.domain.access import AuditEntry
from core.domain.images.labelled import AgreedLabel, LabelledPicture

StudentAct = Literal["promote", "rollback"]

NO_STUDENT = ""
"""The version that a rollback past the first promotion names: no student is live, the judge scores every picture."""


@dataclass(frozen=True, slots=True)
class KeptStudent:
    """A version as it stands in the book: `version` is its name and a hash of `body`."""

    version: str
    name: str
    extractor: str
    metadata: Mapping[str, object]
    """What it was trained on and how it did, as `core.domain.images.training.Trained` tells it."""
    body: bytes
    """`core.domain.images.forest.packed`: numbers, nothing that runs."""
    trained_at: datetime
    trained_by: str


@dataclass(frozen=True, slots=True)
class StudentDeed:
    """Who promoted or rolled back which version, when and why; nothing of it is ever taken back."""

    act: StudentAct
    version: str
    by: str
    why: str
    at: datetime


class StudentBook(Protocol):
    """Students and which of them is live."""

    async def save(self, student: KeptStudent) -> bool:
        """Store; False where it is known already."""
        ...

    async def find(self, ref: str) -> KeptStudent | None:
        """By version, name (its newest version) or a beginning of `name@hash` that fits one only."""
        ...

    async def all(self) -> Sequence[KeptStudent]:
        """Every version, newest first, each without its body (empty)."""
        ...

    async def live_version(self) -> str:
        """What the newest deed names; empty where none is live. One small row: processes look often."""
        ...

    async def note(self, deed: StudentDeed, entry: AuditEntry | None = None) -> None:
        """Keep the deed, which makes its version the live one, in one transaction with the console's audit entry."""
        ...

    async def deeds(self) -> Sequence[StudentDeed]:
        """All, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class LabelAsk:
    """Which labels to train on: of one judge version, with features of one extractor."""

    judge: str
    extractor: str
    seller_attribute: str
    since: datetime | None = None
    market: str = ""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many pictures a judge version has scored itself, and of how many there are features, by extractor."""

    judge: str
    pictures: int
    with_features: Mapping[str, int]


class StudentLabels(Protocol):
    """Labels as students are trained on and watched by."""

    async def labelled(self, ask: LabelAsk) -> Sequence[LabelledPicture]:
        """Those of tier `llm` that the judge gave to that very picture (not one taken over from a look-alike), the
        newest of each picture, with features of the extractor; ordered by picture."""
        ...

    async def counts(self) -> Sequence[LabelCount]:
        """By judge, the one of the newest label first: what there is to train on."""
        ...

    async def agreed(self, first: date, since: date, last: date, seller_attribute: str) -> Sequence[AgreedLabel]:
        """Labels of those days (UTC) that came after a student's score, in the order in which they came; of the days
        before `since` those of the random share alone."""
        ...
