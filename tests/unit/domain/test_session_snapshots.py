"""Snapshots: the state comes back whole, from every form there was, and a session stays small."""

from __future__ import annotations

import json
import tracemalloc
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import session_snapshots
from core.domain.effects import RawRecord
from core.domain.folds import RUN_END_HEADER, RUN_HEADER
from core.domain.sessions import RunSnapshot, Session
from tests.oracle.contract import LogRecord
from tests.strategies import logs
from tests.unit.domain.test_folds import new_fold, raw

SESSION_BYTES = 2_000
"""An open session of three searches may take this much memory (issue 4)."""

MIN = 60_000
T0 = 1_750_003_200_000


def form_1(runs: list[RunSnapshot]) -> bytes:
    """A state as the first releases kept it: ids in their searches, a flag at the end of a session, always packed."""
    old = [[run.run, run.watermark, [_session_1(session) for session in run.sessions]] for run in runs]
    return zlib.compress(msgspec.msgpack.encode(old), 1)


def _session_1(session: Session) -> list[object]:
    ids: list[list[str]] = [[] for _ in session.searches]
    for query_id, place in session.owners.items():
        ids[place].append(query_id)
    searches = [
        [s.query, s.market, s.start, s.last, found, s.engaged, s.zero_result]
        for s, found in zip(session.searches, ids, strict=True)
    ]
    return [session.application, session.identity, session.low, session.high, session.records, searches, False]


@settings(max_examples=100)
@given(logs(partitions=1), st.floats(0, 1), st.sampled_from(["plain", "packed", "form 1"]), st.booleans())
def test_a_state_in_any_form_goes_on_as_if_nothing_had_been(
    records: list[LogRecord], share: float, form: str, replay: bool
) -> None:
    log = [raw(record) for record in records]
    at = int(share * len(log))
    fold = new_fold(0, replay=replay)
    fold.add(log[:at], -1)
    fold.take()
    state = fold.snapshot()
    assert state is not None
    if form == "packed":
        state = session_snapshots.packed(state)
    if form == "form 1":
        state = form_1(session_snapshots.decoded(state))
    restarted = new_fold(0, replay=replay, snapshot=state)
    assert restarted.open_sessions() == fold.open_sessions()
    assert restarted.watermark() == fold.watermark()
    for each in (fold, restarted):
        each.add(log[at:], -1)
        each.close_open()
    assert restarted.take() == fold.take()


@pytest.mark.parametrize("later", [36 * MIN, 34 * MIN])
def test_the_watermark_of_a_run_with_nothing_open_survives_restarts(later: int) -> None:
    fold = new_fold(0, replay=True)
    end = RawRecord(1, T0, b"", [(RUN_HEADER, b"r1"), (RUN_END_HEADER, b"")])
    fold.add([_search(0, T0), end], -1)
    fold.take()
    restarted = new_fold(0, replay=True, snapshot=fold.snapshot())
    restarted.add([_search(2, T0 - later)], -1)
    assert restarted.open_sessions() == (later == 34 * MIN)


def _search(offset: int, at: int) -> RawRecord:
    value = {"client_id": "a", "query_id": f"q{offset}", "user_query": "lamp", "timestamp": at}
    return RawRecord(offset, at, json.dumps(value).encode(), [(RUN_HEADER, b"r1")])


@pytest.mark.parametrize("restarted", [False, True])
def test_a_session_of_three_searches_takes_less_than_two_kilobytes(restarted: bool) -> None:
    shoppers = 1_000
    tracemalloc.start()
    try:
        fold = new_fold(0, replay=False)
        for number in range(12):
            fold.add([_step(shopper, number) for shopper in range(shoppers)], -1)
            fold.take()
        if restarted:
            fold = new_fold(0, replay=False, snapshot=fold.snapshot())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fold.open_sessions() == shoppers
    assert held / shoppers < SESSION_BYTES


def _step(shopper: int, number: int) -> RawRecord:
    """A shopper's record: a search seen, clicked and bought from, then the next."""
    value = {"client_id": f"client-{shopper:029d}", "query_id": f"{shopper:030d}{number // 4:06d}"}
    asked = f"a query of about so many letters {shopper % 50} {number // 4}"
    kind = {"action_name": "click"} if number % 4 else {"user_query": asked, "query_response_hit_ids": ["a"] * 20}
    at = T0 + number * MIN + shopper
    return RawRecord(shopper, at, json.dumps({**value, **kind, "timestamp": at}).encode(), None)
