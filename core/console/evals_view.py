"""A report as tables of a page: rows with their words and plots. Pure; what is returned is shown by
`templates/evals_report.html`, in the console and in a file that stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from core.console.eval_plots import Mark, ends_of, even_ends, whiskers
from core.console.plots import stack
from core.console.text import percent
from core.domain.evaluation.estimates import (
    AgreementReport,
    Comparison,
    Corrected,
    Difference,
    Estimate,
    LabelBias,
    RaterReport,
)
from core.domain.evaluation.report import JudgeFigures, Report, Versus, people_span, seats
from core.domain.evaluation.report_words import (
    IN_SEGMENTS,
    UNDEFINED,
    between,
    difference_told,
    leaning,
    meaning,
    title,
    told,
)

LEAST_SPREAD = 0.02
"""Half the width of a difference's axis at the least, so that a difference of nothing does not fill it."""

OPEN = 3
"""Changed items shown open: the worst are what one has come for."""

HEAT_STEPS = 5
"""Shades of a confusion matrix's cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in a table: what is read first, what stands below it, and its tone."""

    main: str
    sub: str = ""
    tone: str = ""
    why: str = ""
    """Why there is no figure, or no interval."""


@dataclass(frozen=True, slots=True)
class Row:
    """A metric over its columns."""

    metric: str
    title: str
    meaning: str
    cells: Sequence[Cell]
    plot: Markup
    items: int


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """Items that people gave one grade and the judge another; `heat` 0 to `HEAT_STEPS` by the share of the row."""

    count: int
    share: str
    heat: int
    right: bool


def agreement_rows(report: Report) -> list[Row]:
    """Every metric, each judge's figure and people's among themselves."""
    if not report.judges:
        return []
    return [_agreement_row(report.judges, each.name) for each in report.judges[0].agreement.estimates]


def difference_rows(versus: Versus) -> list[Row]:
    """Every metric of two judges and what lies between, on one axis around 0."""
    found = versus.whole.differences
    ends = even_ends((_difference_mark(each) for each in found), LEAST_SPREAD)
    return [
        Row(
            each.name,
            title(each.name),
            meaning(each.name),
            [_plain(each.a), _plain(each.b), difference_cell(each)],
            whiskers([_difference_mark(each)], ends, f"{title(each.name)}: {difference_told(each)}"),
            each.n_items,
        )
        for each in found
    ]


def compared_segment_rows(versus: Versus) -> list[tuple[str, str, int, list[Cell], Markup]]:
    """Segment, value, items, a cell a metric, and the first metric's difference drawn."""
    ends = even_ends((_difference_mark(each.comparison.of(IN_SEGMENTS[0])) for each in versus.segments), LEAST_SPREAD)
    return [
        (
            each.segment,
            each.value,
            each.comparison.n_items,
            [difference_cell(each.comparison.of(metric)) for metric in IN_SEGMENTS],
            _drawn(each.comparison, ends),
        )
        for each in versus.segments
    ]


def seats_of(judge: JudgeFigures) -> tuple[list[RaterReport], list[str]]:
    """The people beside whom the judge is told, and the names of those who graded too little."""
    return seats(judge.people)


def matrix(report: AgreementReport) -> list[list[MatrixCell]]:
    """The confusion matrix, a row a grade of people."""
    return [
        [_matrix_cell(count, sum(row), right=place == column) for column, count in enumerate(row)]
        for place, row in enumerate(report.confusion)
    ]


def people_bar(bias: LabelBias, labels: Sequence[str]) -> Markup:
    """What people said where the judge gave one label."""
    if not bias.people:
        return Markup("")
    said = ", ".join(
        f"{label.replace('_', ' ')} {percent(part)}" for label, part in zip(labels, bias.people, strict=True)
    )
    return stack([(tone(place, len(labels)), part) for place, part in enumerate(bias.people)], said)


def tone(place: int, grades: int) -> str:
    """The colour of a grade by its place on the scale: the lower third bad, the upper good."""
    return ("bad", "middling", "good")[min(2, 3 * place // grades)]


def difference_cell(found: Difference) -> Cell:
    """A difference with its interval, coloured where it is sure."""
    if found.value is None:
        return Cell(UNDEFINED, why=found.why_not)
    return Cell(
        f"{found.value:+.3f}", between(found.low, found.high, "+.3f").strip(" ()"), leaning(found), found.why_not
    )


def estimate_cell(found: Estimate | Corrected) -> Cell:
    """A figure with its interval."""
    if found.value is None:
        return Cell(UNDEFINED, why=found.why_not)
    return Cell(f"{found.value:.3f}", between(found.low, found.high).strip(" ()"), why=found.why_not)


def _drawn(found: Comparison, ends: tuple[float, float]) -> Markup:
    shown = found.of(IN_SEGMENTS[0])
    return whiskers([_difference_mark(shown)], ends, f"{title(shown.name)}: {difference_told(shown)}")


def _agreement_row(judges: Sequence[JudgeFigures], metric: str) -> Row:
    found = [judge.agreement.of(metric) for judge in judges]
    marks = [_mark(judge.judge, each) for judge, each in zip(judges, found, strict=True)]
    people = people_span(judges[0].people, metric)
    cells = [estimate_cell(each) for each in found]
    if people is None:
        cells.append(Cell("–", ""))
    else:
        marks.append(Mark("people", people.mean, people.lowest, people.highest, "people"))
        cells.append(Cell(f"{people.mean:.3f}", f"{people.lowest:.3f} to {people.highest:.3f}"))
    name = "; ".join([f"{judge.judge}: {told(each)}" for judge, each in zip(judges, found, strict=True)])
    plot = whiskers(marks, ends_of(marks, (0.0, 1.0)), f"{title(metric)}: {name}")
    return Row(metric, title(metric), meaning(metric), cells, plot, max(each.n_items for each in found))


def _plain(value: float | None) -> Cell:
    return Cell(UNDEFINED if value is None else f"{value:.3f}")


def _mark(name: str, found: Estimate) -> Mark:
    return Mark(name, found.value, found.low, found.high)


def _difference_mark(found: Difference) -> Mark:
    return Mark("difference", found.value, found.low, found.high, leaning(found))


def _matrix_cell(count: int, whole: int, *, right: bool) -> MatrixCell:
    part = count / whole if whole else 0.0
    return MatrixCell(count, percent(part, 0) if whole else "", min(HEAT_STEPS, round(part * HEAT_STEPS)), right)


def shown_metrics() -> Mapping[str, str]:
    """The metrics told of segments, by their titles."""
    return {metric: title(metric) for metric in IN_SEGMENTS}
