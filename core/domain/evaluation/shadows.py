"""How a candidate in the shadow agrees with the live judge on the same pairs or pictures. Pure.

It says where the two differ, not which of them is right: that takes people's grades (a run on a dataset).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.domain.evaluation import estimates as names
from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.estimates import Estimate
from core.domain.evaluation.sample import IMAGE, RELEVANCE, Sample, Scale, Verdicts, sample_of, verdicts_of

RESAMPLES = 1_000
"""Of the bootstrap: a page with ten candidates waits for it, and the ends of an interval move by a hundredth."""


@dataclass(frozen=True, slots=True)
class ShadowAgreement:
    """Of one candidate beside one live judge; intervals are over queries (pictures: over listings), as of every
    agreement (`core.domain.evaluation.bootstrap`)."""

    judge: str
    live: str
    kind: Literal["relevance", "image"]
    pairs: int
    queries: int
    same: Estimate
    """Share of equal grades."""
    quadratic_kappa: Estimate
    hard: Estimate
    """Share of grades two thirds of the scale apart: highly relevant against irrelevant, seven points of a picture."""
    bias: Estimate
    """Mean grade of the candidate less that of the live judge."""
    confusion: Sequence[Sequence[int]]
    """[live grade][candidate's grade], from the lowest."""


def agreement_of(
    judge: str, live: str, kind: Literal["relevance", "image"], counts: Mapping[tuple[str, int, int], int]
) -> ShadowAgreement:
    """From how many had (query, live grade, candidate's grade)."""
    found = agreement(*_arrays(RELEVANCE if kind == "relevance" else IMAGE, counts), resamples=RESAMPLES)
    return ShadowAgreement(
        judge=judge,
        live=live,
        kind=kind,
        pairs=found.n_items,
        queries=found.n_queries,
        same=found.of(names.EXACT),
        quadratic_kappa=found.of(names.QUADRATIC_KAPPA),
        hard=found.of(names.HARD_DISAGREEMENT),
        bias=found.of(names.MEAN_BIAS),
        confusion=found.confusion,
    )


def _arrays(scale: Scale, counts: Mapping[tuple[str, int, int], int]) -> tuple[Sample, Verdicts]:
    """A row a pair, the live judge's grade in the place of people's."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    sample = sample_of(scale, [query for query, _, _ in rows], [live for _, live, _ in rows])
    return sample, verdicts_of(scale, [said for _, _, said in rows], [None] * len(rows))
