"""The review queue's store and where its candidates come from: the ports, and what crosses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from core.domain.access import AuditEntry
from core.domain.evaluation.items import DatasetKind
from core.domain.judging import GuidelineReply
from core.domain.review.answers import Act, Subject
from core.domain.review.drawing import Draw, Frame
from core.errors import AssayError

FillSource = Literal["run", "live", "drift"]

Noted = Callable[[Act], AuditEntry]
"""The console's audit entry of an act; it is kept in the act's transaction."""


class ReviewRefused(AssayError):
    """What a reviewer asked for can't be done now; the text says why, for a person. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one judge said of an item."""

    judge: str
    grade: int
    confidence: float | None
    reasoning: str
    verdicts: str
    aspects: Mapping[str, int]
    content_key: str
    run_id: UUID | None
    dataset_item: str
    call_id: UUID | None
    judged_at: datetime
    shadow: bool = False
    """Of a candidate that judges in the shadow."""

    @property
    def key(self) -> str:
        """What makes it another opinion than the next: the same judgement found twice is one."""
        return self.content_key or f"{self.run_id}:{self.judge}:{self.dataset_item}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be queued, with all that a page shows of it."""

    subject: Subject
    listing: Mapping[str, object] | None
    """As the judge was told, in the shape of the topic `listings`."""
    segment: Mapping[str, str]
    guideline_version: str
    opinions: Sequence[Opinion]
    anchors: bool = False
    dataset: str = ""
    dataset_item: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate that was drawn."""

    candidate: Candidate
    place: int
    drawn: Draw
    probability: float
    teaches: float
    why: Mapping[str, float]
    """`disagreement`, `doubt`, `traffic`, `drift`, 0 to 1 each."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One filling of the queue."""

    fill_id: UUID
    kind: DatasetKind
    source: FillSource
    told: str
    """The run's name, the period or the alert, for people."""
    frame: int
    """Candidates it was drawn from."""
    items: int
    random_items: int
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the queue without anything that a judge said of it: what a page shows before the answer."""

    item_id: UUID
    subject: Subject
    listing: Mapping[str, object] | None
    segment: Mapping[str, str]
    guideline_version: str
    needed: int
    decided: int | None
    guideline: GuidelineReply | None = None
    """In the version that the judge followed; None where it is not kept."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Hash of the stored thumbnail by picture address, of those that were fetched."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the queue stands for one reviewer. Counts end at `COUNTED`."""

    waiting: int
    """Items this reviewer can still answer."""
    today: int
    """Answers of this reviewer since midnight UTC that stand."""
    disputed: int
    """Items that wait for a decision."""


COUNTED = 1_000
"""How far the queue is counted for a page: beyond a thousand a person needs no exact number."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An item that somebody has answered, with everything: for adjudication, figures and export."""

    item: Item
    acts: Sequence[Act]
    opinions: Sequence[Opinion]
    anchors: bool
    dataset: str
    random_in: Mapping[UUID, float]
    """Probability of its draw by the filling that drew it at random."""


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answered items are wanted."""

    kind: DatasetKind
    fill: UUID | None = None
    disputed: bool = False
    """Only those that wait for a decision."""
    item: UUID | None = None
    at_random: bool = False
    """All that the filling (any, where none is named) drew at random, answered or not."""
    limit: int = 20_000
    """Newest first; 20,000 are a hundred hours of reviewing, and read in a second."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a drift alert points at."""

    alert_id: UUID
    market: str
    """Empty: of all markets."""
    application: str
    queries: Sequence[str]
    """The queries its evidence names; empty: the whole segment."""
    since: datetime
    until: datetime


class ReviewSources(Protocol):
    """Where candidates come from."""

    async def frame(self, kind: DatasetKind, since: datetime, until: datetime, moved: Moved | None = None) -> Frame:
        """The newest label of each pair (or score of each picture) given in [since, until); of an alert, those of its
        segment, with the queries it names marked. ReviewRefused where there are more than a command can hold."""
        ...

    async def candidates(self, kind: DatasetKind, keys: Sequence[int]) -> Sequence[Candidate]:
        """Those keys of a frame in their order, without their products: the catalogue knows them."""
        ...

    async def searches(
        self, queries: Sequence[tuple[str, str, str]], until: datetime
    ) -> Mapping[tuple[str, str, str], int]:
        """Searches of (application, market, query) in the four weeks before `until`; those without any are left out."""
        ...

    async def moved(self, alert: str) -> Moved | None:
        """An alert by its id, or a beginning of it of at least 6 characters."""
        ...

    async def critics(self, content_keys: Sequence[str]) -> Mapping[str, int]:
        """The grade that a critique gave instead, by content key; those it let stand are left out."""
        ...

    async def queued(self, items: Sequence[UUID]) -> set[UUID]:
        """Those that are in the queue, answered or not."""
        ...


class ReviewStore(Protocol):
    """The queue. Everything a person does is a row that stays, with its audit entry where `noted` makes one."""

    async def fill(self, fill: Fill, asked: Sequence[Asked], needed: int) -> int:
        """Queue, in one transaction; an item that is there stays as it is, with one more draw and the judges' newer
        opinions. Returns how many are new."""
        ...

    async def fills(self, kind: DatasetKind, limit: int) -> Sequence[Fill]:
        """Newest first."""
        ...

    async def answered_of(self, fills: Sequence[UUID]) -> Mapping[UUID, int]:
        """By filling, how many of its items somebody has answered; 0 of a filling that is none."""
        ...

    async def take(self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float) -> Item | None:
        """The item this reviewer has on screen, else the next that is for them, leased for so many seconds: never one
        that they have answered or skipped, nor one that enough others have answered or have on screen."""
        ...

    async def item(self, item_id: UUID) -> Item | None:
        """One item."""
        ...

    async def opinions(self, item_id: UUID) -> Sequence[Opinion]:
        """What the judges said of it, the newest first, candidates in the shadow last."""
        ...

    async def acts(self, item_id: UUID) -> Sequence[Act]:
        """All that was done with it, oldest first."""
        ...

    async def answer(
        self, item_id: UUID, reviewer: str, grade: int | None, note: str, at: datetime, noted: Noted | None = None
    ) -> Act:
        """Keep an answer, or a skip (None), and end the lease. ReviewRefused where this reviewer's answer stands
        already, the item is decided or there is none."""
        ...

    async def undo(
        self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float, noted: Noted | None = None
    ) -> UUID:
        """Take back the reviewer's newest answer or skip that stands; its item is on their screen again. ReviewRefused
        where there is none, or its item was decided since."""
        ...

    async def remark(
        self, item_id: UUID, reviewer: str, note: str, tags: Sequence[str], at: datetime, noted: Noted | None = None
    ) -> None:
        """Keep a note and error classes; the newest of a reviewer count."""
        ...

    async def decide(
        self, item_id: UUID, by: str, grade: int, reason: str, at: datetime, noted: Noted | None = None
    ) -> None:
        """Keep the grade that counts; a later decision replaces it. ReviewRefused where nobody has answered."""
        ...

    async def progress(self, reviewer: str, kind: DatasetKind, at: datetime) -> Progress:
        """Where the queue stands."""
        ...

    async def answered(self, wanted: AnswerFilter) -> Sequence[Answered]:
        """Items with an answer that stands (or all of a random share), newest in the queue first."""
        ...


@dataclass(frozen=True, slots=True)
class ReviewRoom:
    """What the review pages are given."""

    store: ReviewStore
    lease_s: float
    adjudicators: tuple[str, ...] = ()
    """Who may decide disagreements without the role `operate`."""
