"""Friction: which queries their shoppers struggle with more than the market's shoppers do on average."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959964
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class QuerySignals:
    """A query's panes of the window, added up."""

    application: str
    market: str
    query: str
    searches: int
    sessions: int
    engaged: int
    reformulated: int
    exits: int
    zero_results: int

    @property
    def struggles(self) -> int:
        """Searches that were rephrased or left: a search is never both, as an exit has no next search."""
        return self.reformulated + self.exits


@dataclass(frozen=True, slots=True)
class Friction:
    """How much more a query's shoppers struggle than the market's. Rates are shares of searches, 0 to 1."""

    signals: QuerySignals
    rate: float
    lower_bound: float
    baseline: float

    @property
    def excess(self) -> float:
        """Lower bound of the rate above the baseline: what is surely more than usual."""
        return self.lower_bound - self.baseline

    @property
    def priority(self) -> float:
        """Volume times excess: searches that struggle beyond the usual."""
        return self.signals.searches * self.excess


def wilson_lower(successes: float, n: float, z: float = Z_95) -> float:
    """Lower end of Wilson's score interval of a share (Wilson 1927); 0 when n is 0. Of a clustered sample `n` is its
    effective size, no whole number."""
    if n == 0:
        return 0.0
    share = successes / n
    centre = share + z * z / (2 * n)
    margin = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - margin) / (1 + z * z / n))


def baselines(signals: Iterable[QuerySignals]) -> dict[tuple[str, str], float]:
    """Share of searches that struggle, by (application, market), over all its queries."""
    searches: dict[tuple[str, str], int] = {}
    struggles: dict[tuple[str, str], int] = {}
    for each in signals:
        key = (each.application, each.market)
        searches[key] = searches.get(key, 0) + each.searches
        struggles[key] = struggles.get(key, 0) + each.struggles
    return {key: struggles[key] / n if n else 0.0 for key, n in searches.items()}


def friction_of(signals: QuerySignals, baseline: float) -> Friction:
    """The query's friction against its market's baseline."""
    rate = signals.struggles / signals.searches if signals.searches else 0.0
    return Friction(signals, rate, wilson_lower(signals.struggles, signals.searches), baseline)
