"""Sums of what was shown where and what was done with it, by UTC day. No shopper and no query's text is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, NamedTuple

Market = tuple[str, str]
"""Application and market."""

CLICK: Final = 1
CART: Final = 2
PURCHASE: Final = 4
"""Bits of what a shopper did with a listing in one search: each counts once."""


@dataclass(slots=True)
class Cell:
    """What came of a listing in a place."""

    impressions: int = 0
    clicks: int = 0
    carts: int = 0
    purchases: int = 0

    def add(self, done: int) -> None:
        """One more impression, and what was done with it."""
        self.impressions += 1
        if done:
            self.clicks += bool(done & CLICK)
            self.carts += bool(done & CART)
            self.purchases += bool(done & PURCHASE)


class Place(NamedTuple):
    """A listing in a place of the list, from 1."""

    listing_id: str
    position: int


MOST_PLACES = 3_000_000
"""Listings in places, and in places of single queries, of a day that is being folded: some 250 bytes each, 750 MB, and
the two days of a night are held at once. Half of so many listings tell agreement as well as all."""

ALL_HASHES = 2**63
"""Above every hash."""


@dataclass(slots=True)
class Bounds:
    """What bounds the memory of a fold; from the settings."""

    sample_share: float
    """Share of identities that are looked at, chosen by their hash: the same ones every day."""
    max_positions: int
    """Places further down are left out."""
    max_queries: int
    """Queries of a market and day whose places are kept one by one, those of the lowest hashes."""
    max_places: int = MOST_PLACES
    """Of a day, in memory: above it half of the listings are left out, by their hash, and half of those again."""


class QuerySample:
    """Places of the queries with the lowest hashes: a sample that is the same whatever order the log is in, and mostly
    the same from day to day (Cohen and Kaplan, "Summarizing Data Using Bottom-k Sketches", PODC 2007)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[int] = []
        self.kept: dict[int, dict[Place, Cell]] = {}
        self.left_out = False
        self.let_go = 0
        """Places that were counted of queries which are in the sample no longer."""

    def of(self, query_hash: int) -> dict[Place, Cell] | None:
        """Where the query's places are counted; None when it is not in the sample."""
        known = self.kept.get(query_hash)
        if known is not None:
            return known
        if len(self.kept) >= self._most:
            self.left_out = True
            if query_hash >= -self._heap[0]:
                return None
            self.let_go += len(self.kept.pop(-heappop(self._heap)))
        heappush(self._heap, -query_hash)
        return self.kept.setdefault(query_hash, {})


@dataclass(slots=True)
class MarketSums:
    """One market's sums of a day."""

    queries: QuerySample
    places: dict[Place, Cell] = field(default_factory=dict)


@dataclass(slots=True)
class DaySums:
    """A day's sums. `automated`: records of sessions that were programs'. `unmatched`: actions on a listing that their
    search had not shown, `deep`: impressions further down than the bound. `below`: listings whose hash is not below it
    are left out; the sums of the others are whole, so what is told of a listing stays right."""

    markets: dict[Market, MarketSums] = field(default_factory=dict)
    searches: int = 0
    impressions: int = 0
    automated: int = 0
    unmatched: int = 0
    deep: int = 0
    below: int = ALL_HASHES
    held: int = 0

    def count(
        self, market: Market, query_hash: int, places: Mapping[str, int], done: Mapping[str, int], b: Bounds
    ) -> None:
        """One search: where each listing stood, and what was done with those of `done`."""
        sums = self.markets.get(market)
        if sums is None:
            sums = self.markets[market] = MarketSums(QuerySample(b.max_queries))
        let_go = sums.queries.let_go
        sampled = sums.queries.of(query_hash)
        self.held -= sums.queries.let_go - let_go
        self.searches += 1
        for listing_id, position in places.items():
            if position > b.max_positions:
                self.deep += 1
                continue
            self.impressions += 1
            if self.below < ALL_HASHES and listing_hash(listing_id) >= self.below:
                continue
            place, did = Place(listing_id, position), done.get(listing_id, 0)
            self.held += _add(sums.places, place, did)
            if sampled is not None:
                self.held += _add(sampled, place, did)
        while self.held > b.max_places and self.below > 1:
            self._halve()
        self.unmatched += sum(listing_id not in places for listing_id in done)

    def _halve(self) -> None:
        """Leave out half of the listings."""
        self.below //= 2
        self.held = 0
        for sums in self.markets.values():
            sums.places = _kept(sums.places, self.below)
            sums.queries.kept = {query: _kept(places, self.below) for query, places in sums.queries.kept.items()}
            self.held += len(sums.places) + sum(map(len, sums.queries.kept.values()))

    def note(self, bounds: Bounds) -> str:
        """Which bound cut what, in words; empty when none did."""
        return "; ".join(self._cuts(bounds))

    def _cuts(self, bounds: Bounds) -> Iterator[str]:
        if bounds.sample_share < 1:
            yield f"{bounds.sample_share:g} of the shoppers"
        if self.below < ALL_HASHES:
            yield f"1 in {ALL_HASHES // self.below} listings: more than {bounds.max_places:,} places"
        if self.deep:
            yield f"{self.deep} impressions below place {bounds.max_positions} left out"
        if any(sums.queries.left_out for sums in self.markets.values()):
            yield f"places looked at by {bounds.max_queries} queries a market"


def _add(places: dict[Place, Cell], place: Place, done: int) -> bool:
    """Whether the place is new."""
    cell = places.get(place)
    new = cell is None
    if cell is None:
        cell = places[place] = Cell()
    cell.add(done)
    return new


def _kept(places: Mapping[Place, Cell], below: int) -> dict[Place, Cell]:
    return {place: cell for place, cell in places.items() if listing_hash(place.listing_id) < below}


def listing_hash(listing_id: str) -> int:
    """By which listings are chosen where there are too many: the same ones everywhere."""
    return hash_of(f"buyers/{listing_id}")


def hash_of(text: str) -> int:
    """63 bits of SHA-256 that fit a `bigint`: the same for the same text, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def is_sampled(identity: str, share: float) -> bool:
    """Whether this identity belongs to the share that is looked at."""
    return share >= 1 or hash_of(f"buyers/{identity}") < share * 2**63
