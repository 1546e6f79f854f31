"""Runs of evaluation in memory: `RunStore`, with the ledger's part of it told by the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median
from uuid import UUID

from core.domain.evaluation.costing import CallHabits
from core.domain.labels import Label, Mode
from core.domain.relevance import Search
from core.eval_facts import EvalResult, EvalRun, RunState
from core.eval_ports import RunTally
from core.mode_ports import PairLabel


@dataclass
class InMemoryRuns:
    """`spent_usd` stands for the ledger."""

    runs: dict[UUID, EvalRun] = field(default_factory=dict)
    kept: dict[tuple[UUID, str, str], EvalResult] = field(default_factory=dict)
    spent_usd: dict[UUID, float] = field(default_factory=dict)

    async def begin(self, run: EvalRun) -> None:
        known = self.runs.get(run.run_id)
        again = replace(known, cap_usd=run.cap_usd) if known else run
        self.runs[run.run_id] = replace(again, state="running", ended_at=None)

    async def end(self, run_id: UUID, state: RunState, at: datetime) -> None:
        self.runs[run_id] = replace(self.runs[run_id], state=state, ended_at=at)

    async def save(self, results: Sequence[EvalResult]) -> None:
        for each in results:
            place = (each.run_id, each.judge, each.item_id)
            if place not in self.kept or self.kept[place].failure:
                self.kept[place] = each

    async def find(self, ref: str) -> EvalRun | None:
        newest = await self.all(len(self.runs))
        named = [run for run in newest if run.name == ref][:1]
        begun = [run for run in newest if len(ref) >= 6 and str(run.run_id).startswith(ref.lower())]
        found = named or begun
        return found[0] if len(found) == 1 else None

    async def all(self, limit: int) -> Sequence[EvalRun]:
        return sorted(self.runs.values(), key=lambda run: run.started_at, reverse=True)[:limit]

    async def results(self, run_id: UUID, judge: str) -> Sequence[EvalResult]:
        mine = [each for each in self.kept.values() if (each.run_id, each.judge) == (run_id, judge)]
        return sorted(mine, key=lambda each: each.item_id)

    async def answered(self, run_id: UUID, judge: str) -> frozenset[str]:
        return frozenset(each.item_id for each in await self.results(run_id, judge) if not each.failure)

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, EvalResult]:
        found: dict[str, EvalResult] = {}
        for each in sorted(self.kept.values(), key=lambda each: each.judged_at):
            usable = not (each.failure or each.reused or self.runs[each.run_id].anchors)
            if usable and each.content_key in content_keys:
                found.setdefault(each.content_key, each)
        return found

    async def tallies(self, run_id: UUID) -> Sequence[RunTally]:
        judges = sorted({each.judge for each in self.kept.values() if each.run_id == run_id})
        return [_tally(judge, await self.results(run_id, judge)) for judge in judges]

    async def spent(self, run_id: UUID) -> float:
        return self.spent_usd.get(run_id, 0.0)


@dataclass
class NoHistory:
    """`CallHistory` of a model that was never called, or of one that was."""

    told: CallHabits | None = None

    async def habits(self, purpose: str, prompt_version: str, model: str) -> CallHabits | None:
        return self.told


def _tally(judge: str, results: Sequence[EvalResult]) -> RunTally:
    answers = [each for each in results if not each.failure]
    paid = [each.latency_ms for each in answers if not each.reused]
    return RunTally(
        judge,
        len(answers),
        sum(each.reused for each in results),
        dict(Counter(each.failure for each in results if each.failure)),
        sum(each.cost_usd for each in results),
        float(median(paid)) if paid else None,
    )


@dataclass
class LabelsOfRuns:
    """`ModeStore` that knows what the runs know."""

    runs: InMemoryRuns

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, PairLabel]:
        return {key: _label(each) for key, each in (await self.runs.known(content_keys)).items()}

    async def save(self, search: Search, mode: Mode, labels: Mapping[str, PairLabel]) -> None:
        raise AssertionError("a run keeps its answers as results")


def _label(each: EvalResult) -> PairLabel:
    assert each.grade is not None
    assert each.confidence is not None
    assert each.call_id is not None
    return PairLabel(
        content_key=each.content_key,
        label=Label.of_grade(each.grade),
        confidence=each.confidence,
        reasoning=each.reasoning,
        verdicts=each.verdicts,
        guideline_version=each.guideline_version,
        prompt_version=each.extra["prompt_version"],
        model=each.model,
        fingerprint=each.extra["fingerprint"],
        call_id=each.call_id,
        judged_at=each.judged_at,
        input_tokens=each.input_tokens,
        output_tokens=each.output_tokens,
        cost_usd=each.call_usd,
        latency_ms=each.latency_ms,
    )
