"""Comparisons of engines as a person finds them in the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

SURE_P = 0.05
"""As the intervals' 95 %."""


@dataclass(frozen=True, slots=True)
class EngineMeasureView:
    """One engine's measure over queries, and its difference from the baseline's (None for the baseline)."""

    engine: str
    measure: str
    queries: int
    value: float | None
    low: float | None
    high: float | None
    paired: int | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    wins: int | None
    losses: int | None
    ties: int | None

    @property
    def is_sure(self) -> bool:
        """Whether both say so: the interval of the difference leaves 0 out, and p is below `SURE_P`. Of a few dozen
        queries a bootstrap's interval is a little too narrow, and alone would call too much a difference."""
        low, high = self.difference_low, self.difference_high
        apart = low is not None and high is not None and (low > 0 or high < 0)
        return apart and self.p is not None and self.p < SURE_P

    @property
    def is_better(self) -> bool:
        """Whether the difference is to the good: fewer irrelevant, or more of the others."""
        return self.difference is not None and (self.difference < 0) == (self.measure == "irrelevant")


@dataclass(frozen=True, slots=True)
class EngineRunView:
    """A comparison and what it rests on. The first engine is the baseline."""

    run_id: UUID
    compared_at: datetime
    engines: Sequence[str]
    k: int
    judge: str
    queries: int
    pairs: int
    judged: int
    unknown: int
    missing: Mapping[str, int]
    failures: Mapping[str, int]
    measures: Sequence[EngineMeasureView]

    def measure(self, engine: str, name: str) -> EngineMeasureView | None:
        """One engine's measure."""
        return next((each for each in self.measures if (each.engine, each.measure) == (engine, name)), None)


@dataclass(frozen=True, slots=True)
class EngineQueryView:
    """One query in a comparison: the baseline's figures and another engine's; `gap` is the difference in nDCG."""

    engine: str
    application: str
    market: str
    query: str
    base_ndcg: float | None
    ndcg: float | None
    gap: float | None
    base_irrelevant: float | None
    irrelevant: float | None
    base_shown: int
    base_judged: int
    shown: int
    judged: int


@dataclass(frozen=True, slots=True)
class EngineRunStory:
    """A comparison with its queries, by how far the engines differ; `total` of them there are."""

    run: EngineRunView
    queries: Sequence[EngineQueryView]
    total: int
