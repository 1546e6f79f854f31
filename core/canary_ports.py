"""The canary's effects by name: where a judge's outcomes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.domain.canary import CanaryJudgeId, CanaryRun, JudgedCase


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
