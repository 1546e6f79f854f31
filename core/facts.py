"""What crosses the ports: requests, tasks, listings, labels, events, as plain frozen records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.domain.judging import GuidelineReply
from core.domain.labels import Label, Lane, Mode, SelectionReason
from core.domain.sampling import PLAIN, Sampling


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
    purpose: Literal["guideline", "judgements", "picture_description", "picture_scores", "critique"]
    model: str
    prompt_version: str
    system: str
    user: tuple[Part, ...]
    schema: Mapping[str, object]
    max_output_tokens: int
    subject: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    check: Callable[[str], object] | None = None
    """Raises an LlmError for a reply that is no answer, such as LlmInvalid: the call then ends with that status."""
    tasks: tuple[UUID, ...] = ()
    """The tasks that the call is made for: a call's story is told by them."""
    sampling: Sampling = PLAIN
    still: Callable[[], None] | None = None
    """Asked before a call that waited is sent: raises an LlmError, such as LlmBreakerOpen, once it need not be."""


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
    asked_model: str = ""
    """The model's name as it was asked for: `model` is what the endpoint calls it. Labels carry this one."""


TaskKind = Literal["relevance", "image", "image_label", "anchor", "shadow", "shadow_image"]
"""`image`: a picture to fetch and score; `image_label`: one that the student has scored, for the judge to look
at; `shadow`, `shadow_image`: a pair or picture that was just judged, for a candidate that is not live."""


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
    lease: int = 0
    """Number of this lease among the task's: who names another one no longer holds the task."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """How often each kind of failure has met it so far, as `core.domain.failures` names them."""


@dataclass(frozen=True, slots=True)
class TaskRetry:
    """Back to waiting until `not_before`, shown with `reason`; `counts` false gives the attempt back
    (rate limit, budget, missing key: nobody's fault but ours)."""

    task_id: UUID
    reason: str
    not_before: datetime
    counts: bool = True
    lease: int | None = None
    """The lease that ends; None: whichever it is."""


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """An end state with its reason; never a label."""

    task_id: UUID
    reason: str
    lease: int | None = None
    """As in `TaskRetry`."""


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
    judge: str = ""
    """The judge version that gave it: `name@hash`."""
    verdicts: str = ""
    """One letter a requirement of the guideline: `y` met, `n` not met, `?` not told."""


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
    judge: str = ""
    """As of a label; empty for the student's."""
    flags: tuple[str, ...] = ()
    """What the judge saw beside the scores, as `core.domain.judging` names it: `ai_made`, `over_edited`, …"""
    spread: float | None = None
    """The student's own doubt, in points of the score; None for a judge's."""
    alike_of: str = ""
    """Hash of the picture that was looked at, where this one only looks like it and shares its score."""


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
    phash: int | None = None
    """Perceptual hash: 64 bits, as a signed number; None where the picture is too plain to have one."""
    features: Mapping[str, bytes] = field(default_factory=dict)
    """What a student sees, by the extractor that made it: little-endian 32-bit floats."""
    etag: str = ""
    last_modified: str = ""
    """The validators that the host gave, as they came; empty where it gave none."""
    thumbnail: bytes = b""
    """A small JPEG for the console, where whoever decoded it made one."""


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """What is kept of the picture that a URL showed last."""

    image_hash: str
    measures: Mapping[str, float]
    phash: int | None
    features: Mapping[str, bytes]
    etag: str
    last_modified: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A Kafka record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    timestamp_ms: int | None = None
