"""How far the mean grade is off with few human labels: as the judge has it, by people alone, corrected, calibrated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.domain.evaluation.calibration import calibrated
from core.domain.evaluation.prediction import corrected
from core.domain.evaluation.sample import NONE, Sample, Verdicts
from tests.bench.evaluation.data import human_sample, of_queries, offline_answers

LABELS = (100, 200, 400)
RESAMPLES, QUICK = 500, 10
"""Of the corrected mean; of the calibrated one, whose value is all that is asked for."""


def judges(judge: Verdicts) -> Iterator[tuple[str, Verdicts]]:
    """The offline judge, and judges made of it whose mean is off by a fifth and more."""
    sure = judge.confidence
    yield "the offline judge", judge
    yield "one label better where unsure", _moved(judge, sure < np.quantile(sure, 0.45), 1)
    yield "one label worse where unsure", _moved(judge, sure < np.quantile(sure, 0.6), -1)
    yield "never says irrelevant", Verdicts(np.maximum(judge.grade, 1).astype(np.int8), sure)


def _moved(judge: Verdicts, where: np.ndarray, by: int) -> Verdicts:
    return Verdicts(np.where(where, np.clip(judge.grade + by, 0, 2), judge.grade).astype(np.int8), judge.confidence)


def main(kept: Path | None, draws: int) -> None:
    """Mean distance from the truth, and how often the interval held it."""
    sample = replace(human_sample(), engine_names=())
    truth = float(sample.truth.mean())
    print(f"mean grade of {len(sample.query):,} pairs, truth {truth:.3f}; labels drawn at random {draws:,} times")
    print(f"{'judge':32s}{'raw off':>8s}{'labels':>8s}{'people':>9s}{'corrected':>11s}{'held':>8s}{'calibrated':>12s}")
    for name, judge in judges(offline_answers(kept)):
        for labels in LABELS:
            off = np.array([_once(sample, judge, labels, seed) for seed in range(draws)])
            people, value, held, label_wise = np.nanmean(off, axis=0)
            raw = float(judge.grade.mean()) - truth
            print(
                f"{name:32s}{raw:+8.3f}{labels:8d}{people:9.3f}{value:11.3f}{held:8.1%}{label_wise:12.3f}", flush=True
            )


def _once(sample: Sample, judge: Verdicts, labels: int, seed: int) -> tuple[float, float, bool, float]:
    """As many queries as there are, drawn with replacement, and so many labels of their items. Distances are from the
    mean of the items drawn; held is the mean of the file, from which the queries come."""
    rng = np.random.default_rng(seed)
    drawn, items = of_queries(sample, rng.integers(0, sample.queries, sample.queries))
    known = np.zeros(len(items), dtype=bool)
    known[rng.choice(len(items), labels, replace=False)] = True
    partly = replace(drawn, truth=np.where(known, drawn.truth, np.int8(NONE)))
    found = corrected(partly, judge.only(items), RESAMPLES)[0]
    by_label = calibrated(partly, judge.only(items), QUICK).calibrated_mean.value
    assert found.value is not None
    assert found.people is not None
    assert found.low is not None
    assert found.high is not None
    truth = float(drawn.truth.mean())
    label_wise = np.nan if by_label is None else abs(by_label - truth)
    held = found.low <= float(sample.truth.mean()) <= found.high
    return abs(found.people - truth), abs(found.value - truth), held, label_wise
