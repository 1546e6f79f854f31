"""The items of a report: which are asked for, what each judge said of them, what its answers took. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.report import Answer, Asked, Changed, Spent
from core.domain.evaluation.results import EvalResult, EvalRun

Answers = Mapping[str, EvalResult]
"""One judge's results by item."""


def items_of(items: Sequence[EvalItem], run: EvalRun, asked: Asked, answers: Iterable[Answers]) -> list[EvalItem]:
    """Those of the run's split, the split asked for and the segments asked for; of a run on a part of the dataset those
    that some judge was asked about."""
    splits = {each for each in (run.split, asked.split) if each is not None}
    part = {item_id for each in answers for item_id in each} if run.limit or run.sample else None
    return [
        item
        for item in items
        if splits <= {item.split}
        and (part is None or item.item_id in part)
        and all(item.segment.get(name) == value for name, value in asked.where)
    ]


def spent(items: Sequence[EvalItem], answers: Answers) -> Spent:
    """What the judge's answers of these items took."""
    told = [answers[item.item_id] for item in items if item.item_id in answers]
    answered = [each for each in told if each.grade is not None]
    paid = [each for each in answered if not each.reused]
    latencies = list({each.call_id or each.item_id: each.latency_ms for each in paid}.values())
    return Spent(
        items=len(items),
        answered=len(answered),
        failures=_counted(each.failure for each in told if each.grade is None),
        reused=len(answered) - len(paid),
        paid=len(paid),
        cost_usd=sum(each.cost_usd for each in told),
        usd_per_pair=_mean([each.cost_usd for each in paid]),
        input_tokens=_mean([each.input_tokens for each in paid]),
        output_tokens=_mean([each.output_tokens for each in paid]),
        latency_p50_ms=_quantile(latencies, 0.5),
        latency_p95_ms=_quantile(latencies, 0.95),
        models=_counted(each.model for each in answered if each.model),
    )


def changed_items(items: Sequence[EvalItem], a: Answers, b: Answers) -> list[Changed]:
    """Items that both answered with different grades, worst first."""
    found = [
        _changed(item, one, other)
        for item in items
        if (one := _answer(a.get(item.item_id))) and (other := _answer(b.get(item.item_id)))
        if one.grade != other.grade
    ]
    return sorted(found, key=_badness)


def _badness(each: Changed) -> tuple[int, int]:
    """Sorts: made worse, the most first; ungraded, the furthest apart first; as far off; made better, the least
    first."""
    apart = abs(each.a.grade - each.b.grade)
    if each.gain is None:
        return (1, -apart)
    return (0 if each.gain < 0 else 2 if each.gain == 0 else 3, each.gain)


def _changed(item: EvalItem, a: Answer, b: Answer) -> Changed:
    title = (item.listing or {}).get("title")
    return Changed(
        item_id=item.item_id,
        application=item.application,
        market=item.market,
        language=item.language,
        query=item.query,
        listing_id=item.listing_id,
        title=title if isinstance(title, str) else "",
        image_url=item.image_url,
        truth=item.truth,
        ratings=item.ratings,
        a=a,
        b=b,
    )


def _answer(result: EvalResult | None) -> Answer | None:
    if result is None or result.grade is None:
        return None
    return Answer(result.grade, result.confidence, result.reasoning, result.verdicts, result.call_id)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None
