"""CONTRACT 3, panes from a log, written from its text alone: as plain as it can be, slow is fine.

Readings taken where the text leaves two:
- A record that opens a new session while one of its identity is open closes that one ("when there is none open"
  speaks of one). Other reading: both stay open until the watermark passes, and a later record would join either.
- Attribution happens as records come ("in log order"): an event before its query record goes to the latest search.
  Other reading: when the session closes.
- "latest search" is the one opened last; a repeated `query_id` gives an older search its time and nothing else.
- A query record with an empty normalised query is no search first of all: it does not even give time to a search
  that has its `query_id`. Other reading: it does.
- A run-end record on the live topic closes the live sessions there; its value and size are not looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from tests.oracle.decoding import Dead, Search, decode_search_log

MINUTE = 60_000
HOUR = 60 * MINUTE
ENGAGEMENT = frozenset({"click", "click_through", "item_click", "add_to_cart", "purchase"})

PaneKey = tuple[str, str, str, str, datetime]
Counters = dict[str, int]
COUNTERS = ("searches", "sessions", "engaged", "reformulated", "exits", "zero_results")


@dataclass(frozen=True)
class LogRecord:
    """A Kafka record of `search-log` or `search-log-replay`."""

    partition: int
    offset: int
    value: bytes | None
    kafka_ts: int
    headers: tuple[tuple[str, bytes], ...] = ()


def normalise(text: str) -> str:
    """The normalised query."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())[:256].strip()


def _grams(text: str, n: int) -> set[str]:
    return {text} if len(text) < n else {text[i : i + n] for i in range(len(text) - n + 1)}


def similar(one: str, other: str) -> bool:
    """Two normalised queries share a token, or their n-grams' Jaccard similarity is at least 0.3."""
    if set(one.split(" ")) & set(other.split(" ")):
        return True
    n = 2 if " " not in one or " " not in other else 3
    a, b = _grams(one, n), _grams(other, n)
    return Fraction(len(a & b), len(a | b)) >= Fraction(3, 10)


# --- Sessions ----------------------------------------------------------------------------------------------


@dataclass
class OneSearch:
    """A search of a session."""

    market: str
    query: str
    started: int
    ids: set[str]
    times: list[int]
    zero: bool | None = None  # None until one of its query records has hit ids
    engaged: bool = False


@dataclass
class Session:
    """The records of a session, in log order."""

    records: list[Search] = field(default_factory=list)

    def low(self) -> int:
        return min(record.at for record in self.records)

    def high(self) -> int:
        return max(record.at for record in self.records)

    def takes(self, at: int) -> bool:
        low, high = self.low(), self.high()
        if at > high + 30 * MINUTE or at < low - 30 * MINUTE:
            return False
        return max(high, at) - min(low, at) <= 6 * HOUR


def searches_of(session: Session) -> list[OneSearch]:
    """The session's searches with their events, in the order in which they were opened."""
    searches: list[OneSearch] = []
    for record in session.records:
        if record.action is not None:
            _add_event(searches, record)
        elif normalise(record.user_query or ""):
            _add_query(searches, record)
    return searches


def _having(searches: list[OneSearch], query_id: str | None) -> OneSearch | None:
    return next((search for search in searches if query_id in search.ids), None)


def _add_event(searches: list[OneSearch], record: Search) -> None:
    owner = _having(searches, record.query_id) or (searches[-1] if searches else None)
    if owner is not None:
        owner.times.append(record.at)
        owner.engaged = owner.engaged or record.action in ENGAGEMENT


def _add_query(searches: list[OneSearch], record: Search) -> None:
    assert record.query_id is not None
    assert record.user_query is not None
    query = normalise(record.user_query)
    again = _having(searches, record.query_id)
    if again is not None:
        again.times.append(record.at)
        return
    if not searches or searches[-1].query != query:
        searches.append(OneSearch(record.market, query, record.at, set(), []))
    search = searches[-1]
    search.ids.add(record.query_id)
    search.times.append(record.at)
    if search.zero is None and record.hit_ids is not None:
        search.zero = not record.hit_ids


def _hour(at: int) -> datetime:
    return datetime.fromtimestamp(at // HOUR * 3600, tz=UTC)


def add_session(panes: dict[PaneKey, Counters], run: str, application: str, session: Session) -> None:
    """Add what a closed session counts; one of more than 2,000 records counts nothing."""
    if len(session.records) > 2000:
        return
    searches = searches_of(session)
    for index, search in enumerate(searches):
        pane = panes.setdefault(
            (run, application, search.market, search.query, _hour(search.started)), dict.fromkeys(COUNTERS, 0)
        )
        following = searches[index + 1] if index + 1 < len(searches) else None
        before = {(earlier.market, earlier.query) for earlier in searches[:index]}
        pane["searches"] += 1
        pane["sessions"] += (search.market, search.query) not in before
        pane["engaged"] += search.engaged
        pane["exits"] += following is None and not search.engaged
        pane["zero_results"] += search.zero is True
        if following is not None and following.started <= max(search.times) + 5 * MINUTE:
            pane["reformulated"] += similar(search.query, following.query)


# --- The log -----------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a log comes to: panes, dead letters by (partition, offset), and how many sessions stayed open."""

    panes: dict[PaneKey, Counters] = field(default_factory=dict)
    dead: dict[tuple[int, int], tuple[str, Dead]] = field(default_factory=dict)
    automated: int = 0
    left_open: int = 0


def run_of(record: LogRecord, replay: bool) -> str | None:
    """The record's run, None where a replay topic's record has no valid one. (Repeated headers: the last counts.)"""
    if not replay:
        return "live"
    named = [value for name, value in record.headers if name == "assay-run"]
    text = named[-1].decode("latin-1") if named and named[-1] is not None else ""
    valid = re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text) is not None and text != "live"
    return text if valid else None


Which = Callable[[tuple[str, str, int, str], Session], bool]


class Log:
    """The state of one topic's partitions: open sessions and watermarks."""

    def __init__(self, replay: bool) -> None:
        self.replay = replay
        self.open: dict[tuple[str, str, int, str], Session] = {}
        self.watermark: dict[tuple[str, int], int] = {}
        self.outcome = Outcome()

    def read(self, record: LogRecord) -> None:
        run = run_of(record, self.replay)
        if any(name == "assay-run-end" for name, _ in record.headers) and run is not None:
            self.close(lambda key, _: key[0] == run and key[2] == record.partition)
            return
        too_large = record.value is not None and len(record.value) > 1_048_576
        decoded = Dead("no_run") if run is None and not too_large else decode_search_log(record.value, record.kafka_ts)
        if isinstance(decoded, Dead) or run is None:
            assert isinstance(decoded, Dead)
            self.outcome.dead[record.partition, record.offset] = (run or "", decoded)
            return
        self.take(run, record.partition, decoded)

    def take(self, run: str, partition: int, record: Search) -> None:
        key = (run, record.application, partition, record.identity)
        session = self.open.get(key)
        if session is None or not session.takes(record.at):
            self.close(lambda other, _: other == key)
            session = self.open[key] = Session()
        session.records.append(record)
        mark = max(self.watermark.get((run, partition), record.at), record.at)
        self.watermark[run, partition] = mark
        self.close(lambda other, s: other[0] == run and other[2] == partition and s.high() < mark - 35 * MINUTE)

    def close(self, which: Which) -> None:
        for key in [key for key, session in self.open.items() if which(key, session)]:
            session = self.open.pop(key)
            self.outcome.automated += len(session.records) > 2000
            add_session(self.outcome.panes, key[0], key[1], session)


def panes(records: Iterable[LogRecord], *, replay: bool = False, idle: bool = False) -> Outcome:
    """Panes and dead letters of a topic's records, in any interleaving of partitions.

    `idle` closes everything at the end, as the consumer does when it has stood at the end for 35 minutes.
    """
    log = Log(replay)
    for record in records:
        log.read(record)
    if idle:
        log.close(lambda *_: True)
    log.outcome.left_open = len(log.open)
    return log.outcome
