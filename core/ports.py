"""Every outside effect by name. `core.adapters` does them; stages, consumers and tests see only these.

A port speaks the domain's language: no driver's type, no SQL, no HTTP status crosses it. What crosses is in
`core.facts`, and offered from here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.labels import Lane
from core.facts import (
    AnchorOutcome,
    ImageScoreFact,
    LabelFact,
    Listing,
    LlmReply,
    LlmRequest,
    NewTask,
    OutgoingEvent,
    OutgoingRecord,
    Part,
    Picture,
    PicturePart,
    SeenPicture,
    StoredGuideline,
    Task,
    TaskFailure,
    TaskKind,
    TaskRetry,
    TextPart,
)

__all__ = [
    "AnchorOutcome",
    "Catalogue",
    "Clock",
    "ImageScoreFact",
    "JudgementStore",
    "LabelFact",
    "Leadership",
    "Listing",
    "Llm",
    "LlmReply",
    "LlmRequest",
    "NewTask",
    "Outbox",
    "OutgoingEvent",
    "OutgoingRecord",
    "Part",
    "Picture",
    "PictureHost",
    "PicturePart",
    "PictureSource",
    "PictureStore",
    "RecordSink",
    "SeenPicture",
    "StoredGuideline",
    "Task",
    "TaskFailure",
    "TaskInbox",
    "TaskKind",
    "TaskRetry",
    "TextPart",
]


class Clock(Protocol):
    """The only source of time. Simulations pass their own."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a simulated clock may return at once."""
        ...


class Llm(Protocol):
    """A chat model behind rate, budget and ledger."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Answer, or raise one of `core.errors.LlmError`. Waits for rate and in-flight limits; never passes them."""
        ...


class TaskInbox(Protocol):
    """Judge tasks in Postgres: unique keys, lanes, priorities, leases."""

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Queue; returns how many are new. A failed task with the same key starts anew."""
        ...

    async def lease(
        self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float, lane: Lane | None = None
    ) -> list[list[Task]]:
        """Take up to `groups` groups of at most `per_group` runnable tasks, best lane, then priority, then age first;
        of one `lane` alone where it is given. A lease that has ended is runnable again; a task that has had too many
        such ends fails as `crashed` instead, and one that had several is a group by itself."""
        ...

    async def renew(self, tasks: Sequence[Task], seconds: float) -> set[UUID]:
        """Heartbeat: the leases of those tasks end `seconds` from now. Returns those that somebody else has leased
        since, because the caller's lease had run out."""
        ...

    async def release(self, retries: Sequence[TaskRetry], failures: Sequence[TaskFailure]) -> None:
        """End leases without a result; a lease that is another's now is left alone."""
        ...

    async def runnable(self, kinds: Sequence[TaskKind], within_s: float = 0.0) -> int:
        """How many tasks are running or could run within so many seconds from now."""
        ...


class Catalogue(Protocol):
    """Listings as the stream last told them."""

    async def listings(self, ids: Sequence[str]) -> dict[str, Listing]:
        """The known, undeleted ones among `ids`."""
        ...


class JudgementStore(Protocol):
    """Intermediate steps and results of judging. Every `save_*` is one transaction."""

    async def description(self, image_hash: str, prompt_version: str, model: str) -> str | None:
        """The picture in words, if made."""
        ...

    async def save_description(self, image_hash: str, prompt_version: str, model: str, text: str) -> None:
        """Store once."""
        ...

    async def labels(self, content_keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a label already."""
        ...

    async def image_score(self, image_hash: str, prompt_version: str, model: str) -> ImageScoreFact | None:
        """A score that this very picture already has, whichever listing it was given for."""
        ...

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        """Labels, their events and the end of their tasks. A known content key adds neither row nor event."""
        ...

    async def save_image_score(
        self,
        facts: Sequence[ImageScoreFact],
        events: Sequence[OutgoingEvent],
        done: Sequence[UUID],
        at: datetime,
        more: Sequence[NewTask] = (),
    ) -> None:
        """As `save_labels`; `more` are tasks queued in the same transaction: pictures the judge is to look at too."""
        ...

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        """Outcomes and the end of their tasks; one a night and anchor."""
        ...


class PictureSource(Protocol):
    """Pictures by URL, behind the address checks and limits of DESIGN 7."""

    async def fetch(self, url: str) -> Picture:
        """Fetch, decode, measure, downscale; raises PictureError. One fetch of one URL at a time."""
        ...


class PictureHost(PictureSource, Protocol):
    """Pictures by URL of whom one may ask only for what changed."""

    async def fetch_changed(self, url: str, etag: str, last_modified: str) -> Picture | None:
        """As `fetch`, but None where the host says that the picture is the one of these validators (HTTP 304)."""
        ...


class PictureStore(Protocol):
    """What is kept of a picture: hash, size, measures, a thumbnail."""

    async def save_picture(self, url: str, picture: Picture, thumbnail: bytes, at: datetime) -> None:
        """Store once per hash and remember which URL it came from, with the host's validators."""
        ...

    async def unchanged(self, url: str, image_hash: str, at: datetime) -> None:
        """The host said then that the URL still shows this picture."""
        ...

    async def seen(self, url: str) -> SeenPicture | None:
        """What is kept of the picture that this URL showed last."""
        ...


class RecordSink(Protocol):
    """A Kafka producer: idempotent, `acks=all`."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Deliver all or raise RetryLater; safe to repeat."""
        ...

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Make those that are missing, with the broker's default partitions."""
        ...


class Outbox(Protocol):
    """Events waiting to be published."""

    def batch(self, limit: int) -> AbstractAsyncContextManager[Sequence[OutgoingEvent]]:
        """The oldest unpublished events, locked; leaving the block without an error marks them published."""
        ...

    async def unpublished(self) -> int:
        """How many wait."""
        ...


class Leadership(Protocol):
    """At most one replica at a time holds a named lead (an advisory lock of its own connection)."""

    def lead(self, name: str) -> AbstractAsyncContextManager[bool]:
        """True inside the block when this replica leads; false when another does."""
        ...
