"""What crosses the batch lane's ports: calls, batches, results and their money, as plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.domain.batches import BatchState, ItemState
from core.domain.labels import Lane


@dataclass(frozen=True, slots=True)
class NewItem:
    """A call asked for in a batched lane. `key`: SHA-256 of `body`, the JSON that would go over the wire. `tokens` and
    `worst` (picodollars) as they are reserved; `kept` is the request as a person may read it, JSON without pictures."""

    call_id: UUID
    key: str
    lane: Lane
    purpose: str
    model: str
    prompt_version: str
    prompt_hash: str
    system: str
    subject: Mapping[str, str]
    tasks: tuple[UUID, ...]
    body: str
    kept: str
    input_tokens: int
    tokens: int
    worst: int


@dataclass(frozen=True, slots=True)
class Item:
    """The call that stands for a key. `http_status` and `answer` are the provider's, when `state` is `answered`."""

    call_id: UUID
    state: ItemState
    deadline_at: datetime
    http_status: int | None
    answer: str
    cost: int
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that has not ended."""

    batch_id: UUID
    lane: Lane
    model: str
    state: BatchState
    requests: int
    input_file: str | None
    provider_id: str | None
    accepted: bool
    asked_at: datetime
    created_at: datetime
    tried_at: datetime | None
    ordered_at: datetime | None
    deadline_at: datetime
    looks: int
    next_look_at: datetime
    cancel_asked_at: datetime | None
    cancel_sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallMoney:
    """What is reserved for a call of a batch; `tokens` and `worst` (picodollars) at their worst case."""

    call_id: UUID
    lane: Lane
    purpose: str
    model: str
    prompt_version: str
    prompt_hash: str
    subject: Mapping[str, str]
    tasks: tuple[UUID, ...]
    tokens: int
    worst: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A call of a batch that has ended and is not settled yet. `answer` empty: none came, and `why` says why;
    `free` then says whether the provider certainly bills nothing."""

    call_id: UUID
    lane: Lane
    model: str
    http_status: int | None
    answer: str
    why: str
    free: bool
    kept: str
    worst: int
    started_at: datetime
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a call took: its status in the ledger, picodollars, what it would have cost the usual way, tokens."""

    call_id: UUID
    lane: Lane
    model: str
    status: str
    cost: int
    live: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """A line of an output or error file. `usable` false: the failure is not the request's own (the provider's trouble,
    its rate limit, the batch's expiry), so the usual way may answer it."""

    call_id: UUID
    http_status: int | None
    answer: str
    usable: bool
    why: str


@dataclass(frozen=True, slots=True)
class ProviderBatch:
    """A batch as the provider tells it; `done` counts requests it has finished. `queue_full`: it was refused because
    too many tokens are queued already, and may be ordered again later."""

    provider_id: str
    status: str
    output_file: str | None = None
    error_file: str | None = None
    done: int = 0
    error: str = ""
    queue_full: bool = False


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How the lane stands: calls collected and ordered, calls whose tasks are to be woken, batches that have not ended,
    and those of them that are past their deadline."""

    collected: int
    ordered: int
    to_wake: int
    open: int
    late: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as a person sees it. `provider_done`: requests that the provider has finished. Of a batch that has ended,
    `answered`, `failed` (refused by the provider) and `unanswered` (asked live instead) are all its requests."""

    batch_id: UUID
    lane: Lane
    model: str
    state: BatchState
    provider_status: str
    provider_id: str | None
    requests: int
    provider_done: int
    answered: int
    failed: int
    unanswered: int
    created_at: datetime
    ordered_at: datetime | None
    deadline_at: datetime
    ended_at: datetime | None
    cancel_asked_at: datetime | None
    cost_usd: float
    live_usd: float
    error: str


@dataclass(frozen=True, slots=True)
class BatchSaving:
    """Batches of one lane and model that have ended lately, and what their answers would have cost the usual way."""

    lane: Lane
    model: str
    batches: int
    answered: int
    unanswered: int
    cost_usd: float
    live_usd: float


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The batch lane: how it stands, the newest batches, what was saved in `days`. `oldest`: since when the first
    collected call waits for a batch. Times are real ones, on a simulated clock too."""

    counts: BatchCounts
    oldest: datetime | None
    batches: Sequence[BatchView]
    savings: Sequence[BatchSaving]
    days: int
