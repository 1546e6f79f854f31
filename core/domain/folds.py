"""Folds: a partition's records in their order, to the effects they have. Pure, one fold a partition.

A fold starts from a snapshot and reads the log again from there. What lies at or before `applied` has had its
effect: it changes the state only. So a crash at any point and a start from any snapshot give the same panes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from core.domain import session_snapshots
from core.domain.effects import STORED_PAYLOAD_BYTES, DeadLetter, Effects, RawRecord, ResultList, ResultListKey
from core.domain.fields import MAX_VALUE_BYTES, Unusable
from core.domain.labels import LIVE_RUN
from core.domain.listings import decode_listing
from core.domain.search_log import decode_search_log
from core.domain.sessions import RunSessions, RunSnapshot

RUN_HEADER = "assay-run"
RUN_END_HEADER = "assay-run-end"
_RUN_NAME = re.compile(rb"[A-Za-z0-9._-]{1,100}")


class Fold(Protocol):
    """One partition's state and the effects since they were last taken."""

    def add(self, records: Sequence[RawRecord], applied: int) -> int:
        """Fold records in their order; those at or before offset `applied` have no effects. Returns how many of those
        with effects could not be used."""
        ...

    def take(self) -> Effects:
        """The effects since the last call."""
        ...

    def snapshot(self) -> bytes | None:
        """The state, None when there is none to keep. Quick; `session_snapshots.packed` makes it small, on a thread."""
        ...

    def close_open(self) -> None:
        """The partition has stood at its end for long: close what is open."""
        ...

    def open_sessions(self) -> int:
        """How many sessions are open."""
        ...

    def watermark(self) -> int:
        """The live run's watermark, or the highest of a replay's; milliseconds since 1970, 0 for none."""
        ...


def run_of(headers: list[tuple[str, bytes | None]] | None) -> str | None:
    """The run a replayed record belongs to; None when it names none or a wrong one. The last header counts."""
    named = [value for name, value in headers or () if name == RUN_HEADER]
    valid = bool(named) and named[-1] is not None and _RUN_NAME.fullmatch(named[-1]) is not None
    run = named[-1].decode() if valid and named[-1] is not None else None
    return None if run == LIVE_RUN else run


def has_header(headers: list[tuple[str, bytes | None]] | None, name: str) -> bool:
    """Whether a header of this name is there."""
    return headers is not None and any(found == name for found, _ in headers)


def dead_letter(run: str | None, topic: str, partition: int, record: RawRecord, why: Unusable) -> DeadLetter:
    """The row that keeps an unusable record."""
    value = record.value
    kept = value if value is None else value[:STORED_PAYLOAD_BYTES]
    size = 0 if value is None else len(value)
    return DeadLetter(run, topic, partition, record.offset, why.reason, why.detail.replace("\0", "U+0000"), kept, size)


class SearchLogFold:
    """Sessions of one partition of `search-log`; with `replay` of its replay topic, where each record names its run."""

    def __init__(
        self, topic: str, partition: int, engagement: frozenset[str], *, replay: bool, snapshot: bytes | None = None
    ) -> None:
        self._topic = topic
        self._partition = partition
        self._engagement = engagement
        self._replay = replay
        self._effects = Effects()
        kept = session_snapshots.decoded(snapshot) if snapshot else []
        self._runs = {run.run: RunSessions(run.run, engagement, run) for run in kept if run.sessions}
        self._resting = {run.run: run.watermark for run in kept if not run.sessions}
        """Watermarks of runs with nothing open. None may ever be forgotten (CONTRACT 3: they survive restarts, and a
        run may go on after its end), so they are what a run costs for good: a quarter of a kilobyte."""
        self._watermark = max((run.watermark for run in kept), default=0)

    def add(self, records: Sequence[RawRecord], applied: int) -> int:
        before = len(self._effects.dead_letters)
        known = sum(record.offset <= applied for record in records) if records and records[0].offset <= applied else 0
        if known:
            self._fold(records[:known], Effects())
        self._fold(records[known:] if known else records, self._effects)
        self._effects.records += len(records) - known
        return len(self._effects.dead_letters) - before

    def _fold(self, records: Sequence[RawRecord], effects: Effects) -> None:
        """Each record to its run's sessions; what is due closes at the end, so cuts between batches show nowhere."""
        panes, runs = effects.panes, self._runs
        for record in records:
            run = self._named(record, effects) if self._replay or record.headers else LIVE_RUN
            if run is None:
                continue
            decoded = decode_search_log(record.value, record.timestamp)
            if isinstance(decoded, Unusable):
                effects.dead_letters.append(dead_letter(run, self._topic, self._partition, record, decoded))
                continue
            sessions = runs.get(run)
            if sessions is None:
                sessions = self._begun(run)
            if sessions.add(decoded, panes) and decoded.hits is not None and decoded.query:
                # Of the record that opens a search only: a later one may hold the second page.
                key = ResultListKey(run, decoded.application, decoded.market, decoded.query, decoded.engine or "")
                effects.saw_results(key, ResultList(decoded.timestamp, decoded.language or "", decoded.hits))
        for sessions in runs.values():
            sessions.close_due(panes)
            self._watermark = max(self._watermark, sessions.watermark)

    def _named(self, record: RawRecord, effects: Effects) -> str | None:
        """The run of a record with headers; None, and seen to, when it names none and when it ends one."""
        run = run_of(record.headers) if self._replay else LIVE_RUN
        if run is None:
            unusable = dead_letter(None, self._topic, self._partition, record, without_run(record))
            effects.dead_letters.append(unusable)
        elif has_header(record.headers, RUN_END_HEADER):
            if run in self._runs:
                self._runs[run].close_all(effects.panes)
            return None
        return run

    def _begun(self, run: str) -> RunSessions:
        kept = RunSnapshot(run, self._resting.pop(run, 0), [])
        begun = self._runs[run] = RunSessions(run, self._engagement, kept)
        return begun

    def take(self) -> Effects:
        taken, self._effects = self._effects, Effects()
        taken.automated = sum(run.take_automated() for run in self._runs.values())
        for run in [run for run in self._runs.values() if not run]:
            self._resting[run.run] = run.watermark
            del self._runs[run.run]
        return taken

    def snapshot(self) -> bytes | None:
        resting = [RunSnapshot(run, watermark, []) for run, watermark in self._resting.items()]
        return session_snapshots.encoded([*resting, *(run.snapshot() for run in self._runs.values())])

    def close_open(self) -> None:
        for run in self._runs.values():
            run.close_all(self._effects.panes)

    def open_sessions(self) -> int:
        return sum(map(len, self._runs.values()))

    def watermark(self) -> int:
        return self._watermark


class ListingsFold:
    """What one partition of `listings` (or its replay topic) tells; it keeps no state between records."""

    def __init__(self, topic: str, partition: int, *, replay: bool) -> None:
        self._topic = topic
        self._partition = partition
        self._replay = replay
        self._effects = Effects()
        self._watermark = 0

    def add(self, records: Sequence[RawRecord], applied: int) -> int:
        before = len(self._effects.dead_letters)
        for record in records:
            if record.offset > applied:
                self._one(record)
        return len(self._effects.dead_letters) - before

    def _one(self, record: RawRecord) -> None:
        self._effects.records += 1
        run = run_of(record.headers) if self._replay else LIVE_RUN
        if run is not None and has_header(record.headers, RUN_END_HEADER):
            return
        listing = without_run(record) if run is None else decode_listing(record.value, record.timestamp)
        if isinstance(listing, Unusable):
            self._effects.dead_letters.append(dead_letter(run, self._topic, self._partition, record, listing))
            return
        self._watermark = max(self._watermark, listing.timestamp)
        self._effects.saw_listing(run or LIVE_RUN, listing)

    def take(self) -> Effects:
        taken, self._effects = self._effects, Effects()
        return taken

    def snapshot(self) -> bytes | None:
        return None

    def close_open(self) -> None:
        """Listings have nothing open."""

    def open_sessions(self) -> int:
        return 0

    def watermark(self) -> int:
        return self._watermark


def without_run(record: RawRecord) -> Unusable:
    """Why a replayed record without a run can't be used: its size is looked at first (CONTRACT 2's order)."""
    if record.value is not None and len(record.value) > MAX_VALUE_BYTES:
        return Unusable("too_large", f"{len(record.value)} bytes, at most {MAX_VALUE_BYTES}")
    return Unusable("no_run", f"no header {RUN_HEADER} that names a run")
