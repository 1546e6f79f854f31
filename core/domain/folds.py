"""Folds: a partition's records in their order, to the effects they have. Pure, one fold a partition.

A fold starts from a snapshot and reads the log again from there. What lies at or before `applied` has had its
effect: it changes the state only. So a crash at any point and a start from any snapshot give the same panes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from core.domain.effects import STORED_PAYLOAD_BYTES, DeadLetter, Effects, RawRecord, ResultList, ResultListKey
from core.domain.fields import MAX_VALUE_BYTES, Unusable
from core.domain.labels import LIVE_RUN
from core.domain.listings import decode_listing
from core.domain.search_log import SearchLogRecord, decode_search_log
from core.domain.sessions import RunSessions, RunSnapshot

RUN_HEADER = "assay-run"
RUN_END_HEADER = "assay-run-end"
_RUN_NAME = re.compile(rb"[A-Za-z0-9._-]{1,100}")
_SNAPSHOT_LEVEL = 1
"""zlib level: 2.3 of 7 MB in 0.1 s for 50,000 sessions; higher levels take three times as long for a tenth less."""


class Fold(Protocol):
    """One partition's state and the effects since they were last taken."""

    def add(self, records: Sequence[RawRecord], applied: int) -> None:
        """Fold records in their order; those at or before offset `applied` have no effects."""
        ...

    def take(self) -> Effects:
        """The effects since the last call."""
        ...

    def snapshot(self) -> bytes | None:
        """The state, None when there is none to keep."""
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
        runs = msgspec.msgpack.decode(zlib.decompress(snapshot), type=list[RunSnapshot]) if snapshot else []
        self._runs = {run.run: RunSessions(run.run, engagement, run) for run in runs}

    def add(self, records: Sequence[RawRecord], applied: int) -> None:
        known = sum(record.offset <= applied for record in records) if records and records[0].offset <= applied else 0
        if known:
            for record in records[:known]:
                self._one(record, Effects())
        for record in records[known:]:
            self._one(record, self._effects)
        self._effects.records += len(records) - known

    def _one(self, record: RawRecord, effects: Effects) -> None:
        run = run_of(record.headers) if self._replay else LIVE_RUN
        if record.headers and has_header(record.headers, RUN_END_HEADER) and run is not None:
            self._sessions(run).close_all(effects.panes)
            return
        decoded = self._decoded(record, run)
        if isinstance(decoded, Unusable):
            effects.dead_letters.append(dead_letter(run, self._topic, self._partition, record, decoded))
            return
        live_or_named = run or LIVE_RUN
        opened = self._sessions(live_or_named).add(decoded, effects.panes)
        if opened and decoded.hits is not None and decoded.query:
            # Of the record that opens a search only: a later one may hold the second page.
            key = ResultListKey(live_or_named, decoded.application, decoded.market, decoded.query, decoded.engine or "")
            effects.saw_results(key, ResultList(decoded.timestamp, decoded.language or "", decoded.hits))

    def _decoded(self, record: RawRecord, run: str | None) -> SearchLogRecord | Unusable:
        if run is None:
            return without_run(record)
        return decode_search_log(record.value, record.timestamp)

    def _sessions(self, run: str) -> RunSessions:
        found = self._runs.get(run)
        if found is None:
            found = self._runs[run] = RunSessions(run, self._engagement)
        return found

    def take(self) -> Effects:
        taken, self._effects = self._effects, Effects()
        taken.automated = sum(run.take_automated() for run in self._runs.values())
        return taken

    def snapshot(self) -> bytes | None:
        runs = [run.snapshot() for run in self._runs.values()]
        return zlib.compress(msgspec.msgpack.encode(runs), _SNAPSHOT_LEVEL)

    def close_open(self) -> None:
        for run in self._runs.values():
            run.close_all(self._effects.panes)

    def open_sessions(self) -> int:
        return sum(map(len, self._runs.values()))

    def watermark(self) -> int:
        return max((run.watermark for run in self._runs.values()), default=0)


class ListingsFold:
    """What one partition of `listings` (or its replay topic) tells; it keeps no state between records."""

    def __init__(self, topic: str, partition: int, *, replay: bool) -> None:
        self._topic = topic
        self._partition = partition
        self._replay = replay
        self._effects = Effects()
        self._watermark = 0

    def add(self, records: Sequence[RawRecord], applied: int) -> None:
        for record in records:
            if record.offset > applied:
                self._one(record)

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
