"""Searches with what they showed and what was done, from the records of one partition in log order.

Sessions are those of the signals (CONTRACT 3): the same gap, span and end. What is different is kept apart from them
because the fold of the signals is paced to its last microsecond and this one runs once a day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from core.domain.images.buyers.exposures import CART, CLICK, PURCHASE, Bounds, DaySums, hash_of, is_sampled
from core.domain.search_log import SearchLogRecord
from core.domain.sessions import AUTOMATED_RECORDS, CLOSE_AFTER_MS, GAP_MS, SPAN_MS

REFRESH_SHARE = 0.5
"""A list of which more than this share has been shown in its search already is the same page again, not a further one:
a page that follows shares an item or two at most, where a listing came in between."""

SWEEP_RECORDS = 10_000
"""Records between two looks for sessions that are over: a look costs a microsecond a session that is open."""

ACTION_BITS = {"add_to_cart": CART, "purchase": PURCHASE}
"""Engagement actions other than these are clicks."""


@dataclass(slots=True)
class _Search:
    market: str
    query: str
    start: int
    shown: int = 0
    """Length of the pages so far: where the next one begins."""
    places: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)

    def page(self, hits: list[str]) -> None:
        """A page of results: a further one, or the same again."""
        known = sum(hit in self.places for hit in hits)
        if known > REFRESH_SHARE * len(hits):
            return
        for place, hit in enumerate(hits, self.shown + 1):
            self.places.setdefault(hit, place)
        self.shown += len(hits)


@dataclass(slots=True)
class _Visit:
    """An open session."""

    low: int
    high: int
    records: int = 0
    searches: list[_Search] = field(default_factory=list)
    owners: dict[str, _Search] = field(default_factory=dict)

    def takes(self, timestamp: int) -> bool:
        low, high = min(self.low, timestamp), max(self.high, timestamp)
        return timestamp - self.high <= GAP_MS and self.low - timestamp <= GAP_MS and high - low <= SPAN_MS


class Visits:
    """Folds one partition's records into the sums of the days that are there: by the day on which a search begins,
    whenever the click on it comes."""

    def __init__(self, sums: dict[date, DaySums], engagement: frozenset[str], bounds: Bounds) -> None:
        self._sums = sums
        self._engagement = engagement
        self._bounds = bounds
        self._open: dict[tuple[str, str], _Visit] = {}
        self._watermark = 0
        self._until_sweep = SWEEP_RECORDS

    def add(self, record: SearchLogRecord, listing_id: str | None) -> None:
        """Take a usable record; `listing_id` is what an event record acted on."""
        self._watermark = max(self._watermark, record.timestamp)
        if not is_sampled(record.identity, self._bounds.sample_share):
            return
        visit = self._visit(record)
        visit.records += 1
        if visit.records > AUTOMATED_RECORDS:
            visit.searches, visit.owners = [], {}
        elif record.query is not None:
            _searched(visit, record, record.query)
        elif visit.searches and listing_id is not None and record.action in self._engagement:
            search = visit.owners.get(record.query_id or "", visit.searches[-1])
            search.done[listing_id] = search.done.get(listing_id, 0) | ACTION_BITS.get(record.action or "", CLICK)
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._sweep()

    def close(self) -> None:
        """Count every session that is still open: the reading has ended."""
        for (application, _), visit in self._open.items():
            self._count(application, visit)
        self._open.clear()

    def _visit(self, record: SearchLogRecord) -> _Visit:
        key, timestamp = (record.application, record.identity), record.timestamp
        visit = self._open.get(key)
        if visit is not None and visit.high >= self._watermark - CLOSE_AFTER_MS and visit.takes(timestamp):
            visit.low, visit.high = min(visit.low, timestamp), max(visit.high, timestamp)
            return visit
        if visit is not None:
            self._count(record.application, visit)
        visit = self._open[key] = _Visit(timestamp, timestamp)
        return visit

    def _sweep(self) -> None:
        self._until_sweep = SWEEP_RECORDS + len(self._open)
        over = [key for key, visit in self._open.items() if visit.high < self._watermark - CLOSE_AFTER_MS]
        for key in over:
            self._count(key[0], self._open.pop(key))

    def _count(self, application: str, visit: _Visit) -> None:
        if visit.records > AUTOMATED_RECORDS:
            day = self._sums.get(day_of(visit.low))
            if day is not None:
                day.automated += visit.records
            return
        for search in visit.searches:
            day = self._sums.get(day_of(search.start))
            if day is not None and (search.places or search.done):
                market = (application, search.market)
                day.count(market, hash_of(search.query), search.places, search.done, self._bounds)


def _searched(visit: _Visit, record: SearchLogRecord, query: str) -> None:
    """A query record: a page of a search that is known by its id or is the latest, else a new search."""
    if not query:
        return
    query_id = record.query_id or ""
    search = visit.owners.get(query_id)
    if search is None:
        if visit.searches and visit.searches[-1].query == query:
            search = visit.searches[-1]
        else:
            search = _Search(record.market, query, record.timestamp)
            visit.searches.append(search)
        visit.owners[query_id] = search
    if record.hits:
        search.page(record.hits)


def day_of(timestamp: int) -> date:
    """The UTC day of a time in milliseconds since 1970."""
    return datetime.fromtimestamp(timestamp // 1000, UTC).date()
