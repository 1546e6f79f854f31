"""Runs of evaluation whose results are told to OpenTelemetry too: what judges say of a dataset's items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from opentelemetry.util.types import AttributeValue

from core.adapters.eval_runs import PostgresRuns
from core.adapters.otel import Tracing
from core.adapters.otel_llm import IMAGE_QUALITY, RELEVANCE, Told
from core.adapters.postgres import Pool
from core.domain.labels import Label
from core.eval_facts import EvalResult
from core.ports import Clock


class TracedRuns(PostgresRuns):
    """What was reused had its result told when it was given, and what failed has none."""

    def __init__(self, pool: Pool, tracing: Tracing, told: Told, wall: Clock) -> None:
        super().__init__(pool)
        self._tracing = tracing
        self._told = told
        self._wall = wall

    async def save(self, results: Sequence[EvalResult]) -> None:
        """Store, then tell."""
        await super().save(results)
        by_call: dict[UUID, list[dict[str, AttributeValue]]] = defaultdict(list)
        for result in results:
            if result.call_id is not None and result.grade is not None and not result.reused:
                by_call[result.call_id].append(result_told(result, result.grade, content=self._told.content))
        for call_id, events in by_call.items():
            of_all = {"gen_ai.response.id": str(call_id)}
            self._tracing.results("evaluate dataset", call_id, self._wall.now(), of_all, events)


def result_told(result: EvalResult, grade: int, *, content: bool) -> dict[str, AttributeValue]:
    """A judge's answer as the attributes of `gen_ai.evaluation.result`. Pictures are the ones with aspects."""
    told: dict[str, AttributeValue] = {
        "gen_ai.evaluation.name": IMAGE_QUALITY if result.aspects else RELEVANCE,
        "gen_ai.evaluation.score.value": float(grade),
        "gen_ai.response.id": str(result.call_id),
        "assay.eval_run": str(result.run_id),
        "assay.item_id": result.item_id,
        "assay.judge": result.judge,
        "assay.guideline_version": result.guideline_version,
    }
    if not result.aspects:
        told["gen_ai.evaluation.score.label"] = Label.of_grade(grade).value
    if result.confidence is not None:
        told["assay.confidence"] = result.confidence
    if content:
        told["gen_ai.evaluation.explanation"] = result.reasoning
    return told
