"""Reports of the tiers, for the console."""

from __future__ import annotations

from uuid import UUID

from core.adapters.eval_runs import PostgresRuns
from core.adapters.postgres import Pool
from core.adapters.tiers import PostgresTiers
from core.domain.evaluation.checks.report import TierReport, TierStory

SHOWN_REPORTS = 100
"""Newest reports listed: a judge a day for three months."""

SHOWN_FLAGGED = 200
"""Flagged judgements of a report on its page: an hour's reading, those first to which most tiers object."""


class TierReader:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._runs = PostgresRuns(pool)
        self._tiers = PostgresTiers(pool)

    async def newest(self) -> list[TierReport]:
        """Of all subjects, newest first."""
        return list(await self._tiers.subjects(SHOWN_REPORTS))

    async def of_run(self, ref: str) -> TierStory | None:
        """The newest of each judge; None where there is no such run."""
        run = await self._runs.find(ref)
        if run is None:
            return None
        subject = f"run:{run.run_id}"
        return await self._story(subject, run.name, list(await self._tiers.reports(subject)))

    async def one(self, report_id: UUID) -> TierStory | None:
        """One report."""
        report = await self._tiers.report(report_id)
        return None if report is None else await self._story(report.subject, report.told, [report])

    async def _story(self, subject: str, told: str, reports: list[TierReport]) -> TierStory:
        found = [(each, tuple(await self._tiers.flagged(each.report_id, SHOWN_FLAGGED))) for each in reports]
        return TierStory(subject, told, tuple(found))
