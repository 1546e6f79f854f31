"""Shares with intervals of judgements that come in clusters and were drawn with different chances. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from core.domain.evaluation.checks.report import Share
from core.domain.friction import wilson_lower


@dataclass(frozen=True, slots=True)
class Seen:
    """One judgement: whether it counts, its query, and one by the chance with which it was drawn."""

    hit: bool
    query: Hashable
    weight: float = 1.0


def share_of(seen: Sequence[Seen]) -> Share:
    """Wilson's score interval with the effective number of judgements in place of the real one: judgements of one query
    tell less than as many of different ones. The effective number is p(1-p) by the variance of the weighted share,
    linearised over queries (Dean and Pagano, 2015, found this interval to hold best in clustered samples)."""
    hits, queries = sum(each.hit for each in seen), len({each.query for each in seen})
    total = sum(each.weight for each in seen)
    if not total:
        return Share(0, 0, 0, None, None, None)
    value = sum(each.weight for each in seen if each.hit) / total
    n = _effective(seen, value, total)
    return Share(hits, len(seen), queries, value, wilson_lower(value * n, n), 1 - wilson_lower((1 - value) * n, n))


def _effective(seen: Sequence[Seen], value: float, total: float) -> float:
    """Never above the number of judgements. Where all are alike, or of one query, nothing tells how much queries
    differ: then every query counts once."""
    residuals: defaultdict[Hashable, float] = defaultdict(float)
    for each in seen:
        residuals[each.query] += each.weight * (each.hit - value) / total
    clusters = len(residuals)
    variance = sum(part * part for part in residuals.values()) * clusters / max(1, clusters - 1)
    if clusters < 2 or variance <= 0:
        return float(clusters)
    return min(float(len(seen)), value * (1 - value) / variance)
