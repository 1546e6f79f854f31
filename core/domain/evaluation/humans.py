"""People beside the judge: each rater against the consensus of the others, and the judge in the rater's seat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.domain.evaluation.agreement import agreement, undefined
from core.domain.evaluation.bootstrap import RESAMPLES
from core.domain.evaluation.estimates import RaterReport
from core.domain.evaluation.sample import NONE, Grades, Sample, Verdicts, of_rater


def humans(
    sample: Sample, verdicts: Verdicts | None = None, resamples: int = RESAMPLES, seed: int = 7
) -> tuple[RaterReport, ...]:
    """Each rater against the median of the others, rounded down, on items that he and one other at least have graded,
    and the judge, where one is given, has answered. The judge is then held against the same consensus on the same
    items: the two reports differ in nothing but who grades. A rater without such items has a report of no figures.

    The adjudicated truth is left aside: a rater had a part in it."""
    return tuple(_seat(sample, verdicts, number, resamples, seed) for number in range(len(sample.rater_names)))


def consensus(raters: Grades) -> Grades:
    """[items, raters] to [items]: the median of those who graded, rounded down; -1 where nobody did."""
    known = raters != NONE
    ordered = np.sort(np.where(known, raters.astype(np.int16), np.iinfo(np.int16).max), axis=1)
    count = known.sum(axis=1)
    if not raters.shape[1]:
        return np.full(len(raters), NONE, dtype=np.int8)
    row = np.arange(len(raters))
    low, high = ordered[row, np.maximum(count - 1, 0) // 2], ordered[row, np.minimum(count // 2, raters.shape[1] - 1)]
    return np.where(count > 0, (low + high) // 2, NONE).astype(np.int8)


def _seat(sample: Sample, verdicts: Verdicts | None, number: int, resamples: int, seed: int) -> RaterReport:
    others = np.delete(sample.raters, number, axis=1)
    truth = consensus(others)
    kept = (sample.raters[:, number] != NONE) & (truth != NONE)
    if verdicts is not None:
        kept &= verdicts.grade != NONE
    rater = sample.rater_names[number]
    if not kept.any():
        nothing = undefined(sample.scale, _why_not(rater, verdicts))
        return RaterReport(rater, 0, 0, nothing, None if verdicts is None else nothing)
    names = tuple(name for place, name in enumerate(sample.rater_names) if place != number)
    seat = replace(sample, truth=truth, raters=others, rater_names=names).only(kept)
    person = agreement(seat, of_rater(sample, number).only(kept), resamples, seed)
    judge = None if verdicts is None else agreement(seat, verdicts.only(kept), resamples, seed)
    return RaterReport(rater, int(kept.sum()), seat.queries, person, judge)


def _why_not(rater: str, verdicts: Verdicts | None) -> str:
    answered = "" if verdicts is None else " and the judge answered"
    return f"nobody else graded what {rater} did{answered}"
