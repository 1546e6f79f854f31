"""The lite judge's constants anew, and the cascade with constants that come from other queries than those it is tried
on: `python -m tests.bench.judging.cascade_held_out`. Its strong side is the score without the rules, as in
`offline_judge_agreement`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from core.domain.judging import undecided
from demo.offline_judge import OfflineJudge, lite
from demo.offline_judge.evidence import weigh
from demo.offline_judge.offers import read_offer
from tests.bench.judging.cascade_figures import STATISTICS, Floats, Ints, counts, with_interval
from tests.bench.offline_judge_agreement import (
    FOLDS,
    PAIRS,
    Data,
    best_cuts,
    cross_validated,
    fit,
    load,
    product_row,
)

THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.01)


@dataclass(frozen=True)
class Fitted:
    """The lite judge's constants: of the score, its cut points, and P(grade 1 or more) by the score."""

    weights: Floats
    intercept: float
    cuts: tuple[float, float]
    any_use: tuple[float, float]

    def judged(self, values: Floats) -> tuple[Ints, Floats]:
        """Grades 0 to 2 and confidences, as `lite` gives them."""
        scores = values @ self.weights + self.intercept
        grades = (scores >= self.cuts[0]).astype(np.int64) + (scores >= self.cuts[1])
        relevant = _logistic(scores)
        any_use = np.maximum(relevant, _logistic(self.any_use[0] + self.any_use[1] * scores))
        shares = np.stack([1 - any_use, any_use - relevant, relevant], axis=1)
        return grades, shares[np.arange(len(grades)), grades]


def fitted(values: Floats, labels: Ints) -> Fitted:
    weights, intercept = fit(values, labels == 2)
    scores = values @ weights + intercept
    some = LogisticRegression(C=1e6).fit(scores[:, None], labels >= 1)
    return Fitted(weights, intercept, best_cuts(scores, labels), (float(some.intercept_[0]), float(some.coef_[0][0])))


def main() -> None:
    judge = OfflineJudge()
    data = load(PAIRS, judge)
    values, left_open = _words(data, judge)
    whole = fitted(values, data.labels)
    print("INTERCEPT, TITLE_COVER, TEXT_COVER =", round(whole.intercept, 2), whole.weights.round(2))
    print("cut points", whole.cuts, "ANY_USE", whole.any_use)
    cheap, sure = _held_out(values, data)
    strong = cross_validated(data)[1]
    right = cheap == data.labels
    print(f"undecided: {right[left_open].mean():.2f} right, else {right[~left_open].mean():.2f}")
    base = counts(data.labels, strong, data.queries)
    headings = [*STATISTICS, *(f"{statistic}, difference" for statistic in STATISTICS)]
    print(f"\n| held out | graded again | {' | '.join(headings)} |")
    print("|---" * (2 + 2 * len(STATISTICS)) + "|")
    for threshold in THRESHOLDS:
        again = left_open | (sure < threshold)
        told = counts(data.labels, np.where(again, strong, cheap), data.queries)
        figures = [with_interval(statistic, told) for statistic in STATISTICS.values()]
        figures += [with_interval(statistic, told, base) for statistic in STATISTICS.values()]
        print(f"| below {threshold:g} | {again.mean():.1%} | {' | '.join(figures)} |")


def _words(data: Data, judge: OfflineJudge) -> tuple[Floats, NDArray[np.bool_]]:
    """The lite judge's features, shape (pairs, 2), and which pairs it calls undecided."""
    found, open_musts = [], []
    for row in data.rows:
        offer, query = read_offer(product_row(row, "p1")), str(row["query"])
        found.append(weigh(judge.read(query), offer, lite.NOTHING_SEEN))
        body = judge.guideline(query, "en")
        (judged,) = lite.by_words(judge.read(query), [offer], body).judgements
        open_musts.append(undecided(judged, body) > 0)
    values = np.array([[each.title_cover, each.text_cover] for each in found])
    return values, np.array(open_musts)


def _held_out(values: Floats, data: Data) -> tuple[Ints, Floats]:
    grades, sure = np.zeros(len(values), dtype=np.int64), np.zeros(len(values))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=0).split(values, groups=data.queries):
        grades[test], sure[test] = fitted(values[train], data.labels[train]).judged(values[test])
    return grades, sure


def _logistic(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-values))
    return found


if __name__ == "__main__":
    main()
