"""Port `CanaryStore` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.domain.canary import CanaryJudgeId, CanaryRun, JudgedCase


class InMemoryCanaries:
    """`runs` by judge."""

    def __init__(self) -> None:
        self.runs: dict[CanaryJudgeId, CanaryRun] = {}

    async def run(self, judge: CanaryJudgeId) -> CanaryRun | None:
        return self.runs.get(judge)

    async def begin(self, judge: CanaryJudgeId, cases: int, at: datetime) -> None:
        self.runs.setdefault(judge, CanaryRun(judge, cases, at, None, ()))

    async def save(self, judge: CanaryJudgeId, judged: Sequence[JudgedCase], at: datetime) -> None:
        run = self.runs.get(judge)
        if run is None:
            return
        known = {each.outcome.case_id: each for each in (*judged, *run.judged)}
        cases = tuple(known[case_id] for case_id in sorted(known))
        finished = run.finished_at or (at if len(cases) >= run.cases else None)
        self.runs[judge] = replace(run, judged=cases, finished_at=finished)

    async def forget(self, judge: CanaryJudgeId) -> None:
        self.runs.pop(judge, None)
