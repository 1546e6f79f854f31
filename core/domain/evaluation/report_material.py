"""What figures are made of: the items that are asked for as arrays, and each judge's answers beside them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.domain.evaluation.gate_rules import DIMENSIONS
from core.domain.evaluation.items import DatasetKind, EvalItem
from core.domain.evaluation.report import MOST_VALUES, Asked
from core.domain.evaluation.report_items import Answers, items_of
from core.domain.evaluation.results import EvalResult, EvalRun
from core.domain.evaluation.sample import IMAGE, RELEVANCE, Sample, Scale, Verdicts, sample_of, verdicts_of
from core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Material:
    """Items, people's grades, answers and verdicts by judge; `by`: value of each item by the segment's name."""

    items: Sequence[EvalItem]
    answers: Mapping[str, Answers]
    sample: Sample
    verdicts: Mapping[str, Verdicts]
    by: Mapping[str, Sequence[str]]


def material_of(
    run: EvalRun, items: Sequence[EvalItem], results: Mapping[str, Sequence[EvalResult]], asked: Asked
) -> Material:
    """Of the judges that are asked for. UsageError where no item is what is asked for."""
    answers = {judge: {each.item_id: each for each in results.get(judge, ())} for judge in asked.judges}
    kept = items_of(items, run, asked, answers.values())
    _refuse_nothing(items, kept, asked)
    scale = scale_of(run.kind)
    sample = sample_of(
        scale,
        [item.cluster for item in kept],
        [item.truth for item in kept],
        [item.ratings for item in kept],
        [item.ranks for item in kept],
    )
    verdicts = {judge: _verdicts(scale, kept, found) for judge, found in answers.items()}
    return Material(kept, answers, sample, verdicts, _segments(kept, asked))


def scale_of(kind: DatasetKind) -> Scale:
    """The grades of a kind of dataset."""
    return IMAGE if kind == "image" else RELEVANCE


def _verdicts(scale: Scale, items: Sequence[EvalItem], answers: Answers) -> Verdicts:
    told = [answers.get(item.item_id) for item in items]
    return verdicts_of(
        scale, [each.grade if each else None for each in told], [each.confidence if each else None for each in told]
    )


def _segments(items: Sequence[EvalItem], asked: Asked) -> dict[str, list[str]]:
    """Value of each item by segment; rare values count as unknown, and a segment of one value only is the whole."""
    found = {}
    for name in DIMENSIONS if asked.by is None else asked.by:
        values = [item.segment.get(name, "") for item in items]
        most = {value for value, _ in Counter(each for each in values if each).most_common(asked.values)}
        if len(most) > 1 or (asked.by and most):
            found[name] = [value if value in most else "" for value in values]
    return found


def _refuse_nothing(items: Sequence[EvalItem], kept: Sequence[EvalItem], asked: Asked) -> None:
    if kept:
        return
    for name, value in asked.where:
        known = sorted({item.segment[name] for item in items if name in item.segment})
        if value not in known:
            told = f"it has {', '.join(known[:MOST_VALUES])}" if known else f"its items have no {name}"
            raise UsageError(f"no item of the dataset has the {name} {value!r}; {told}")
    raise UsageError("the run has no item that fits: its split, the one asked for and the segments leave none")
