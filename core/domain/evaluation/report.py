"""What a report on a run holds: each judge beside people, and two judges beside one another. Plain records, so that a
terminal, a page and JSON tell the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.domain.evaluation.bootstrap import FEWEST, RESAMPLES
from core.domain.evaluation.estimates import (
    AgreementReport,
    Calibration,
    ComparedSegment,
    Comparison,
    Corrected,
    RaterReport,
    Segment,
)
from core.domain.evaluation.gate import Gate
from core.domain.evaluation.items import Dataset, Split
from core.domain.evaluation.results import EvalRun
from core.errors import UsageError

SEED = 7
"""The same answers give the same intervals, whoever asks."""

MOST_VALUES = 20
"""Values of one segment that are told, those with the most items: of a catalogue's thousand categories the rest has a
handful of items each, of which nothing can be said."""

MANY_ITEMS = 20_000
"""From so many on, people and segments are drawn `FEWER` times: a page is worth waiting seconds for, not minutes."""

FEWER = 500
"""The 2.5 % tail is 12 of them: an interval's end moves by a fifteenth of its length, short as it then is."""

SHOWN_CHANGED = 200
"""Items with another label that a page, a file and JSON tell: an afternoon's reading, a megabyte at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for."""

    judges: tuple[str, ...] = ()
    """By version; empty: all of the run."""
    compare: bool = True
    """Of exactly two judges, hold the second against the first."""
    split: Split | None = None
    where: tuple[tuple[str, str], ...] = ()
    """Segments that an item has to be of: `(("market", "de"),)`."""
    by: tuple[str, ...] | None = None
    """Segments to break figures down by; None: every one of which the items have two values or more."""
    values: int = MOST_VALUES
    resamples: int = RESAMPLES
    seed: int = SEED
    changed: int = SHOWN_CHANGED


@dataclass(frozen=True, slots=True)
class Spent:
    """What a judge's answers took. Cost and tokens a pair are over those that were paid for, reused ones aside; the
    latency is of the calls that graded in this run, each once."""

    items: int
    """That the judge was to answer."""
    answered: int
    failures: Mapping[str, int]
    """By kind, the most frequent first."""
    reused: int
    paid: int
    cost_usd: float
    usd_per_pair: float | None
    input_tokens: float | None
    """A pair."""
    output_tokens: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    models: Mapping[str, int]
    """Answers by model."""


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    """One judge against the grades that count."""

    judge: str
    spent: Spent
    agreement: AgreementReport
    people: tuple[RaterReport, ...]
    """Each rater against the others, and this judge in the same seat."""
    segments: tuple[Segment, ...]
    corrected: tuple[Corrected, ...]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Answer:
    """What one judge said of an item."""

    grade: int
    confidence: float | None
    reasoning: str
    verdicts: str
    call_id: UUID | None


@dataclass(frozen=True, slots=True)
class Changed:
    """An item that two judges grade differently."""

    item_id: str
    application: str
    market: str
    language: str
    query: str
    listing_id: str
    title: str
    image_url: str | None
    truth: int | None
    ratings: Mapping[str, int]
    a: Answer
    b: Answer

    @property
    def gain(self) -> int | None:
        """Grades that b is nearer to people than a, negative where it is further off; None where nobody graded it."""
        return None if self.truth is None else abs(self.a.grade - self.truth) - abs(self.b.grade - self.truth)


@dataclass(frozen=True, slots=True)
class Versus:
    """Judge b held against judge a."""

    a: str
    b: str
    whole: Comparison
    segments: tuple[ComparedSegment, ...]
    better: int
    """Of the changed items, those that b grades nearer to people."""
    worse: int
    as_far: int
    """Neither: as far off on the other side, or of a grade between."""
    ungraded: int
    """Nobody graded them."""
    changed: tuple[Changed, ...]
    """Worst first: what b has made worse, then what nobody graded and is furthest apart, what is as far off, and what
    is better. `Asked.changed` at most."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run's judges on the items that were asked for."""

    run: EvalRun
    labels: tuple[str, ...]
    """By grade, from `lowest`."""
    lowest: int
    split: Split | None
    where: tuple[tuple[str, str], ...]
    items: int
    queries: int
    graded: int
    """Items that people graded."""
    raters: Mapping[str, int]
    """Items by rater."""
    resamples: int
    beside: int
    """Resamples behind people and segments."""
    seed: int
    judges: tuple[JudgeFigures, ...]
    versus: Versus | None
    """None unless there are two judges."""

    def label(self, grade: int | None) -> str:
        """A grade's name; empty for none."""
        return "" if grade is None else self.labels[grade - self.lowest]


@dataclass(frozen=True, slots=True)
class Evaluations:
    """What there is of evaluation, newest first."""

    runs: Sequence[EvalRun]
    datasets: Sequence[Dataset]
    gates: Sequence[Gate]


def judge_named(judges: Sequence[str], ref: str) -> str:
    """The version of `judges` that `ref` names: whole, by its name, or by a beginning that fits one only. UsageError
    says which there are."""
    fitting = [each for each in judges if each == ref]
    fitting = fitting or [each for each in judges if each.partition("@")[0] == ref]
    fitting = fitting or [each for each in judges if len(ref) >= len("a@1") and each.startswith(ref)]
    if len(fitting) != 1:
        what = "no judge" if not fitting else "more than one judge"
        raise UsageError(f"{ref!r} names {what} of this run; it has {', '.join(judges)}")
    return fitting[0]


@dataclass(frozen=True, slots=True)
class PeopleSpan:
    """A metric of people, each against the others: the mean weighted by their items, the lowest and the highest."""

    mean: float
    lowest: float
    highest: float
    raters: int


def seats(people: Sequence[RaterReport]) -> tuple[list[RaterReport], list[str]]:
    """The raters who shared at least `FEWEST` queries with others, and the names of the rest: of fewer no interval can
    be told."""
    kept = [each for each in people if each.n_queries >= FEWEST]
    return kept, [each.rater for each in people if each.n_queries < FEWEST]


def people_span(people: Sequence[RaterReport], metric: str) -> PeopleSpan | None:
    """Over the raters that `seats` keeps, of whom the metric is defined; None where it is of nobody. The figure of one
    who graded a handful is noise, and would be the lowest or the highest."""
    found = [
        (each.n_items, figure) for each in seats(people)[0] if (figure := each.person.of(metric).value) is not None
    ]
    weight = sum(items for items, _ in found)
    if not weight:
        return None
    figures = [figure for _, figure in found]
    mean = sum(items * figure for items, figure in found) / weight
    return PeopleSpan(mean, min(figures), max(figures), len(found))
