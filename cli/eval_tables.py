"""A report of evaluation and a gate as tables of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from cli.tables import table
from core.console.text import number, usd
from core.domain.evaluation.gate import Gate, Outcome
from core.domain.evaluation.report import Changed, JudgeFigures, Report, Versus, people_span, seats
from core.domain.evaluation.report_words import (
    IN_SEGMENTS,
    SEATED,
    UNDEFINED,
    between,
    difference_told,
    leaning,
    title,
    told,
)

SURE = {"good": "better", "bad": "worse", "": ""}
"""How a difference whose interval leaves 0 out is marked."""


def report_tables(report: Report, examples: int) -> Iterator[Table]:
    """Two judges beside one another where there are two, then each beside people."""
    if report.versus:
        yield from _versus_tables(report, report.versus, examples)
    yield _spent_table(report)
    yield _agreement_table(report)
    for judge in report.judges:
        yield from _judge_tables(report, judge)


def gate_table(gate: Gate) -> Table:
    """A line a rule."""
    against = f", against {gate.against}" if gate.against else ""
    name = f"{gate.judge}: {'passed' if gate.passed else 'not passed'} ({gate.rules_name}, {gate.dataset}{against})"
    columns = ("rule", "where", "figure", "95 %", "read by", "items", "", "why")
    rows = [
        (
            each.rule,
            each.segment or "all items",
            UNDEFINED if each.figure is None else f"{each.figure:.4g}",
            between(each.low, each.high, ".4g").strip(" ()"),
            each.read,
            each.n_items,
            _kept(each),
            each.why,
        )
        for each in gate.outcomes
    ]
    return table(name, columns, rows)


def _kept(each: Outcome) -> str:
    return "left out" if each.passed is None else "kept" if each.passed else "BROKEN"


def _versus_tables(report: Report, versus: Versus, examples: int) -> Iterator[Table]:
    whole = versus.whole
    rows = [
        (title(each.name), _plain(each.a), _plain(each.b), difference_told(each), SURE[leaning(each)], each.n_items)
        for each in whole.differences
    ]
    name = f"{versus.b} against {versus.a}: {whole.n_items} items of {whole.n_queries} queries that both answered"
    yield table(name, ("metric", versus.a, versus.b, "difference (95 %)", "", "items"), rows)
    if versus.segments:
        segments = [
            (
                f"{each.segment} {each.value}",
                each.comparison.n_items,
                *(difference_told(each.comparison.of(metric)) for metric in IN_SEGMENTS),
            )
            for each in versus.segments
        ]
        yield table("Differences by segment", ("segment", "items", *map(title, IN_SEGMENTS)), segments)
    shown = versus.changed[:examples]
    counts = f"{versus.better} nearer to people, {versus.worse} further, {versus.as_far} as far"
    counts += f", {versus.ungraded} nobody graded" if versus.ungraded else ""
    name = f"{len(shown)} of {whole.changed} items whose label changed, worst first ({counts})"
    columns = ("query", "listing", "people", versus.a, versus.b)
    if examples:
        yield table(name, columns, [_changed(report, each) for each in shown])


def _changed(report: Report, each: Changed) -> tuple[str, ...]:
    a, b = (f"{report.label(answer.grade)}: {answer.reasoning}".strip(": ") for answer in (each.a, each.b))
    return (f"{each.query} ({each.market})", each.title or each.listing_id, report.label(each.truth), a, b)


def _spent_table(report: Report) -> Table:
    columns = (
        "judge",
        "answered",
        "reused",
        "without an answer",
        "cost",
        "a pair",
        "tokens in",
        "out",
        "ms",
        "ms 95 %",
    )
    rows = []
    for judge in report.judges:
        each = judge.spent
        failures = ", ".join(f"{count} {why}" for why, count in each.failures.items())
        figures = (each.input_tokens, each.output_tokens, each.latency_p50_ms, each.latency_p95_ms)
        rows.append(
            (
                judge.judge,
                f"{each.answered} of {each.items}",
                each.reused,
                failures,
                usd(each.cost_usd),
                usd(each.usd_per_pair),
                *("" if figure is None else f"{figure:.0f}" for figure in figures),
            )
        )
    narrowed = "".join(f", {name} {value}" for name, value in report.where)
    name = f"{report.run.name}: {report.items} items of {report.queries} queries, {report.graded} graded by people"
    name += f" ({report.run.dataset}{f', split {report.split}' if report.split else ''}{narrowed})"
    return table(name, columns, rows)


def _agreement_table(report: Report) -> Table:
    rows = []
    for each in report.judges[0].agreement.estimates:
        people = people_span(report.judges[0].people, each.name)
        span = f"{people.mean:.3f} ({people.lowest:.3f} to {people.highest:.3f})" if people else ""
        found = [judge.agreement.of(each.name) for judge in report.judges]
        rows.append((title(each.name), *map(told, found), span, max(figure.n_items for figure in found)))
    columns = ("metric", *(judge.judge for judge in report.judges), "people (lowest to highest)", "items")
    return table("Agreement with people (95 % over queries); people: each against the others", columns, rows)


def _judge_tables(report: Report, judge: JudgeFigures) -> Iterator[Table]:
    confusion = zip(report.labels, judge.agreement.confusion, strict=True)
    yield table(
        f"{judge.judge}: people (rows) and judge (columns)",
        ("", *report.labels),
        [(label, *row) for label, row in confusion],
    )
    if judge.people:
        yield _seats_table(judge)
    corrected = [
        (title(each.name), _plain(each.raw), _plain(each.people), told(each), _share(each.power), each.n_labelled)
        for each in judge.corrected
    ]
    columns = ["figure", "as the judge gives it", "people's grades alone", "corrected (95 %)", "trust", "graded"]
    yield table(f"{judge.judge}: means, corrected by people's grades", columns, corrected)
    yield _calibration_table(report, judge)
    if judge.segments:
        rows = [
            (
                f"{each.segment} {each.value}",
                each.report.n_items,
                *(told(each.report.of(metric)) for metric in IN_SEGMENTS),
            )
            for each in judge.segments
        ]
        yield table(f"{judge.judge} by segment", ("segment", "items", *map(title, IN_SEGMENTS)), rows)


def _seats_table(judge: JudgeFigures) -> Table:
    """A line a person, and one of the judge on that person's items."""
    kept, few = seats(judge.people)
    name = f"{judge.judge}: each person against the others, and the judge in the same seat"
    name += f"; too few queries shared with others: {', '.join(few)}" if few else ""
    rows = [
        (who, report.n_items, *(told(report.of(metric)) for metric in SEATED))
        for each in kept
        for who, report in ((each.rater, each.person), (f"judge for {each.rater}", each.judge))
        if report is not None
    ]
    return table(name, ("who grades", "items", *map(title, SEATED)), rows)


def _calibration_table(report: Report, judge: JudgeFigures) -> Table:
    found = judge.calibration
    rows = [
        (
            each.label,
            number(each.n_items),
            *(_share(part) for part in each.people or [None] * len(report.labels)),
            told(each.bias),
        )
        for each in found.labels
    ]
    name = f"{judge.judge}: what people say where it gives a label; mean grade {_plain(found.raw_mean)} as given, "
    name += f"{told(found.calibrated_mean)} calibrated"
    return table(name, ("the judge", "items", *report.labels, "judge less people"), rows)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _plain(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"
