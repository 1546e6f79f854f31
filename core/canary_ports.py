"""The canary's effects by name: where a judge's outcomes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.canary import CaseOutcome


@dataclass(frozen=True, slots=True)
class CanaryJudgeId:
    """Which judge is tried with which set: a run of the set is stored once for each."""

    prompt_version: str
    model: str
    """As asked for; of a cascade all its models."""
    mode: str
    set_version: str


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case's outcome with what the judge wrote, and the calls in which it did."""

    outcome: CaseOutcome
    honest_reasoning: str = ""
    attacked_reasoning: str = ""
    honest_call: UUID | None = None
    attacked_call: UUID | None = None


@dataclass(frozen=True, slots=True)
class CanaryRun:
    """One judge's run of the set: the cases judged so far. `finished_at` None: some are left."""

    judge: CanaryJudgeId
    cases: int
    started_at: datetime
    finished_at: datetime | None
    judged: Sequence[JudgedCase]


class CanaryStore(Protocol):
    """Runs of the canary set; nothing of it ever becomes a label."""

    async def run(self, judge: CanaryJudgeId) -> CanaryRun | None:
        """The run of this judge, if it has begun."""
        ...

    async def begin(self, judge: CanaryJudgeId, cases: int, at: datetime) -> None:
        """Make the run; one that has begun stays as it is."""
        ...

    async def save(self, judge: CanaryJudgeId, judged: Sequence[JudgedCase], at: datetime) -> None:
        """Outcomes of the begun run; a case that has one keeps it. The run is finished by the last of its cases."""
        ...

    async def forget(self, judge: CanaryJudgeId) -> None:
        """Remove the run, so that it is judged anew."""
        ...
