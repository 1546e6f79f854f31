"""Folds: panes and dead letters equal the plain oracle's, whatever the cuts, crashes and interleavings."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import event, given, settings
from hypothesis import strategies as st

from core.domain.effects import Effects, RawRecord, merged_effects
from core.domain.folds import SearchLogFold
from core.domain.panes import Panes
from core.domain.timestamps import to_datetime
from tests.oracle import contract as oracle
from tests.oracle.contract import LogRecord
from tests.strategies import logs

ENGAGEMENT = frozenset(oracle.ENGAGEMENT)
TOPIC = "search-log"
RUNS = ("r1", "r2")


def raw(record: LogRecord) -> RawRecord:
    return RawRecord(record.offset, record.kafka_ts, record.value, list(record.headers) or None)


def new_fold(partition: int, *, replay: bool, snapshot: bytes | None = None) -> SearchLogFold:
    return SearchLogFold(TOPIC, partition, ENGAGEMENT, replay=replay, snapshot=snapshot)


def by_partition(records: Sequence[LogRecord]) -> dict[int, list[RawRecord]]:
    parts: dict[int, list[RawRecord]] = {}
    for record in records:
        parts.setdefault(record.partition, []).append(raw(record))
    return parts


def same_as_oracle(effects: Effects, expected: oracle.Outcome) -> None:
    assert as_oracle(effects.panes) == expected.panes
    dead = {(d.partition, d.offset): (d.run or "", d.reason) for d in effects.dead_letters}
    assert len(dead) == len(effects.dead_letters)
    assert dead == {place: (run, why.reason) for place, (run, why) in expected.dead.items()}


def as_oracle(panes: Panes) -> dict[oracle.PaneKey, oracle.Counters]:
    return {(*key[:4], to_datetime(key.hour)): counters._asdict() for key, counters in panes.items()}


@st.composite
def cut(draw: st.DrawFn, records: list[RawRecord]) -> list[list[RawRecord]]:
    """The records in batches of any size."""
    batches: list[list[RawRecord]] = []
    while records:
        size = draw(st.integers(1, len(records)))
        batches.append(records[:size])
        records = records[size:]
    return batches


@settings(max_examples=150)
@given(st.data(), st.booleans(), st.booleans())
def test_panes_equal_the_oracle_for_any_log_cut_and_interleaving(data: st.DataObject, replay: bool, idle: bool) -> None:
    records = data.draw(logs(runs=RUNS if replay else ()))
    effects: list[Effects] = []
    open_sessions = 0
    for partition, part in by_partition(records).items():
        fold = new_fold(partition, replay=replay)
        for batch in data.draw(cut(part)):
            fold.add(batch, -1)
            effects += [fold.take()] if data.draw(st.booleans()) else []
        if idle:
            fold.close_open()
        effects.append(fold.take())
        open_sessions += fold.open_sessions()
    expected = oracle.panes(records, replay=replay, idle=idle)
    event(f"panes: {min(len(expected.panes), 5)}")
    same_as_oracle(merged_effects(effects), expected)
    assert open_sessions == expected.left_open


class Store:
    """What survives a crash, as `StreamStore` keeps it."""

    def __init__(self) -> None:
        self.applied = -1
        self.snapshot: bytes | None = None
        self.snapshot_offset = -1
        self.effects: list[Effects] = []


@settings(max_examples=150)
@given(st.data(), st.booleans())
def test_a_crash_anywhere_and_a_start_from_any_snapshot_change_nothing(data: st.DataObject, replay: bool) -> None:
    records = data.draw(logs(runs=RUNS if replay else (), partitions=1))
    log = [raw(record) for record in records]
    store = Store()
    for _ in range(data.draw(st.integers(0, 4))):
        _live(data, store, log, replay=replay)
    _live(data, store, log, replay=replay, to_the_end=True)
    same_as_oracle(merged_effects(store.effects), oracle.panes(records, replay=replay))


def _live(data: st.DataObject, store: Store, log: list[RawRecord], *, replay: bool, to_the_end: bool = False) -> None:
    """One owner's life: start from the store, commit now and then with or without a snapshot, die."""
    fold = new_fold(0, replay=replay, snapshot=store.snapshot)
    rest = [record for record in log if record.offset > store.snapshot_offset]
    for batch in data.draw(cut(rest)):
        fold.add(batch, store.applied)
        if to_the_end or data.draw(st.booleans()):
            store.effects.append(fold.take())
            store.applied = max(store.applied, batch[-1].offset)
            if batch[-1].offset >= store.applied and data.draw(st.booleans()):
                store.snapshot, store.snapshot_offset = fold.snapshot(), store.applied
        if not to_the_end and data.draw(st.integers(0, 3)) == 0:
            return
