"""Every outside effect by name. `core.adapters` does them; stages, consumers and tests see only these.

A port speaks the domain's language: no driver's type, no SQL, no HTTP status crosses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from core.domain.judging import GuidelineReply
from core.domain.labels import Label, Lane, Mode, SelectionReason


class Clock(Protocol):
    """The only source of time. Simulations pass their own."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a simulated clock may return at once."""
        ...


# --- LLM -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of a prompt."""

    text: str


@dataclass(frozen=True, slots=True)
class PicturePart:
    """A picture of a prompt: JPEG bytes as downscaled for the model, its size in pixels."""

    jpeg: bytes
    width: int
    height: int


Part = TextPart | PicturePart


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """One call: rules in `system` (never data), data in `user`, and the JSON Schema that the reply must meet."""

    lane: Lane
    purpose: Literal["guideline", "judgements", "picture_description", "picture_scores"]
    model: str
    prompt_version: str
    system: str
    user: tuple[Part, ...]
    schema: Mapping[str, object]
    max_output_tokens: int
    subject: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class LlmReply:
    """An answered call: text that is JSON, the model that gave it, and what it took."""

    call_id: UUID
    text: str
    model: str
    fingerprint: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    latency_ms: int


class Llm(Protocol):
    """A chat model behind rate, budget and ledger."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Answer, or raise one of `core.errors.LlmError`. Waits for rate and in-flight limits; never passes them."""
        ...


# --- Work ------------------------------------------------------------------------------------------------

TaskKind = Literal["relevance", "image", "anchor"]


@dataclass(frozen=True, slots=True)
class NewTask:
    """Work to queue, unique by `task_key`: asked again while waiting, running or done, nothing is added."""

    task_key: str
    kind: TaskKind
    lane: Lane
    group_key: str
    """Tasks of one group (one query's products) are leased together, so that one call serves them."""
    subject: Mapping[str, str]
    """`application`, `market`, `query`, `listing_id`, `image_url`, those that apply; shown in `judge_tasks`."""
    payload: Mapping[str, object] = field(default_factory=dict)
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """Leased work. `attempts` counts this lease too."""

    task_id: UUID
    task_key: str
    kind: TaskKind
    lane: Lane
    group_key: str
    subject: Mapping[str, str]
    payload: Mapping[str, object]
    attempts: int


@dataclass(frozen=True, slots=True)
class TaskRetry:
    """Back to waiting until `not_before`, shown with `reason`; `counts` false gives the attempt back
    (rate limit, budget, missing key: nobody's fault but ours)."""

    task_id: UUID
    reason: str
    not_before: datetime
    counts: bool = True


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """An end state with its reason; never a label."""

    task_id: UUID
    reason: str


class TaskInbox(Protocol):
    """Judge tasks in Postgres: unique keys, lanes, priorities, leases."""

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Queue; returns how many are new. A failed task with the same key starts anew."""
        ...

    async def lease(self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float) -> list[list[Task]]:
        """Take up to `groups` groups of at most `per_group` runnable tasks, best lane, then priority, then age first.
        A lease that has ended is runnable again."""
        ...

    async def renew(self, task_ids: Sequence[UUID], seconds: float) -> None:
        """Heartbeat: the lease ends `seconds` from now."""
        ...

    async def release(self, retries: Sequence[TaskRetry], failures: Sequence[TaskFailure]) -> None:
        """End leases without a result."""
        ...

    async def runnable(self, kinds: Sequence[TaskKind]) -> int:
        """How many tasks could run now or are running."""
        ...


# --- Catalogue -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """A product as the catalogue tells it; what it does not tell is None or empty."""

    listing_id: str
    market: str
    language: str | None
    title: str
    description: str | None
    brand: str | None
    category: str | None
    price_amount: float | None
    price_currency: str | None
    attributes: Mapping[str, str]
    image_urls: tuple[str, ...]
    content_hash: str


class Catalogue(Protocol):
    """Listings as the stream last told them."""

    async def listings(self, ids: Sequence[str]) -> dict[str, Listing]:
        """The known, undeleted ones among `ids`."""
        ...


# --- Judgements ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredGuideline:
    """A query's guideline. `version` is what labels carry."""

    version: str
    prompt_version: str
    model: str
    author: str
    body: GuidelineReply


@dataclass(frozen=True, slots=True)
class LabelFact:
    """One label with its whole provenance; append-only, unique by `content_key`."""

    event_id: UUID
    content_key: str
    application: str
    market: str
    query: str
    listing_id: str
    label: Label
    confidence: float
    reasoning: str
    reason: SelectionReason
    mode: Mode
    model: str
    fingerprint: str
    prompt_version: str
    guideline_version: str
    content_hash: str
    image_hash: str | None
    judged_at: datetime
    call_id: UUID


@dataclass(frozen=True, slots=True)
class ImageScoreFact:
    """One picture's score for one listing, append-only, unique by `content_key`."""

    event_id: UUID
    content_key: str
    listing_id: str
    image_url: str
    image_hash: str
    score: int
    aspects: Mapping[str, int]
    reasoning: str
    tier: Literal["llm", "student"]
    model: str
    fingerprint: str
    prompt_version: str
    judged_at: datetime
    call_id: UUID | None


@dataclass(frozen=True, slots=True)
class AnchorOutcome:
    """What today's judge says of an anchor: a human-labelled pair judged anew, past every cache."""

    anchor_id: str
    night: str
    label: Label
    model: str
    fingerprint: str
    call_id: UUID
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """A CloudEvent to publish. `event_id` is the uuid5 of its content key."""

    event_id: UUID
    topic: str
    key: str
    type: str
    time: datetime
    body: bytes


class JudgementStore(Protocol):
    """Intermediate steps and results of judging. Every `save_*` is one transaction."""

    async def guideline(self, market: str, query: str, language: str, prompt_version: str) -> StoredGuideline | None:
        """The newest guideline: a person's edit wins over any model's; a model's of another prompt version is none."""
        ...

    async def save_guideline(
        self, market: str, query: str, language: str, guideline: StoredGuideline, at: datetime
    ) -> StoredGuideline:
        """Store; returns the one that stands (another replica may have been first)."""
        ...

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
    ) -> None:
        """As `save_labels`."""
        ...

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        """Outcomes and the end of their tasks; one a night and anchor."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A fetched picture: hash of its bytes, and the JPEG that is sent to a model."""

    image_hash: str
    jpeg: bytes
    width: int
    height: int
    original_width: int
    original_height: int
    byte_size: int
    media_type: str
    measures: Mapping[str, float]
    """Technical tier: `sharpness`, `exposure`, `contrast`, `border_share`, … as `core.domain.images` names them."""


class PictureSource(Protocol):
    """Pictures by URL, behind the address checks and limits of DESIGN 7."""

    async def fetch(self, url: str) -> Picture:
        """Fetch, decode, measure, downscale; raises PictureError. One fetch of one URL at a time."""
        ...


class PictureStore(Protocol):
    """What is kept of a picture: hash, size, measures, a thumbnail."""

    async def save_picture(self, url: str, picture: Picture, thumbnail: bytes, at: datetime) -> None:
        """Store once per hash and remember which URL it came from."""
        ...


# --- Streams ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A Kafka record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    timestamp_ms: int | None = None


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


class Notifications(Protocol):
    """A way to stop waiting early when new work arrives; losing one only costs the poll interval."""

    def wake(self, channel: str) -> AsyncIterator[None]:
        """Yields after each notification."""
        ...
