"""The read side: what the console, the HTTP API and `assay status` ask of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from core.batch_facts import BatchCounts, BatchReport
from core.domain.canary import CanaryRun
from core.engine_models import EngineRunStory, EngineRunView
from core.errors import RetryLater
from core.eval_reads import EvalReads
from core.letter_models import DeadLetterView
from core.money_models import CallFilter, CallStory, CallView, LaneSpend, Spending
from core.read_models import (
    AlertStory,
    AlertView,
    DayCounters,
    PictureReport,
    QueryFilter,
    QueryList,
    QueryRow,
    QueryStory,
    Row,
    Window,
)
from core.trace_models import ResultStory

REPLICA_GONE_S = 30.0
"""A replica silent for so many seconds is gone: six times the five between two of its words."""


class NotMigrated(RetryLater):
    """The database has no tables of ours, or older ones: `assay migrate` has to run first."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What the process says of itself. `ready`: it holds what it was assigned; `detail`: a line per part."""

    loops_turn: bool
    ready: bool
    detail: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: status, and what came of the work."""

    status: StatusReport
    window: Window | None
    days: Sequence[DayCounters]
    labels_day: Mapping[str, int]
    """Labels of the last 24 hours by label."""
    scores_day: int
    alerts: Sequence[AlertView]
    friction: Sequence[QueryRow]


class Reads(EvalReads, Protocol):
    """All questions; each raises RetryLater when the database is away, NotMigrated when it is empty."""

    async def ping(self) -> None:
        """Return if the database answers and has our tables."""
        ...

    async def spend_since(self, since: datetime) -> Spend:
        """What the UTC days from that of `since` on have cost; the budget is one day's."""
        ...

    async def status(self) -> StatusReport:
        """Lag, tasks, spend, dead letters, outbox, replicas."""
        ...

    async def overview(self) -> Overview:
        """The first page."""
        ...

    async def queries(self, wanted: QueryFilter) -> QueryList:
        """Queries by what is to gain."""
        ...

    async def query(self, application: str, market: str, query: str, days: int) -> QueryStory | None:
        """One query; None when nothing is known of it."""
        ...

    async def pictures(self, days: int) -> PictureReport:
        """Scores of pictures."""
        ...

    async def thumbnail(self, image_hash: str) -> bytes | None:
        """A picture's thumbnail (JPEG)."""
        ...

    async def alerts(self) -> Sequence[AlertView]:
        """The newest alerts, newest first."""
        ...

    async def canary_runs(self) -> Sequence[CanaryRun]:
        """The newest judges' runs of the canary set with their outcomes, newest first."""
        ...

    async def alert(self, alert_id: UUID) -> AlertStory | None:
        """One alert."""
        ...

    async def engine_runs(self) -> Sequence[EngineRunView]:
        """The newest comparisons of engines, newest first."""
        ...

    async def engine_run(self, run_id: UUID, engine: str, sort: str) -> EngineRunStory | None:
        """One comparison with its queries of one engine (empty: all), by `largest`, `worse` or `better` difference."""
        ...

    async def calls(self, wanted: CallFilter) -> Sequence[CallView]:
        """The newest LLM calls that are wanted, newest first."""
        ...

    async def spending(self, day: date | None = None) -> Spending:
        """What the last days cost, by what; where a day is named, the breakdowns are that UTC day's alone."""
        ...

    async def batches(self) -> BatchReport:
        """The batch lane: how it stands, the newest batches, what they saved."""
        ...

    async def call(self, call_id: UUID) -> CallStory | None:
        """One call with all that is kept of it."""
        ...

    async def result(self, event_id: UUID) -> ResultStory | None:
        """One label or score by its event's id, with the calls and the guideline behind it."""
        ...

    async def dead_letters(self, reason: str, topic: str) -> Sequence[DeadLetterView]:
        """The newest dead letters, newest first; empty text means all."""
        ...

    async def dead_letter_counts(self) -> Sequence[ReasonCount]:
        """Dead letters by reason and topic."""
        ...

    async def relevance(self, application: str | None, market: str, query: str) -> Sequence[Row]:
        """Rows of `assay.relevance_labels` of one normalised query, by listing id."""
        ...

    async def image_scores(self, listing_id: str) -> Sequence[Row]:
        """Rows of `assay.image_scores` of one listing, by address."""
        ...
