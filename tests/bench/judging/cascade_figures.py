"""How far grades agree with people's, with 95 % intervals by a bootstrap that draws queries: a query's pairs are not
independent. Differences are paired: both sides are drawn with the same queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

GRADES = 3
DRAWS = 2_000
SEED = 7


@dataclass(frozen=True)
class Counts:
    """Per query: confusion matrices of shape (queries, 3, 3), human by judge; and of the pairs of products that people
    grade differently, how many the judge puts in the same order (a tie counts half), of how many."""

    confusion: Floats
    ordered: Floats
    of: Floats


def counts(human: Ints, judge: Ints, queries: NDArray[np.str_]) -> Counts:
    """Grades 0 to 2 of the same pairs, with their query."""
    confusion, ordered, of = [], [], []
    for query in dict.fromkeys(queries):
        one, other = human[queries == query], judge[queries == query]
        matrix = np.zeros((GRADES, GRADES))
        np.add.at(matrix, (one, other), 1)
        confusion.append(matrix)
        up, seen = np.sign(one[:, None] - one[None, :]), np.sign(other[:, None] - other[None, :])
        wanted = up > 0
        ordered.append(((seen[wanted] > 0) + 0.5 * (seen[wanted] == 0)).sum())
        of.append(wanted.sum())
    return Counts(np.array(confusion), np.array(ordered, float), np.array(of, float))


def exact(drawn: Counts) -> Floats:
    """Share of pairs with the same grade."""
    matrix = drawn.confusion
    found: Floats = np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum(axis=(-2, -1))
    return found


def kappa(drawn: Counts) -> Floats:
    """Cohen's kappa with quadratic weights (Cohen, 1968)."""
    matrix = drawn.confusion / drawn.confusion.sum(axis=(-2, -1), keepdims=True)
    expected = matrix.sum(axis=-1)[..., :, None] * matrix.sum(axis=-2)[..., None, :]
    steps = np.arange(GRADES)
    weights = (steps[:, None] - steps[None, :]) ** 2
    found: Floats = 1 - (weights * matrix).sum(axis=(-2, -1)) / (weights * expected).sum(axis=(-2, -1))
    return found


def order(drawn: Counts) -> Floats:
    """Share of a query's pairs of products that stand in the order people put them in."""
    found: Floats = drawn.ordered / drawn.of
    return found


Statistic = Callable[[Counts], Floats]
STATISTICS: dict[str, Statistic] = {"exact": exact, "quadratic kappa": kappa, "order within a query": order}


def with_interval(statistic: Statistic, judge: Counts, other: Counts | None = None) -> str:
    """The statistic over all queries, or its difference to that of `other`, with its 95 % interval."""
    places = np.random.default_rng(SEED).integers(0, len(judge.of), (DRAWS, len(judge.of)))
    whole, drawn = _of(statistic, judge, None), _of(statistic, judge, places)
    if other is not None:
        whole, drawn = whole - _of(statistic, other, None), drawn - _of(statistic, other, places)
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    sign = "+" if other is not None else ""
    return f"{float(whole[0]):{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _of(statistic: Statistic, told: Counts, places: Ints | None) -> Floats:
    """The statistic of each draw; without places, of all queries once."""
    rows = np.arange(len(told.of))[None, :] if places is None else places
    return statistic(Counts(*(part[rows].sum(axis=1) for part in (told.confusion, told.ordered, told.of))))
