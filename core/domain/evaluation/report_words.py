"""How figures of a report are said, in a terminal and on a page alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.evaluation import estimates as names
from core.domain.evaluation.estimates import Corrected, Difference, Estimate
from core.domain.evaluation.gate_rules import NO_QUALITY, better

UNDEFINED = "not defined"

SEATED = (names.EXACT, names.QUADRATIC_KAPPA, names.ALPHA_ORDINAL, names.HARD_DISAGREEMENT, names.MEAN_BIAS)
"""Metrics told of each person beside the judge in the same seat: whether they agree, how far off, to which side."""

IN_SEGMENTS = (names.EXACT, names.QUADRATIC_KAPPA, names.HARD_DISAGREEMENT, names.MEAN_BIAS, names.COVERAGE)
"""Metrics told of each segment; the others are in the JSON."""

MEANING: Mapping[str, str] = {
    names.EXACT: "share of items with the same grade as people",
    names.KAPPA: "Cohen's kappa: agreement beyond chance, 1 is all of it",
    names.QUADRATIC_KAPPA: "Cohen's kappa, a grade of two steps off counting four times",
    names.ALPHA_NOMINAL: "Krippendorff's alpha, grades as names",
    names.ALPHA_ORDINAL: "Krippendorff's alpha, grades in their order",
    names.HARD_DISAGREEMENT: "share of items graded at opposite ends",
    names.AUC: "that a good item scores above another, the judge's confidence counted in; 0.5 is chance",
    names.RANK_CORRELATION: "Spearman's of the confidence-weighted grade with people's",
    names.MEAN_BIAS: "mean of the judge's grade less people's; 0 is none",
    names.MEAN_GRADE: "mean of the judge's grades",
    names.NDCG: "of the judge's order by people's grades, first ten of a query",
    names.SYSTEM_TAU: "Kendall's tau of the engines' order by judge and by people",
    names.COVERAGE: "share of items that the judge answered",
}


def meaning(metric: str) -> str:
    """A metric in a phrase."""
    kind, _, label = metric.partition("_")
    if kind == "precision":
        return f"of what the judge calls {label.replace('_', ' ')}, the share that people do"
    if kind == "recall" and metric not in MEANING:
        return f"of what people call {label.replace('_', ' ')}, the share that the judge does"
    return MEANING.get(metric, "")


def title(metric: str) -> str:
    """A metric's name for people."""
    return metric.replace("_", " ").replace("ndcg", "nDCG").replace("auc", "AUC")


def told(found: Estimate | Corrected) -> str:
    """`0.612 (0.550 to 0.660)`, with what makes the interval a rough one, or why there is none."""
    if found.value is None:
        return f"{UNDEFINED}: {found.why_not}"
    return f"{found.value:.3f}{_interval(found, '.3f')}"


def difference_told(found: Difference) -> str:
    """As `told`: `+0.021 (-0.004 to +0.046)`."""
    if found.value is None:
        return f"{UNDEFINED}: {found.why_not}"
    return f"{found.value:+.3f}{_interval(found, '+.3f')}"


def _interval(found: Estimate | Corrected | Difference, spec: str) -> str:
    ends = between(found.low, found.high, spec)
    return f"{ends}, {found.why_not}" if ends and found.why_not else ends or no_interval(found.why_not)


def between(low: float | None, high: float | None, spec: str = ".3f") -> str:
    """An interval in brackets; empty where there is none."""
    return "" if low is None or high is None else f" ({low:{spec}} to {high:{spec}})"


def no_interval(why: str) -> str:
    """Beside a figure without an interval."""
    return f" (no interval: {why})" if why else ""


def leaning(found: Difference) -> str:
    """`good`, `bad`: b is surely better or worse, its interval leaves 0 out; empty where it does not, or no such thing
    is said of the metric."""
    low, high = found.low, found.high
    if low is None or high is None or low <= 0 <= high or found.name in NO_QUALITY:
        return ""
    way = better(found.name)
    if way == "near_zero":
        return "" if found.a is None or found.b is None else "good" if abs(found.b) < abs(found.a) else "bad"
    return "good" if (low > 0) == (way == "higher") else "bad"
