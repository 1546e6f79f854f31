"""Sessions and searches of one partition, exactly as CONTRACT 3 defines them.

State is a function of the log: the same records in the same order give the same sessions, whatever the cuts
between batches, and a snapshot taken after any record continues as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

import msgspec

from core.domain.normalise import similar
from core.domain.panes import Counters, PaneKey, Panes
from core.domain.search_log import SearchLogRecord
from core.domain.timestamps import HOUR_MS

GAP_MS = 30 * 60_000
"""A record this much later than a session's last, or earlier than its first, opens another (CONTRACT 3)."""

SPAN_MS = 6 * 3_600_000
"""A session never spans more."""

CLOSE_AFTER_MS = 35 * 60_000
"""A session whose last record is this far below the watermark is closed: the gap, and 5 minutes for late records."""

REFORMULATION_MS = 5 * 60_000
"""A similar search that starts within this of the one before is a reformulation."""

AUTOMATED_RECORDS = 2_000
"""A session of more records is a program's, not a shopper's: it adds nothing."""


class Search(msgspec.Struct, array_like=True, gc=False):
    """One search of a session. Times in milliseconds since 1970."""

    query: str
    market: str
    start: int
    """Time of its first record in log order; the hour of its pane."""
    last: int
    """Highest time among its records and events."""
    ids: list[str]
    engaged: bool = False
    zero_result: bool | None = None
    """Whether the first of its query records that has a result list has an empty one; None before there is one."""


class Session(msgspec.Struct, array_like=True, gc=False):
    """An open session of one identity in one application."""

    application: str
    identity: str
    low: int
    high: int
    records: int
    searches: list[Search]
    closed: bool = False

    def takes(self, timestamp: int) -> bool:
        """Whether a record of this time belongs to this session."""
        low, high = self.low, self.high
        return low - GAP_MS <= timestamp <= high + GAP_MS and (max(high, timestamp)) - (min(low, timestamp)) <= SPAN_MS


class RunSnapshot(msgspec.Struct, array_like=True):
    """Open sessions of one run in one partition, and its watermark."""

    run: str
    watermark: int
    sessions: list[Session]


class RunSessions:
    """Open sessions of one run in one partition.

    `watermark` is the highest timestamp of the run's usable records so far. Invariant: after `add`, no open
    session has its last record more than 35 minutes below it.
    """

    def __init__(self, run: str, engagement: frozenset[str], snapshot: RunSnapshot | None = None) -> None:
        self.run = run
        self.watermark = snapshot.watermark if snapshot else 0
        self._automated = 0
        self._engagement = engagement
        self._open = {(s.application, s.identity): s for s in snapshot.sessions} if snapshot else {}
        self._order = 0
        self._due: list[tuple[int, int, Session]] = []
        self._rebuild_due()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, record: SearchLogRecord, panes: Panes) -> bool:
        """Take one usable record; sessions that it closes add to `panes`. Returns whether it opened a search."""
        key = (record.application, record.identity)
        timestamp = record.timestamp
        session = self._open.get(key)
        if session is None or not session.takes(timestamp):
            if session is not None:
                self._close(session, panes)
            session = self._opened(key, timestamp)
        elif timestamp > session.high:
            session.high = timestamp
        elif timestamp < session.low:
            session.low = timestamp
        session.records += 1
        opened = False
        if session.records <= AUTOMATED_RECORDS:
            opened = self._record(session, record)
        elif session.searches:
            session.searches = []
        self.watermark = max(self.watermark, timestamp)
        if self._due[0][0] < self.watermark - CLOSE_AFTER_MS:
            self._close_due(panes)
        return opened

    def close_all(self, panes: Panes) -> None:
        """Close every open session: the run has ended, or the partition has stood at its end."""
        for session in list(self._open.values()):
            self._close(session, panes)
        self._open.clear()
        self._due.clear()

    def take_automated(self) -> int:
        """How many closed sessions were programs' since the last call."""
        taken, self._automated = self._automated, 0
        return taken

    def snapshot(self) -> RunSnapshot:
        """The state; valid until the next `add`."""
        return RunSnapshot(self.run, self.watermark, list(self._open.values()))

    def _opened(self, key: tuple[str, str], timestamp: int) -> Session:
        session = Session(key[0], key[1], timestamp, timestamp, 0, [])
        self._open[key] = session
        self._order += 1
        heappush(self._due, (timestamp, self._order, session))
        return session

    def _rebuild_due(self) -> None:
        self._due = [(session.high, i, session) for i, session in enumerate(self._open.values())]
        self._order = len(self._due)
        heapify(self._due)

    def _close_due(self, panes: Panes) -> None:
        """Close what is due. An entry's time is a lower bound of its session's last record: look, then put it back."""
        limit = self.watermark - CLOSE_AFTER_MS
        while self._due and self._due[0][0] < limit:
            _, order, session = heappop(self._due)
            if session.closed:
                continue
            if session.high >= limit:
                heappush(self._due, (session.high, order, session))
                continue
            self._close(session, panes)
            del self._open[session.application, session.identity]

    def _close(self, session: Session, panes: Panes) -> None:
        session.closed = True
        if session.records > AUTOMATED_RECORDS:
            self._automated += 1
            return
        for key, counters in counted(self.run, session):
            panes.count(key, counters)

    def _record(self, session: Session, record: SearchLogRecord) -> bool:
        if record.query is None:
            self._event(session, record)
            return False
        return bool(record.query) and _query(session, record, record.query)

    def _event(self, session: Session, record: SearchLogRecord) -> None:
        search = _owner(session, record.query_id)
        if search is None:
            return
        search.last = max(search.last, record.timestamp)
        if record.action in self._engagement:
            search.engaged = True


def _owner(session: Session, query_id: str | None) -> Search | None:
    """The search an event belongs to: the one that has its id, else the latest, else none."""
    searches = session.searches
    if query_id is not None:
        for search in searches:
            if query_id in search.ids:
                return search
    return searches[-1] if searches else None


def _query(session: Session, record: SearchLogRecord, query: str) -> bool:
    """A query record gives a known search its time, joins the latest (paging, refresh), or opens one: then true."""
    query_id, timestamp = record.query_id or "", record.timestamp
    for known in session.searches:
        if query_id in known.ids:
            known.last = max(known.last, timestamp)
            return False
    search = session.searches[-1] if session.searches else None
    opens = search is None or search.query != query
    if search is None or opens:
        search = Search(query, record.market, timestamp, timestamp, [query_id])
        session.searches.append(search)
    else:
        search.ids.append(query_id)
        search.last = max(search.last, timestamp)
    if search.zero_result is None and record.hits is not None:
        search.zero_result = not record.hits
    return opens


def counted(run: str, session: Session) -> Iterator[tuple[PaneKey, Counters]]:
    """What each search of a closed session adds, and to which pane."""
    seen: set[tuple[str, str]] = set()
    following: list[Search | None] = [*session.searches[1:], None]
    for search, after in zip(session.searches, following, strict=False):
        first = (search.market, search.query) not in seen
        seen.add((search.market, search.query))
        yield (
            PaneKey(run, session.application, search.market, search.query, search.start // HOUR_MS * HOUR_MS),
            Counters(
                1,
                int(first),
                int(search.engaged),
                int(after is not None and _reformulates(search, after)),
                int(after is None and not search.engaged),
                int(search.zero_result is True),
            ),
        )


def _reformulates(search: Search, after: Search) -> bool:
    return after.start - search.last <= REFORMULATION_MS and similar(search.query, after.query)
