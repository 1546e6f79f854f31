"""Search engines as sources of results: what is asked, what comes back, which ranks and queries are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.domain.selection import Deep, length_band, volume_band

QueryKey = tuple[str, str, str]
"""Application, market, normalised query."""

DEEPEST = 10_000
"""Ranks that can be asked for: OpenSearch and Elasticsearch refuse `from` + `size` beyond it (index.max_result_window),
and what stands deeper no shopper sees."""


@dataclass(frozen=True, slots=True)
class EngineQuery:
    """A search: the normalised query and its context."""

    application: str
    market: str
    language: str
    text: str

    @property
    def key(self) -> QueryKey:
        """Whose labels are its labels."""
        return self.application, self.market, self.text


@dataclass(frozen=True, slots=True)
class EngineHit:
    """A result: its rank from 1, and the listing as the engine's own document tells it, where it was asked for."""

    listing_id: str
    rank: int
    listing: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which ranks of a list are taken: the first `top`, and those of `deep`."""

    top: int
    deep: Deep | None = None

    def windows(self) -> list[tuple[int, int]]:
        """Offset and size of each request; ranks that both parts name are asked for once."""
        parts = [(0, self.top)]
        if self.deep is not None:
            start = max(self.deep.first - 1, self.top)
            parts.append((start, self.deep.first - 1 + self.deep.ranks - start))
        return [(start, size) for start, size in parts if size > 0]


@dataclass(frozen=True, slots=True)
class EngineList:
    """What an engine answered to a query at one time, in rank order, as far as it was asked."""

    engine: str
    query: EngineQuery
    fetched_at: datetime
    sampling: Sampling
    hits: Sequence[EngineHit]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A query that may be drawn into a sample, and what it is drawn by."""

    query: EngineQuery
    searches: int = 0
    engines: str = ""
    """The engines that its shoppers are served by, joined."""
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def stratum(self) -> tuple[str, bool, str, int]:
        """Zalando's strata: engine, filtered or not, frequency, length."""
        return self.engines, bool(self.filters), volume_band(self.searches), length_band(self.query.text)


def drawn(candidates: Iterable[Candidate], count: int, seed: int) -> list[Candidate]:
    """`count` queries, one of each stratum in turn, within a stratum in the order of a hash of seed and query: the same
    seed draws the same queries, and a larger sample holds the smaller one."""
    strata: dict[tuple[str, bool, str, int], list[Candidate]] = {}
    for each in sorted(candidates, key=lambda c: _draw(c.query, seed)):
        strata.setdefault(each.stratum, []).append(each)
    places = [(place, stratum, each) for stratum, group in strata.items() for place, each in enumerate(group)]
    return [each for _, _, each in sorted(places, key=lambda entry: entry[:2])][:count]


def ranked(ids: Iterable[tuple[str, Mapping[str, object] | None]], offset: int) -> list[EngineHit]:
    """Hits of a page in their order; of an id that comes twice the first counts and keeps its rank."""
    hits: dict[str, EngineHit] = {}
    for rank, (listing_id, listing) in enumerate(ids, offset + 1):
        hits.setdefault(listing_id, EngineHit(listing_id, rank, listing))
    return list(hits.values())


def joined(pages: Iterable[Sequence[EngineHit]]) -> list[EngineHit]:
    """The pages of one list, an id once, at its best rank."""
    hits: dict[str, EngineHit] = {}
    for hit in (hit for page in pages for hit in page):
        hits.setdefault(hit.listing_id, hit)
    return sorted(hits.values(), key=lambda hit: hit.rank)


def union(lists: Iterable[EngineList]) -> dict[QueryKey, dict[str, EngineHit]]:
    """Each query's results over all engines, each once; one that brings its listing stands for one that does not."""
    found: dict[QueryKey, dict[str, EngineHit]] = {}
    for each in lists:
        of_query = found.setdefault(each.query.key, {})
        for hit in each.hits:
            held = of_query.get(hit.listing_id)
            if held is None or (held.listing is None and hit.listing is not None):
                of_query[hit.listing_id] = hit
    return found


def _draw(query: EngineQuery, seed: int) -> str:
    return hashlib.sha256("\n".join((str(seed), *query.key)).encode()).hexdigest()
