"""The read side on PostgreSQL: every question is one connection and a few statements that an index serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from uuid import UUID

import asyncpg

from core.adapters import (
    reads_batches,
    reads_calls,
    reads_drift,
    reads_engines,
    reads_judgements,
    reads_money,
    reads_picture_watches,
    reads_queries,
    reads_query,
    reads_results,
    reads_status,
)
from core.adapters.canary_store import newest_runs
from core.adapters.postgres import Connection, Pool, connection
from core.adapters.reads_evals import EvalReader
from core.adapters.reads_picture_pages import PictureReader
from core.adapters.reads_tiers import TierReader
from core.batch_facts import BatchReport
from core.domain.canary import CanaryRun
from core.domain.evaluation.checks.report import TierReport, TierStory
from core.domain.evaluation.gate import Gate
from core.domain.evaluation.report import Asked, Evaluations, Report
from core.domain.labels import Lane
from core.engine_models import EngineRunStory, EngineRunView
from core.errors import RetryLater
from core.letter_models import DeadLetterView
from core.money_models import CallFilter, CallStory, CallView, Spending
from core.ports import Clock
from core.read_models import (
    AlertStory,
    AlertView,
    QueryFilter,
    QueryList,
    QueryStory,
    Row,
)
from core.read_ports import NotMigrated, Overview
from core.status_models import ReasonCount, Spend, StatusReport
from core.trace_models import ResultStory

PING_TIMEOUT_S = 2.0
"""Seconds for a ping: probes ask every few seconds, and a database this slow serves nobody."""

OVERVIEW_DAYS = 14
"""Days of the first page's plots: two weeks even out weekdays."""

OVERVIEW_ROWS = 5
"""Alerts and queries on the first page: the rest is one click away."""

CANARY_RUNS = 12
"""Judges on the safety page: a year of prompts that change monthly."""

_MISSING = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError)


class PostgresReads:
    """`core.read_ports.Reads` over a pool made by `open_pool`; the budgets (US dollars a day) are only shown."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        budget_usd_per_day: float,
        min_sessions: int = 20,
        lane_budgets_usd: Mapping[Lane, float] | None = None,
    ) -> None:
        self._pool = pool
        self._evals = EvalReader(pool)
        self._tiers = TierReader(pool)
        self.pictures = PictureReader(self._connection, clock)
        self._clock = clock
        self._budget_usd = budget_usd_per_day
        self._min_sessions = min_sessions
        self._lane_budgets_usd = lane_budgets_usd or {}

    async def ping(self) -> None:
        """Return if the database answers in time and has our tables; RetryLater, NotMigrated."""
        try:
            await asyncio.wait_for(self._ping(), PING_TIMEOUT_S)
        except TimeoutError:
            raise RetryLater(f"PostgreSQL did not answer within {PING_TIMEOUT_S} s") from None

    async def _ping(self) -> None:
        async with self._connection() as held:
            await held.fetchval("SELECT 1 FROM assay_data.stream_partitions LIMIT 1")

    async def spend_since(self, since: datetime) -> Spend:
        """What the UTC days from that of `since` on have cost; the budget is one day's."""
        async with self._connection() as held:
            return await self._spend(held, since)

    async def status(self) -> StatusReport:
        """Lag, tasks, spend, dead letters, outbox."""
        now = self._clock.now()
        async with self._connection() as held:
            return await reads_status.status(held, now, await self._spend(held, now))

    async def _spend(self, held: Connection, since: datetime) -> Spend:
        return await reads_money.spend(held, since, self._clock.now(), self._budget_usd, self._lane_budgets_usd)

    async def spending(self, day: date | None = None) -> Spending:
        """What the last days cost, by what; where a day is named, the breakdowns are that UTC day's alone."""
        async with self._connection() as held:
            return await reads_money.spending(held, self._clock.now(), day)

    async def overview(self) -> Overview:
        """The first page."""
        now = self._clock.now()
        wanted = QueryFilter(days=OVERVIEW_DAYS, min_sessions=self._min_sessions)
        async with self._connection() as held:
            window = await reads_queries.window(held, OVERVIEW_DAYS)
            labels, scores = await reads_status.made_since_yesterday(held, now)
            friction = await reads_queries.query_list(held, wanted, OVERVIEW_ROWS)
            return Overview(
                status=await reads_status.status(held, now, await self._spend(held, now)),
                window=window,
                days=[] if window is None else await reads_queries.days_of_all(held, window),
                labels_day=labels,
                scores_day=scores,
                alerts=(await reads_drift.alerts(held))[:OVERVIEW_ROWS],
                friction=[row for row in friction.rows if row.excess > 0],
                picture_alerts=await reads_picture_watches.alerts_since(held, now),
            )

    async def queries(self, wanted: QueryFilter) -> QueryList:
        """Queries by what is to gain."""
        async with self._connection() as held:
            return await reads_queries.query_list(held, wanted)

    async def query(self, application: str, market: str, query: str, days: int) -> QueryStory | None:
        """One query; None when nothing is known of it."""
        async with self._connection() as held:
            return await reads_query.query_story(held, application, market, query, days)

    async def thumbnail(self, image_hash: str) -> bytes | None:
        """A picture's thumbnail (JPEG)."""
        async with self._connection() as held:
            return await reads_judgements.thumbnail(held, image_hash)

    async def alerts(self) -> Sequence[AlertView]:
        """The newest alerts, newest first."""
        async with self._connection() as held:
            return await reads_drift.alerts(held)

    async def canary_runs(self) -> Sequence[CanaryRun]:
        """The newest judges' runs of the canary set with their outcomes, newest first."""
        async with self._connection() as held:
            return await newest_runs(held, CANARY_RUNS)

    async def alert(self, alert_id: UUID) -> AlertStory | None:
        """One alert."""
        async with self._connection() as held:
            return await reads_drift.alert(held, alert_id)

    async def engine_runs(self) -> Sequence[EngineRunView]:
        """The newest comparisons of engines, newest first."""
        async with self._connection() as held:
            return await reads_engines.engine_runs(held)

    async def engine_run(self, run_id: UUID, engine: str, sort: str) -> EngineRunStory | None:
        """One comparison with its queries."""
        async with self._connection() as held:
            return await reads_engines.engine_run(held, run_id, engine, sort)

    async def calls(self, wanted: CallFilter) -> Sequence[CallView]:
        """The newest LLM calls that are wanted, newest first."""
        async with self._connection() as held:
            return await reads_calls.calls(held, wanted)

    async def batches(self) -> BatchReport:
        """The batch lane."""
        async with self._connection() as held:
            return await reads_batches.batches(held)

    async def call(self, call_id: UUID) -> CallStory | None:
        """One call."""
        async with self._connection() as held:
            return await reads_calls.call(held, call_id)

    async def result(self, event_id: UUID) -> ResultStory | None:
        """One label or score with its calls."""
        async with self._connection() as held:
            return await reads_results.result(held, event_id)

    async def dead_letters(self, reason: str, topic: str) -> Sequence[DeadLetterView]:
        """The newest dead letters, newest first."""
        async with self._connection() as held:
            return await reads_status.dead_letters(held, reason, topic)

    async def dead_letter_counts(self) -> Sequence[ReasonCount]:
        """Dead letters by reason and topic."""
        async with self._connection() as held:
            return await reads_status.dead_letter_counts(held)

    async def relevance(self, application: str | None, market: str, query: str) -> Sequence[Row]:
        """Rows of `assay.relevance_labels` of one normalised query, by listing id."""
        async with self._connection() as held:
            return await reads_judgements.relevance(held, application, market, query)

    async def image_scores(self, listing_id: str) -> Sequence[Row]:
        """Rows of `assay.image_scores` of one listing, by address, each with its flags and spread."""
        async with self._connection() as held:
            return await reads_judgements.image_scores(held, listing_id)

    async def listing_image_score(self, listing_id: str) -> Row | None:
        """The listing's row of `assay.listing_image_scores`; None where it is not known or shows no picture."""
        async with self._connection() as held:
            return await reads_judgements.listing_image_score(held, listing_id)

    async def evaluations(self) -> Evaluations:
        """Runs, datasets and gates of evaluation."""
        async with _migrated():
            return await self._evals.evaluations()

    async def eval_report(self, run: str, asked: Asked) -> Report | None:
        """A run's report; None where there is no such run."""
        async with _migrated():
            return await self._evals.eval_report(run, asked)

    async def gates(self, run_id: UUID | None = None) -> Sequence[Gate]:
        """The newest gates, newest first."""
        async with _migrated():
            return await self._evals.gates(run_id)

    async def gate(self, gate_id: UUID) -> Gate | None:
        """One gate."""
        async with _migrated():
            return await self._evals.gate(gate_id)

    async def tier_reports(self) -> Sequence[TierReport]:
        """The newest reports of the tiers."""
        async with _migrated():
            return await self._tiers.newest()

    async def run_tiers(self, run: str) -> TierStory | None:
        """Of a run; None where there is no such run."""
        async with _migrated():
            return await self._tiers.of_run(run)

    async def tier_report(self, report_id: UUID) -> TierStory | None:
        """One report."""
        async with _migrated():
            return await self._tiers.one(report_id)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with _migrated(), connection(self._pool) as held:
            yield held


@asynccontextmanager
async def _migrated() -> AsyncIterator[None]:
    try:
        yield
    except _MISSING as error:
        raise NotMigrated("the database lacks tables of this version; run `assay migrate`") from error
