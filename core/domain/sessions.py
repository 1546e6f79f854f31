"""Sessions and searches of one partition, exactly as CONTRACT 3 defines them.

State is a function of the log: the same records in the same order give the same sessions, whatever the cuts
between batches, and a snapshot taken between two batches continues as if nothing had happened.
"""

from __future__ import annotations

from functools import lru_cache
from heapq import heappop, heappush

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

_DUE_STEP_MS = 1_000
"""Sessions wait for their end together with those of the same second: few enough to look through again."""


class Search(msgspec.Struct, array_like=True, gc=False):
    """One search of a session. Times in milliseconds since 1970."""

    query: str
    market: str
    start: int
    """Time of its first record in log order; the hour of its pane."""
    last: int
    """Highest time among its records and events."""
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
    owners: dict[str, int]
    """By `query_id`, the place in `searches` of the search that has it."""

    def takes(self, timestamp: int) -> bool:
        """Whether a record of this time, which is not later than the last one, belongs to this session."""
        return timestamp <= self.high and self.low - timestamp <= GAP_MS and self.high - timestamp <= SPAN_MS


class RunSnapshot(msgspec.Struct, array_like=True):
    """Open sessions of one run in one partition, and its watermark."""

    run: str
    watermark: int
    sessions: list[Session]


@lru_cache(maxsize=4_096)
def shared(text: str) -> str:
    """The same text as one object: thousands of sessions have one market and one application."""
    return text


class RunSessions:
    """Open sessions of one run in one partition.

    `watermark` is the highest timestamp of the run's usable records so far. A session whose last record is more than
    35 minutes below it takes no further record, and its effects are there after `close_due`: once a batch is soon
    enough, since nothing is written before.
    """

    def __init__(self, run: str, engagement: frozenset[str], snapshot: RunSnapshot | None = None) -> None:
        self.run = run
        self.watermark = snapshot.watermark if snapshot else 0
        self._automated = 0
        self._engagement = engagement
        self._open: dict[str, dict[str, Session]] = {}
        """By application, then by identity."""
        self._waiting: dict[int, list[Session]] = {}
        """By the step in which their last record was when they were put here: it may have moved on since."""
        self._steps: list[int] = []
        """A heap of the keys of `_waiting`."""
        for session in snapshot.sessions if snapshot else ():
            self._open.setdefault(session.application, {})[session.identity] = session
            self._wait(session)

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def add(self, record: SearchLogRecord, panes: Panes) -> bool:
        """Take one usable record; a session that it ends adds to `panes`. Returns whether it opened a search.

        Every record comes through here: the usual one costs no call."""
        timestamp, watermark = record.timestamp, self.watermark
        sessions = self._open.get(record.application)
        session = None if sessions is None else sessions.get(record.identity)
        if session is None:
            session = self._opened(record)
        elif session.high < watermark - CLOSE_AFTER_MS:
            session = self._reopened(session, record, panes)
        elif 0 <= timestamp - session.high <= GAP_MS and timestamp - session.low <= SPAN_MS:
            session.high = timestamp
        elif session.takes(timestamp):
            session.low = min(session.low, timestamp)
        else:
            session = self._reopened(session, record, panes)
        session.records += 1
        if timestamp > watermark:
            self.watermark = timestamp
        searches = session.searches
        if session.records > AUTOMATED_RECORDS:
            if searches:
                session.searches, session.owners = [], {}
            return False
        if record.query is not None:
            return bool(record.query) and _query(session, record, record.query)
        if searches:
            # An event belongs to the search that has its id, else to the latest.
            search = searches[session.owners.get(record.query_id or "", -1)]
            if timestamp > search.last:  # noqa: PLR1730 - `max` would take three times as long
                search.last = timestamp
            if record.action in self._engagement:
                search.engaged = True
        return False

    def close_due(self, panes: Panes) -> None:
        """Close the sessions whose last record is more than 35 minutes below the watermark."""
        limit = self.watermark - CLOSE_AFTER_MS
        later: list[Session] = []
        while self._steps and self._steps[0] * _DUE_STEP_MS < limit:
            for session in self._waiting.pop(heappop(self._steps)):
                if session.high >= limit:
                    later.append(session)
                elif self._is_open(session):
                    self._close(session, panes)
                    self._forget(session)
        for session in later:
            if self._is_open(session):
                self._wait(session)

    def close_all(self, panes: Panes) -> None:
        """Close every open session: the run has ended, or the partition has stood at its end."""
        for sessions in self._open.values():
            for session in sessions.values():
                self._close(session, panes)
        self._open.clear()
        self._waiting.clear()
        self._steps.clear()

    def take_automated(self) -> int:
        """How many closed sessions were programs' since the last call."""
        taken, self._automated = self._automated, 0
        return taken

    def snapshot(self) -> RunSnapshot:
        """The state after `close_due`; valid until the next `add`."""
        open_sessions = [session for sessions in self._open.values() for session in sessions.values()]
        return RunSnapshot(self.run, self.watermark, open_sessions)

    def _opened(self, record: SearchLogRecord) -> Session:
        application, timestamp = shared(record.application), record.timestamp
        session = Session(application, record.identity, timestamp, timestamp, 0, [], {})
        self._open.setdefault(application, {})[record.identity] = session
        self._wait(session)
        return session

    def _reopened(self, session: Session, record: SearchLogRecord, panes: Panes) -> Session:
        self._close(session, panes)
        return self._opened(record)

    def _wait(self, session: Session) -> None:
        step = session.high // _DUE_STEP_MS
        waiting = self._waiting.get(step)
        if waiting is None:
            self._waiting[step] = [session]
            heappush(self._steps, step)
        else:
            waiting.append(session)

    def _is_open(self, session: Session) -> bool:
        """Whether it is still its shopper's open session: another may have taken its place."""
        return self._open.get(session.application, {}).get(session.identity) is session

    def _forget(self, session: Session) -> None:
        sessions = self._open[session.application]
        del sessions[session.identity]
        if not sessions:
            del self._open[session.application]

    def _close(self, session: Session, panes: Panes) -> None:
        if session.records > AUTOMATED_RECORDS:
            self._automated += 1
            return
        count_searches(self.run, session, panes)


def _query(session: Session, record: SearchLogRecord, query: str) -> bool:
    """A query record gives a known search its time, joins the latest (paging, refresh), or opens one: then true."""
    query_id, timestamp, searches, owners = record.query_id or "", record.timestamp, session.searches, session.owners
    place = owners.get(query_id)
    if place is not None:
        searches[place].last = max(searches[place].last, timestamp)
        return False
    opens = not searches or searches[-1].query != query
    if opens:
        searches.append(Search(query, shared(record.market), timestamp, timestamp))
    search = searches[-1]
    owners[query_id] = len(searches) - 1
    search.last = max(search.last, timestamp)
    if search.zero_result is None and record.hits is not None:
        search.zero_result = not record.hits
    return opens


def count_searches(run: str, session: Session, panes: Panes) -> None:
    """Add what each search of a closed session counts to its pane."""
    searches, seen = session.searches, set[tuple[str, str]]()
    for place, search in enumerate(searches, 1):
        after = searches[place] if place < len(searches) else None
        asked = (search.market, search.query)
        panes.count(
            PaneKey(run, session.application, search.market, search.query, search.start // HOUR_MS * HOUR_MS),
            Counters(
                1,
                0 if asked in seen else 1,
                1 if search.engaged else 0,
                1 if after is not None and _reformulates(search, after) else 0,
                1 if after is None and not search.engaged else 0,
                1 if search.zero_result else 0,
            ),
        )
        seen.add(asked)


def _reformulates(search: Search, after: Search) -> bool:
    return after.start - search.last <= REFORMULATION_MS and similar(search.query, after.query)
