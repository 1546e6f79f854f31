"""Panes add up over any partitioning, and over any split of the shoppers."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.folds import SearchLogFold
from core.domain.panes import Counters, PaneKey, Panes, merged, plus
from core.domain.search_log import SearchLogRecord, decode_search_log
from core.domain.sessions import RunSessions
from tests.oracle.contract import ENGAGEMENT, LogRecord
from tests.strategies import logs
from tests.unit.domain.test_folds import raw

counters = st.builds(Counters, *[st.integers(0, 9)] * 6)
keys = st.builds(PaneKey, *[st.sampled_from(["a", "b"])] * 4, st.sampled_from([0, 3_600_000]))
panes = st.dictionaries(keys, counters, max_size=5).map(Panes)


@given(st.lists(panes, max_size=4), st.randoms())
def test_the_sum_does_not_depend_on_the_order(parts: list[Panes], random: Random) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert merged(parts) == merged(shuffled)


@given(counters, counters)
def test_plus_adds_counter_by_counter(one: Counters, other: Counters) -> None:
    assert plus(one, other) == tuple(a + b for a, b in zip(one, other, strict=True))


def _all_closed(records: list[SearchLogRecord]) -> Panes:
    """Sessions of one shopper alone: with no watermark of others, time gaps alone decide."""
    counted = Panes()
    sessions = RunSessions("live", frozenset(ENGAGEMENT))
    for record in records:
        sessions.add(record, counted)
    sessions.close_all(counted)
    return counted


@settings(max_examples=60)
@given(logs(partitions=3))
def test_panes_add_up_over_partitions(records: list[LogRecord]) -> None:
    folds = [SearchLogFold("t", number, frozenset(ENGAGEMENT), replay=False) for number in range(3)]
    for record in records:
        folds[record.partition].add([raw(record)], -1)
    together = merged(fold.take().panes for fold in folds)
    apart = []
    for number in range(3):
        fold = SearchLogFold("t", number, frozenset(ENGAGEMENT), replay=False)
        fold.add([raw(record) for record in records if record.partition == number], -1)
        apart.append(fold.take().panes)
    assert together == merged(apart)


@settings(max_examples=60)
@given(logs(partitions=1))
def test_panes_add_up_over_shoppers_when_nothing_comes_late(records: list[LogRecord]) -> None:
    decoded = [decode_search_log(record.value, record.kafka_ts) for record in records]
    usable = sorted((r for r in decoded if isinstance(r, SearchLogRecord)), key=lambda r: r.timestamp)
    by_shopper: dict[tuple[str, str], list[SearchLogRecord]] = {}
    for record in usable:
        by_shopper.setdefault((record.application, record.identity), []).append(record)
    assert _all_closed(usable) == merged(_all_closed(part) for part in by_shopper.values())
