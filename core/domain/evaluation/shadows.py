"""How a candidate in the shadow agrees with the live judge on the same pairs or pictures. Pure.

It says where the two differ, not which of them is right: that takes people's grades (a run on a dataset).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.evaluation.metrics import kappa
from core.domain.evaluation.sample import IMAGE, RELEVANCE
from core.domain.friction import wilson_lower


@dataclass(frozen=True, slots=True)
class ShadowAgreement:
    """Of one candidate beside one live judge. `same`, `low`, `high`: share of equal grades with Wilson's 95 % interval,
    as if pairs stood for themselves."""

    judge: str
    live: str
    kind: Literal["relevance", "image"]
    pairs: int
    same: float
    low: float
    high: float
    quadratic_kappa: float | None
    """None where the live judge gave one grade only: it is not defined then."""
    hard: float
    """Share of grades two thirds of the scale apart: highly relevant against irrelevant, seven points of a picture."""
    bias: float
    """Mean grade of the candidate less that of the live judge."""
    confusion: Sequence[Sequence[int]]
    """[live grade][candidate's grade], from the lowest."""


def agreement_of(
    judge: str, live: str, kind: Literal["relevance", "image"], counts: Mapping[tuple[int, int], int]
) -> ShadowAgreement:
    """From how many had (live grade, candidate's grade); at least one pair has to be there."""
    scale = RELEVANCE if kind == "relevance" else IMAGE
    confusion = np.zeros((scale.grades, scale.grades))
    for (before, said), count in counts.items():
        confusion[before - scale.lowest, said - scale.lowest] = count
    apart = np.subtract.outer(np.arange(scale.grades), np.arange(scale.grades))
    pairs, same = int(confusion.sum()), float(np.trace(confusion))
    weighted = float(kappa(confusion[:, :, None], np.square(apart).astype(float))[0])
    return ShadowAgreement(
        judge=judge,
        live=live,
        kind=kind,
        pairs=pairs,
        same=same / pairs,
        low=wilson_lower(same, pairs),
        high=1 - wilson_lower(pairs - same, pairs),
        quadratic_kappa=None if np.isnan(weighted) else weighted,
        hard=float(confusion[np.abs(apart) >= scale.hard].sum()) / pairs,
        bias=float(-(confusion * apart).sum()) / pairs,
        confusion=confusion.astype(int).tolist(),
    )
