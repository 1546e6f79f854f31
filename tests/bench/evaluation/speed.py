"""All metrics with 2,000 resamples over 100,000 labels of 5,000 queries, on one core."""

from __future__ import annotations

import time

import numpy as np

from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.comparison import compared
from core.domain.evaluation.sample import IMAGE, RELEVANCE, Sample, Scale, Verdicts

ITEMS, QUERIES, RESAMPLES = 100_000, 5_000, 2_000


def large(scale: Scale, seed: int = 7, decimals: int = 2) -> tuple[Sample, Verdicts]:
    """Labels of three raters, most of whom agree, two engines, a judge with confidences of so many decimals."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, scale.grades, ITEMS)
    graded = [_noisy(truth, scale, rng) for _ in range(3)]
    raters = np.where(rng.random((ITEMS, 3)) < 0.8, np.stack(graded, axis=1) + scale.lowest, -1).astype(np.int8)
    query = np.sort(np.concatenate([np.arange(QUERIES), rng.integers(0, QUERIES, ITEMS - QUERIES)])).astype(np.int32)
    ranks = rng.integers(1, 21, (ITEMS, 2)).astype(np.int16)
    sample = Sample(scale, query, (truth + scale.lowest).astype(np.int8), raters, ("a", "b", "c"), ranks, ("e", "f"))
    return sample, answers(sample, seed + 1, decimals)


def answers(sample: Sample, seed: int, decimals: int = 2) -> Verdicts:
    """A judge who is right in four of five."""
    rng = np.random.default_rng(seed)
    grade = _noisy(sample.truth.astype(np.int64) - sample.lowest, sample.scale, rng) + sample.lowest
    return Verdicts(grade.astype(np.int8), np.round(rng.random(ITEMS), decimals))


def _noisy(truth: np.ndarray, scale: Scale, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(truth)) < 0.8, truth, rng.integers(0, scale.grades, len(truth)))


def main() -> None:
    """Seconds of processor time and of the clock."""
    print(f"{ITEMS:,} labels, {QUERIES:,} queries, {RESAMPLES:,} resamples; seconds of one core (of the clock)")
    for name, scale, decimals in (
        ("relevance", RELEVANCE, 2),
        ("relevance, every confidence another", RELEVANCE, 9),
        ("pictures, 1 to 10", IMAGE, 2),
    ):
        sample, one = large(scale, decimals=decimals)
        other = answers(sample, 99, decimals)
        print(f"  {name}: agreement {_timed(lambda: agreement(sample, one, RESAMPLES))}", end="")  # noqa: B023
        print(f", comparison {_timed(lambda: compared(sample, one, other, RESAMPLES))}")  # noqa: B023


def _timed(work) -> str:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return f"{time.process_time() - processor:.2f} ({time.perf_counter() - clock:.2f})"
