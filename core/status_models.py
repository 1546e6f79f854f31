"""How the service stands, as `assay status`, overview and metrics tell it: partitions, replicas, tasks, money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.batch_facts import BatchCounts
from core.money_models import LaneSpend

REPLICA_GONE_S = 30.0
"""A replica silent for so many seconds is gone: six times the five between two of its words."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """One partition: `applied` is the last offset whose effect is stored, `end_offset` the next to be written."""

    topic: str
    partition: int
    applied: int
    end_offset: int
    watermark: datetime | None
    open_sessions: int
    owner: str
    updated_at: datetime
    stopped: str | None = None
    """Why it waits for a person, `flood` or `topic_made_again`; None when it does not."""
    stopped_detail: str = ""
    stopped_at: datetime | None = None
    pass_until: int = -1
    """Up to this offset a flood of dead letters is let through."""
    missing: int = 0
    """Records that retention took before they were read."""

    @property
    def lag(self) -> int:
        """Records written and not yet applied."""
        return max(0, self.end_offset - 1 - self.applied)

    def lag_s(self, at: datetime) -> float | None:
        """Seconds from the watermark to `at` while there is lag, else 0; None when no record was usable yet."""
        if self.lag == 0:
            return 0.0
        return None if self.watermark is None else max(0.0, (at - self.watermark).total_seconds())


@dataclass(frozen=True, slots=True)
class Replica:
    """One `assay run`: what it runs, since when, and when it last said so; times and `silent_s` by the database."""

    name: str
    processes: Sequence[str]
    started_at: datetime
    seen_at: datetime
    silent_s: float
    """Seconds since it last said so."""

    @property
    def gone(self) -> bool:
        """Whether it ended without a word, or can't reach the database."""
        return self.silent_s > REPLICA_GONE_S


@dataclass(frozen=True, slots=True)
class TaskCount:
    """Tasks that are alike; `oldest` is when the first of them was queued, `next_try` when the first that waits may be
    taken."""

    kind: str
    lane: str
    state: str
    reason: str
    count: int
    oldest: datetime
    next_try: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spend:
    """LLM calls of the UTC day so far, in US dollars and tokens; `failed` calls gave no usable answer.

    `usd` is spent by ended calls, `reserved_usd` held for those under way at their worst case.
    """

    usd: float
    reserved_usd: float
    budget_usd: float
    calls: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    lanes: Sequence[LaneSpend] = ()
    """Today's, in the order of the lanes, with what waits for money."""
    unlisted: Sequence[str] = ()
    """Models that were called today at the high default price, for want of a price of their own."""

    @property
    def used(self) -> float:
        """Share of the day's budget, 0 to 1 (and beyond, where the budget was lowered during the day)."""
        taken = self.usd + self.reserved_usd
        return taken / self.budget_usd if self.budget_usd else float(taken > 0)


@dataclass(frozen=True, slots=True)
class StoppedModel:
    """A model that a living replica sends nothing to, since its calls failed; `half_open`: one probe is out."""

    replica: str
    endpoint: str
    model: str
    phase: str
    why: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class HeldEndpoint:
    """An endpoint that asked to be left alone (Retry-After): no replica sends it anything `until` then."""

    endpoint: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Dead letters of one reason and topic."""

    reason: str
    topic: str
    count: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class StatusReport:
    """How the service stands at `at`."""

    at: datetime
    streams: Sequence[StreamPosition]
    tasks: Sequence[TaskCount]
    spend: Spend
    dead_letters: Sequence[ReasonCount]
    outbox_waiting: int
    outbox_oldest: datetime | None
    """When the first event that still waits was made; None when none does."""
    replicas: Sequence[Replica] = ()
    stopped_models: Sequence[StoppedModel] = ()
    batches: BatchCounts | None = None
    held_endpoints: Sequence[HeldEndpoint] = ()

    def held_by(self, name: str) -> list[StreamPosition]:
        """The partitions that a replica took last."""
        return [stream for stream in self.streams if stream.owner == name]

    def is_gone(self, owner: str) -> bool:
        """Whether a partition's owner runs no more, by its own end or another's hand."""
        return owner not in {replica.name for replica in self.replicas if not replica.gone}
