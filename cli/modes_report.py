"""What a comparison of modes says: labels and cost of each mode, agreement of each two, and where they differ."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from rich.table import Table

from cli.tables import print_tables, table
from core.domain.evaluation import estimates
from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.bootstrap import RESAMPLES
from core.domain.evaluation.estimates import Estimate
from core.domain.evaluation.sample import RELEVANCE, sample_of, verdicts_of
from core.domain.labels import Label
from core.ports import Task
from core.stages.compare_modes import ModeResult

HUMAN = "people"
"""Stands beside the modes for the grades that the file carries."""

LABELS = tuple(reversed(Label))


@dataclass(frozen=True, slots=True)
class ModeFigures:
    """One mode in figures. Tokens and dollars a pair are those of the calls that grade, over the pairs whose call is
    known; pictures in words and guidelines are made once for many pairs, and stand by themselves."""

    mode: str
    pairs: int
    labels: Mapping[str, int]
    failures: Mapping[str, int]
    reused: int
    mean_grade: float | None
    input_tokens_per_pair: float | None
    output_tokens_per_pair: float | None
    usd_per_pair: float | None
    pictures_described: int
    pictures_usd: float
    guidelines_written: int
    guidelines_usd: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two graders. `confusion[a][b]` pairs were graded a by the first and b by the second; kappa has quadratic
    weights."""

    pairs: int
    queries: int
    exact: Estimate
    kappa: Estimate
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair that not all give the same label; the furthest apart come first."""

    query: str
    listing_id: str
    labels: Mapping[str, str]
    reasonings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `agreements` by the names of the two."""

    pairs: int
    modes: Sequence[ModeFigures]
    agreements: Mapping[tuple[str, str], Agreement]
    differences: Sequence[Difference]


def report_of(tasks: Sequence[Task], results: Sequence[ModeResult], human: Mapping[str, int], seed: int) -> Report:
    """Compare the modes with one another and with people's grades, by task key."""
    grades: dict[str, dict[str, int]] = {
        result.mode: {key: label.label.grade for key, label in result.labels.items()} for result in results
    }
    grades |= {HUMAN: dict(human)} if human else {}
    queries = {task.task_key: " ".join(task.subject[name] for name in ("market", "query")) for task in tasks}
    return Report(
        pairs=len(tasks),
        modes=[_figures(result) for result in results],
        agreements={
            (one, other): _agreed(grades[one], grades[other], queries, seed)
            for one, other in itertools.combinations(grades, 2)
        },
        differences=_differences(tasks, results, grades),
    )


def print_report(report: Report, examples: int) -> None:
    """As tables."""
    print_tables(_modes_table(report), _agreements_table(report))
    for (one, other), agreed in report.agreements.items():
        if not agreed.pairs:
            continue
        rows = [(label.value, *row) for label, row in zip(Label, agreed.confusion, strict=True)]
        print_tables(table(f"{one} (rows) and {other} (columns)", ("", *Label), rows))
    if report.differences and examples:
        names = list(dict.fromkeys(name for each in report.differences for name in each.labels))
        rows = [_example(each, names) for each in report.differences[:examples]]
        shown = (
            f"{min(examples, len(report.differences))} of {len(report.differences)} pairs that are labelled differently"
        )
        print_tables(table(shown, ("query", "listing", *names), rows))


def to_json(report: Report) -> dict[str, object]:
    """The same for programs."""
    agreements = [{"one": one, "other": other, **asdict(agreed)} for (one, other), agreed in report.agreements.items()]
    return {**asdict(replace(report, agreements={})), "agreements": agreements}


def _figures(result: ModeResult) -> ModeFigures:
    labels = list(result.labels.values())
    told = [each for each in labels if each.cost_usd is not None]
    usage = result.usage
    return ModeFigures(
        mode=result.mode,
        pairs=len(labels),
        labels=dict(Counter(each.label.value for each in labels)),
        failures=dict(Counter(result.failures.values())),
        reused=result.reused,
        mean_grade=_mean([float(each.label.grade) for each in labels]),
        input_tokens_per_pair=_mean([each.input_tokens or 0.0 for each in told]),
        output_tokens_per_pair=_mean([each.output_tokens or 0.0 for each in told]),
        usd_per_pair=_mean([each.cost_usd or 0.0 for each in told]),
        pictures_described=usage.calls["picture_description"],
        pictures_usd=usage.cost_usd.get("picture_description", 0.0),
        guidelines_written=usage.calls["guideline"],
        guidelines_usd=usage.cost_usd.get("guideline", 0.0),
    )


def _agreed(one: Mapping[str, int], other: Mapping[str, int], queries: Mapping[str, str], seed: int) -> Agreement:
    both = [key for key in one if key in other]
    sample = sample_of(RELEVANCE, [queries[key] for key in both], [one[key] for key in both])
    answers = verdicts_of(RELEVANCE, [other[key] for key in both], [None] * len(both))
    found = agreement(sample, answers, RESAMPLES, seed)
    return Agreement(
        found.n_items,
        found.n_queries,
        found.of(estimates.EXACT),
        found.of(estimates.QUADRATIC_KAPPA),
        found.confusion,
    )


def _differences(
    tasks: Sequence[Task], results: Sequence[ModeResult], grades: Mapping[str, Mapping[str, int]]
) -> list[Difference]:
    found: list[tuple[int, Difference]] = []
    for task in tasks:
        given = {name: graded[task.task_key] for name, graded in grades.items() if task.task_key in graded}
        apart = max(given.values(), default=0) - min(given.values(), default=0)
        if apart:
            labels = {name: Label.of_grade(grade).value for name, grade in given.items()}
            known = [(result.mode, result.labels.get(task.task_key)) for result in results]
            said = {str(mode): label.reasoning for mode, label in known if label is not None}
            found.append((apart, Difference(task.subject["query"], task.subject["listing_id"], labels, said)))
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])]


def _modes_table(report: Report) -> Table:
    columns = ("mode", "labels", *LABELS, "no label", "known before", "mean grade", "tokens in", "out", "usd a pair")
    rows = [
        (
            each.mode,
            each.pairs,
            *(each.labels.get(label.value, 0) for label in LABELS),
            ", ".join(f"{count} {reason}" for reason, count in each.failures.items()),
            each.reused,
            _number(each.mean_grade, 2),
            _number(each.input_tokens_per_pair, 0),
            _number(each.output_tokens_per_pair, 0),
            _number(each.usd_per_pair, 6),
        )
        for each in report.modes
    ]
    return table(f"{report.pairs} pairs in {len(report.modes)} modes", columns, rows)


def _agreements_table(report: Report) -> Table:
    rows = [
        (one, other, agreed.pairs, agreed.queries, _between(agreed.exact), _between(agreed.kappa))
        for (one, other), agreed in report.agreements.items()
    ]
    return table("Agreement, with 95 % intervals over queries", ("", "", "pairs", "queries", "exact", "kappa"), rows)


def _example(each: Difference, names: Sequence[str]) -> tuple[str, ...]:
    told = (f"{each.labels.get(name, '')}: {each.reasonings.get(name, '')}".strip(": ") for name in names)
    return (each.query, each.listing_id, *told)


def _between(found: Estimate) -> str:
    if found.value is None:
        return ""
    ends = "" if found.low is None else f" ({_number(found.low, 3)} to {_number(found.high, 3)})"
    return f"{found.value:.3f}{ends}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"
