"""How far a judge agrees with people: every metric with its interval, on the whole and by segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.bootstrap import RESAMPLES, Drawn, drawn, mean_of, of_all
from core.domain.evaluation.estimates import AgreementReport, EngineFigure, Estimate, Segment, metric_names
from core.domain.evaluation.intervals import Ends, interval, rough
from core.domain.evaluation.means import Mean
from core.domain.evaluation.order import FIRST, both_graded
from core.domain.evaluation.points import ONE_QUERY, Point, points
from core.domain.evaluation.sample import Mask, Sample, Scale, Verdicts
from core.domain.evaluation.tables import Tables, tables_of

NO_ITEMS = "no item"


def agreement(sample: Sample, verdicts: Verdicts, resamples: int = RESAMPLES, seed: int = 7) -> AgreementReport:
    """One judge against the grade that counts. What the data leaves undefined has no value and says why."""
    if not len(sample.query):
        return undefined(sample.scale, NO_ITEMS)
    tables = tables_of(sample, verdicts)
    found = points(sample, verdicts, of_all(tables))
    resampled = drawn(tables, resamples, seed) if sample.queries > 1 else None
    both = both_graded(sample, verdicts.grade)
    return AgreementReport(
        n_items=int(both.sum()),
        n_queries=len(np.unique(sample.query[both])),
        estimates=tuple(_estimate(sample, name, found[name], resampled) for name in metric_names(sample.scale)),
        confusion=_square(sample, tables),
        engines=engine_figures(sample, verdicts, tables, resamples, seed),
    )


def segments(
    sample: Sample,
    verdicts: Verdicts,
    by: Mapping[str, Sequence[str]],
    resamples: int = RESAMPLES,
    seed: int = 7,
) -> tuple[Segment, ...]:
    """The same by segment. `by`: value of each item by the segment's name; an empty value is not known, and in none."""
    return tuple(
        Segment(segment, value, agreement(sample.only(kept), verdicts.only(kept), resamples, seed))
        for segment, value, kept in parts_of(by)
    )


def parts_of(by: Mapping[str, Sequence[str]]) -> list[tuple[str, str, Mask]]:
    """Segment, value, items of it."""
    found = []
    for segment, values in by.items():
        given = np.array(values, dtype=object)
        found += [(segment, value, given == value) for value in sorted(set(values)) if value]
    return found


def bounds_of(scale: Scale, name: str) -> Ends:
    """The ends of a metric's own range."""
    widest = float(scale.grades - 1)
    if name == names.MEAN_BIAS:
        return -widest, widest
    if name == names.MEAN_GRADE:
        return float(scale.lowest), scale.lowest + widest
    signed = {names.KAPPA, names.QUADRATIC_KAPPA, names.ALPHA_NOMINAL, names.ALPHA_ORDINAL}
    return (-1.0, 1.0) if name in signed | {names.RANK_CORRELATION, names.SYSTEM_TAU} else (0.0, 1.0)


def _estimate(sample: Sample, name: str, point: Point, resampled: Drawn | None) -> Estimate:
    if point.value is None or resampled is None:
        return Estimate(name, None, None, None, point.items, point.queries, point.why_not)
    return with_ends(point, name, resampled, bounds_of(sample.scale, name), rough(name, len(sample.engine_names)))


def with_ends(point: Point, name: str, resampled: Drawn, bounds: Ends, remark: str = "") -> Estimate:
    """The point with its interval, and what there is to remark on it, or why it has none."""
    ends = interval(resampled, name, point.queries, bounds)
    low, high, why_not = (None, None, ends) if isinstance(ends, str) else (*ends, remark)
    return Estimate(name, point.value, low, high, point.items, point.queries, why_not)


def engine_figures(
    sample: Sample, verdicts: Verdicts, tables: Tables, resamples: int, seed: int
) -> tuple[EngineFigure, ...]:
    """Mean nDCG@10 of each engine, by the judge's grades and by people's, over the same queries and items."""
    both = both_graded(sample, verdicts.grade)
    found = []
    for number, engine in enumerate(sample.engine_names):
        ranks = sample.ranks[:, number]
        items = int((both & (ranks > 0) & (ranks <= FIRST)).sum())
        judge, people = (
            _mean_ndcg(Mean(values[number], tables.listed[number]), items, resamples, seed)
            for values in (tables.by_judge, tables.by_people)
        )
        found.append(EngineFigure(engine, judge, people))
    return tuple(found)


def _mean_ndcg(mean: Mean, items: int, resamples: int, seed: int) -> Estimate:
    queries = int(mean.below.sum())
    if queries < 2:
        why_not = ONE_QUERY if queries else "none of its first ten is graded by both"
        return Estimate(names.NDCG, None, None, None, items, queries, why_not)
    point = Point(float(mean.above.sum() / queries), items, queries)
    return with_ends(point, names.NDCG, mean_of(mean, names.NDCG, resamples, seed), (0.0, 1.0))


def _square(sample: Sample, tables: Tables) -> tuple[tuple[int, ...], ...]:
    whole = tables.confusion.sum(axis=1).reshape(sample.grades, sample.grades)
    return tuple(tuple(int(count) for count in row) for row in whole)


def undefined(scale: Scale, why_not: str) -> AgreementReport:
    """A report without any figure, for one reason."""
    nothing = tuple((0,) * scale.grades for _ in scale.labels)
    none = tuple(Estimate(name, None, None, None, 0, 0, why_not) for name in metric_names(scale))
    return AgreementReport(0, 0, none, nothing)
