"""What pages and commands ask of evaluation's store: reports, and gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from core.domain.evaluation.checks.report import TierReport, TierStory
from core.domain.evaluation.gate import Gate
from core.domain.evaluation.report import Asked, Evaluations, Report


class EvalReads(Protocol):
    """The read side of evaluation."""

    async def evaluations(self) -> Evaluations:
        """Runs, datasets and gates, newest first."""
        ...

    async def eval_report(self, run: str, asked: Asked) -> Report | None:
        """On a run by name, id or a beginning of the id; None where there is none. UsageError for a judge or a segment
        that it does not have."""
        ...

    async def gates(self, run_id: UUID | None = None) -> Sequence[Gate]:
        """The newest gates, newest first; of a run, or all."""
        ...

    async def gate(self, gate_id: UUID) -> Gate | None:
        """One gate."""
        ...

    async def tier_reports(self) -> Sequence[TierReport]:
        """The newest reports of the tiers, on runs and on live labels, newest first."""
        ...

    async def run_tiers(self, run: str) -> TierStory | None:
        """Each judge's newest report of the tiers on a run, by name, id or a beginning of the id; None where there is
        no such run. Without reports where it was not checked yet."""
        ...

    async def tier_report(self, report_id: UUID) -> TierStory | None:
        """One report."""
        ...
