"""The figures that a gate's rules are held against, made of a run's items and results. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.canary import Lift
from core.domain.evaluation.agreement import agreement, segments
from core.domain.evaluation.gate import Evidence
from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.report import Asked
from core.domain.evaluation.report_items import spent
from core.domain.evaluation.report_making import versus_of
from core.domain.evaluation.report_material import material_of
from core.domain.evaluation.results import EvalResult, EvalRun


def evidence_of(
    run: EvalRun,
    items: Sequence[EvalItem],
    results: Mapping[str, Sequence[EvalResult]],
    asked: Asked,
    lift: Lift | None = None,
) -> Evidence:
    """Of the last judge asked for; of two it is held against the first. UsageError where no item is what is asked
    for."""
    of, judge = material_of(run, items, results, asked), asked.judges[-1]
    versus = versus_of(of, asked) if len(asked.judges) == 2 else None
    took = spent(of.items, of.answers[judge])
    return Evidence(
        overall=agreement(of.sample, of.verdicts[judge], asked.resamples, asked.seed),
        segments=segments(of.sample, of.verdicts[judge], of.by, asked.resamples, asked.seed),
        against=versus.a if versus else "",
        compared=versus.whole if versus else None,
        compared_segments=versus.segments if versus else (),
        usd_per_pair=took.usd_per_pair,
        paid=took.paid,
        lift=lift,
    )
