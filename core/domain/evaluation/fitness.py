"""Whether figures can be made of a dataset, and what it holds: what import says before anything is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.domain.evaluation.items import DatasetKind, EvalItem
from core.domain.labels import Label


@dataclass(frozen=True, slots=True)
class Contents:
    """A dataset in numbers. Grades by their name: a label, or a score."""

    items: int
    queries: int
    graded: int
    grades: dict[str, int]
    tune_queries: int
    test_queries: int
    tune_items: int
    test_items: int
    raters: dict[str, int]
    """Items each of them graded."""
    shared: int
    """Items that two or more graded."""
    with_product: int
    with_ranks: int
    segments: dict[str, dict[str, int]]


def thin(items: Sequence[EvalItem], kind: DatasetKind) -> list[str]:
    """Why figures made of it would not be defined, or would have no interval; empty where nothing stands against it."""
    return [said for said in (_one_query(items, kind), _one_label(items, kind), _never_overlap(items)) if said]


def contents(items: Sequence[EvalItem], kind: DatasetKind) -> Contents:
    """Counted."""
    tune = [item for item in items if item.split == "tune"]
    test = [item for item in items if item.split == "test"]
    truths = Counter(item.truth for item in items if item.truth is not None)
    raters = Counter(rater for item in items for rater in item.ratings)
    names = {name for item in items for name in item.segment}
    return Contents(
        items=len(items),
        queries=len(_queries(items)),
        graded=truths.total(),
        grades={grade_name(grade, kind): truths[grade] for grade in sorted(truths)},
        tune_queries=len(_queries(tune)),
        test_queries=len(_queries(test)),
        tune_items=len(tune),
        test_items=len(test),
        raters=dict(sorted(raters.items())),
        shared=sum(len(item.ratings) > 1 for item in items),
        with_product=sum(item.listing is not None for item in items),
        with_ranks=sum(bool(item.ranks) for item in items),
        segments={
            name: dict(Counter(item.segment[name] for item in items if name in item.segment).most_common())
            for name in sorted(names)
        },
    )


def grade_name(grade: int, kind: DatasetKind) -> str:
    """As people say it."""
    return Label.of_grade(grade).value if kind == "relevance" else str(grade)


def lonely_raters(items: Iterable[EvalItem]) -> list[str]:
    """Raters who share no item with another, where others do."""
    names: set[str] = set()
    together: set[str] = set()
    for item in items:
        names.update(item.ratings)
        if len(item.ratings) > 1:
            together.update(item.ratings)
    return sorted(names - together) if together else []


def _queries(items: Iterable[EvalItem]) -> set[str]:
    return {item.cluster for item in items}


def _one_query(items: Sequence[EvalItem], kind: DatasetKind) -> str:
    queries = _queries(items)
    if len(queries) != 1:
        return ""
    thing = "query" if kind == "relevance" else "listing"
    return f"one {thing} only, {items[0].query!r}: no interval can be told, since intervals are over {_many(thing)}"


def _many(thing: str) -> str:
    return "queries" if thing == "query" else "listings"


def _one_label(items: Sequence[EvalItem], kind: DatasetKind) -> str:
    grades = {item.truth for item in items} - {None}
    if not grades:
        return "nobody graded anything: no column of grades holds one"
    if len(grades) > 1:
        return ""
    name = next(grade_name(grade, kind) for grade in grades if grade is not None)
    thing = "label" if kind == "relevance" else "score"
    return f"one {thing} only, {name}: kappa, alpha, AUC and correlations are not defined"


def _never_overlap(items: Sequence[EvalItem]) -> str:
    raters = sorted({rater for item in items for rater in item.ratings})
    if len(raters) < 2 or any(len(item.ratings) > 1 for item in items):
        return ""
    named = ", ".join(raters[:10]) + (f" and {len(raters) - 10} more" if len(raters) > 10 else "")
    return f"raters who never graded the same item ({named}): how far people agree can't be told"
