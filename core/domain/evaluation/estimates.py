"""What is said of a judge: figures with their intervals, and why a figure is not there."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.evaluation.sample import Scale

EXACT = "exact"
KAPPA = "kappa"
QUADRATIC_KAPPA = "quadratic_kappa"
ALPHA_NOMINAL = "alpha_nominal"
ALPHA_ORDINAL = "alpha_ordinal"
HARD_DISAGREEMENT = "hard_disagreement"
AUC = "auc"
RANK_CORRELATION = "rank_correlation"
MEAN_BIAS = "mean_bias"
MEAN_GRADE = "mean_grade"
NDCG = "ndcg@10"
SYSTEM_TAU = "system_tau"
COVERAGE = "coverage"


def metric_names(scale: Scale) -> tuple[str, ...]:
    """All metrics of a scale, in the order in which they are told."""
    by_label = (f"{kind}_{label}" for label in scale.labels for kind in ("precision", "recall"))
    agreeing = (EXACT, KAPPA, QUADRATIC_KAPPA, ALPHA_NOMINAL, ALPHA_ORDINAL, HARD_DISAGREEMENT)
    return (*agreeing, *by_label, AUC, RANK_CORRELATION, MEAN_BIAS, MEAN_GRADE, NDCG, SYSTEM_TAU, COVERAGE)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval over queries. `value` None: it is not defined on the data. `low`, `high` None
    beside a value: there is too little for an interval. `why_not` says why; beside an interval it is empty,
    or says what makes it a rough one."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    """Items that it rests on."""
    n_queries: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class EngineFigure:
    """nDCG@10 of one engine's lists over the queries that both have labels of: by the judge and by people."""

    engine: str
    by_judge: Estimate
    by_people: Estimate


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """One grader against the grade that counts. `confusion[truth][grade]` are items, grades from the lowest."""

    n_items: int
    """Items that both have graded."""
    n_queries: int
    estimates: tuple[Estimate, ...]
    """In the order of `metric_names`."""
    confusion: tuple[tuple[int, ...], ...]
    engines: tuple[EngineFigure, ...] = ()

    def of(self, name: str) -> Estimate:
        """One metric; KeyError for a name that is none."""
        for each in self.estimates:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class RaterReport:
    """A person against the consensus of the others, and the judge in the same seat: same items, same consensus."""

    rater: str
    n_items: int
    n_queries: int
    person: AgreementReport
    judge: AgreementReport | None
    """None where no judge was given."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two judges on the same items: `value` is b less a, paired, with its 95 % interval over queries."""

    name: str
    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_queries: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Judge b against judge a, on the items that both have answered."""

    n_items: int
    n_queries: int
    changed: int
    """Items whose label is another one."""
    differences: tuple[Difference, ...]
    """In the order of `metric_names`."""

    def of(self, name: str) -> Difference:
        """One metric; KeyError for a name that is none."""
        for each in self.differences:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Segment:
    """Items of one value of a segment: `segment` market, `value` de."""

    segment: str
    value: str
    report: AgreementReport


@dataclass(frozen=True, slots=True)
class ComparedSegment:
    """As `Segment`, of a comparison."""

    segment: str
    value: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean by the judge's grades of all items, and the same corrected by the human grades of some. `raw` stays beside
    `value`; the interval is that of `value`. `power` 0: the judge was of no use, the mean is people's own; 1: trusted
    as far as its bias is taken out."""

    name: str
    raw: float | None
    people: float | None
    """By the human grades alone."""
    value: float | None
    low: float | None
    high: float | None
    power: float | None
    n_labelled: int
    """Items (nDCG: queries) with a human grade."""
    n_items: int
    n_queries: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class LabelBias:
    """What people said where the judge gave one label. `people[g]`: share of each grade, from the lowest; empty where
    the judge never gave the label. `bias`: the judge's grade less people's mean there."""

    label: str
    n_items: int
    people: tuple[float, ...]
    bias: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Per-label correction of a judge. Shown beside raw figures, never instead of them."""

    labels: tuple[LabelBias, ...]
    raw_mean: float | None
    """Of the judge's grades of all items."""
    calibrated_mean: Estimate
    """Each label of the judge counted as what people say where it is given."""
