"""The read side: what the console, the HTTP API and `assay status` ask of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from core.batch_facts import BatchReport
from core.domain.canary import CanaryRun
from core.engine_models import EngineRunStory, EngineRunView
from core.errors import RetryLater
from core.eval_reads import EvalReads
from core.letter_models import DeadLetterView
from core.money_models import CallFilter, CallStory, CallView, Spending
from core.picture_reads import PictureReads
from core.read_models import (
    AlertStory,
    AlertView,
    DayCounters,
    QueryFilter,
    QueryList,
    QueryRow,
    QueryStory,
    Row,
    Window,
)
from core.status_models import ReasonCount, Spend, StatusReport
from core.trace_models import ResultStory


class NotMigrated(RetryLater):
    """The database has no tables of ours, or older ones: `assay migrate` has to run first."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What the process says of itself. `ready`: it holds what it was assigned; `detail`: a line per part."""

    loops_turn: bool
    ready: bool
    detail: Mapping[str, str] = field(default_factory=dict)


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
    picture_alerts: int = 0
    """Alerts about picture scores of the last week."""


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

    @property
    def pictures(self) -> PictureReads:
        """Questions about pictures and their scores."""
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
        """Rows of `assay.image_scores` of one listing, by address, each with its flags and spread."""
        ...

    async def listing_image_score(self, listing_id: str) -> Row | None:
        """The listing's row of `assay.listing_image_scores`; None where it is not known or shows no picture."""
        ...
