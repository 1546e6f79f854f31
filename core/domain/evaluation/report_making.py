"""A run's report, made of the dataset's items and the judges' results. Pure; up to a minute of CPU for
100,000 labels, a second for 2,000."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.domain.evaluation.agreement import agreement, segments
from core.domain.evaluation.calibration import calibrated
from core.domain.evaluation.comparison import compared, compared_segments
from core.domain.evaluation.humans import humans
from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.prediction import corrected
from core.domain.evaluation.report import FEWER, MANY_ITEMS, Asked, Changed, JudgeFigures, Report, Versus
from core.domain.evaluation.report_items import changed_items, spent
from core.domain.evaluation.report_material import Material, material_of
from core.domain.evaluation.results import EvalResult, EvalRun


def report_of(
    run: EvalRun, items: Sequence[EvalItem], results: Mapping[str, Sequence[EvalResult]], asked: Asked
) -> Report:
    """Each judge of `asked` beside people, and of two judges the second against the first. UsageError where no item is
    what is asked for."""
    of = material_of(run, items, results, asked)
    return Report(
        run=run,
        labels=of.sample.scale.labels,
        lowest=of.sample.lowest,
        split=asked.split or run.split,
        where=asked.where,
        items=len(of.items),
        queries=of.sample.queries,
        graded=sum(item.truth is not None for item in of.items),
        raters=dict(Counter(rater for item in of.items for rater in item.ratings).most_common()),
        resamples=asked.resamples,
        beside=_beside(of, asked),
        seed=asked.seed,
        judges=tuple(_judge(judge, of, asked) for judge in asked.judges),
        versus=versus_of(of, asked) if asked.compare and len(asked.judges) == 2 else None,
    )


def _judge(judge: str, of: Material, asked: Asked) -> JudgeFigures:
    sample, verdicts, drawing = of.sample, of.verdicts[judge], (asked.resamples, asked.seed)
    beside = _beside(of, asked), asked.seed
    return JudgeFigures(
        judge=judge,
        spent=spent(of.items, of.answers[judge]),
        agreement=agreement(sample, verdicts, *drawing),
        people=humans(sample, verdicts, *beside),
        segments=segments(sample, verdicts, of.by, *beside),
        corrected=corrected(sample, verdicts, *drawing),
        calibration=calibrated(sample, verdicts, *drawing),
    )


def versus_of(of: Material, asked: Asked) -> Versus:
    """The second judge asked for against the first."""
    a, b = asked.judges
    changed = changed_items(of.items, of.answers[a], of.answers[b])
    gains = Counter(_side(each) for each in changed)
    both = of.sample, of.verdicts[a], of.verdicts[b]
    return Versus(
        a=a,
        b=b,
        whole=compared(*both, asked.resamples, asked.seed),
        segments=compared_segments(*both, of.by, _beside(of, asked), asked.seed),
        better=gains["better"],
        worse=gains["worse"],
        as_far=gains["as_far"],
        ungraded=gains["ungraded"],
        changed=tuple(changed[: asked.changed]),
    )


def _beside(of: Material, asked: Asked) -> int:
    return asked.resamples if len(of.items) < MANY_ITEMS else min(asked.resamples, FEWER)


def _side(each: Changed) -> str:
    if each.gain is None:
        return "ungraded"
    return "better" if each.gain > 0 else "worse" if each.gain < 0 else "as_far"
