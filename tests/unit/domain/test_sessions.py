"""Sessions at the edges of CONTRACT 3, one rule a test."""

from __future__ import annotations

import pytest

from core.domain.panes import Counters, PaneKey, Panes
from core.domain.search_log import SearchLogRecord
from core.domain.sessions import RunSessions
from core.domain.timestamps import HOUR_MS

T0 = 1_750_003_200_000 // HOUR_MS * HOUR_MS
MIN = 60_000
ENGAGEMENT = frozenset({"click"})


def query(
    at: int, text: str, query_id: str = "", *, who: str = "a", hits: list[str] | None = None, market: str = "m"
) -> SearchLogRecord:
    return SearchLogRecord("app", who, T0 + at, query_id or f"{text}-{at}", None, text, market, None, None, hits)


def act(at: int, query_id: str | None = None, *, who: str = "a", action: str = "click") -> SearchLogRecord:
    return SearchLogRecord("app", who, T0 + at, query_id, action)


def panes_of(*records: SearchLogRecord, end: bool = True) -> dict[str, Counters]:
    """Panes by query, hours and markets added up."""
    sessions, panes = RunSessions("live", ENGAGEMENT), Panes()
    for record in records:
        sessions.add(record, panes)
    sessions.close_due(panes)
    if end:
        sessions.close_all(panes)
    total = Panes()
    for key, counters in panes.items():
        total.count(PaneKey("", "", "", key.query, 0), counters)
    return {key.query: counters for key, counters in total.items()}


def sessions_with(*times: int) -> int:
    """How many sessions the same query's records at these times make."""
    return panes_of(*(query(at, "lamp", "q") for at in times))["lamp"].sessions


@pytest.mark.parametrize(
    ("times", "sessions"),
    [
        ((0, 30 * MIN), 1),
        ((0, 30 * MIN + 1), 2),
        ((0, -30 * MIN), 1),
        ((0, -30 * MIN - 1), 2),
        ((0, -20 * MIN, 20 * MIN), 1),
        ((0, 29 * MIN, -29 * MIN), 1),
        (tuple(range(0, 360 * MIN + 1, 30 * MIN)), 1),
        ((*range(0, 360 * MIN, 30 * MIN), 360 * MIN - 30 * MIN, 360 * MIN + 1 - 1), 1),
        ((*range(0, 359 * MIN, 29 * MIN), 360 * MIN + 1), 2),
        ((29 * MIN, *range(30 * MIN, 361 * MIN, 30 * MIN), 389 * MIN), 1),
        ((29 * MIN, *range(30 * MIN, 361 * MIN, 30 * MIN), 389 * MIN + 1), 2),
    ],
)
def test_gap_and_span_at_their_edges(times: tuple[int, ...], sessions: int) -> None:
    assert sessions_with(*times) == sessions


@pytest.mark.parametrize(("later", "closed"), [(35 * MIN, False), (35 * MIN + 1, True)])
def test_the_watermark_closes_what_is_more_than_35_minutes_below(later: int, closed: bool) -> None:
    records = [query(0, "lamp"), query(later, "sofa", who="b")]
    assert ("lamp" in panes_of(*records, end=False)) is closed


def test_a_session_that_went_on_is_closed_by_its_last_record_not_its_first() -> None:
    records = [query(0, "lamp", "q"), query(MIN, "lamp", "q"), query(36 * MIN, "sofa", who="b")]
    assert "lamp" not in panes_of(*records, end=False)
    assert "lamp" in panes_of(*records, query(36 * MIN + 1, "sofa", who="b"), end=False)


def test_a_record_that_comes_very_late_is_a_session_of_its_own() -> None:
    panes = panes_of(
        query(0, "x", who="b"), query(-36 * MIN, "lamp", "q"), query(-35 * MIN - 1, "lamp", "q2"), end=False
    )
    assert panes["lamp"] == Counters(2, 2, 0, 0, 2, 0)


@pytest.mark.parametrize(("records", "counted"), [(2_000, 2_000), (2_001, None)])
def test_a_session_of_more_than_2000_records_adds_nothing(records: int, counted: int | None) -> None:
    log = [query(i, "lamp" if i % 2 else "sofa") for i in range(records)]
    found = panes_of(*log)
    assert sum(c.searches for c in found.values()) == (counted or 0)


def test_a_repeated_query_id_gives_its_search_time_and_nothing_else() -> None:
    panes = panes_of(
        query(0, "red lamp", "q1"), query(6 * MIN, "other", "q1", hits=[]), query(11 * MIN, "lamp red", "q2")
    )
    assert panes["red lamp"] == Counters(1, 1, 0, 1, 0, 0)
    assert "other" not in panes


def test_paging_joins_the_latest_search_with_its_query_id() -> None:
    panes = panes_of(query(0, "lamp", "q1"), query(1, "lamp", "q2"), query(2, "sofa", "q3"), act(3, "q2"))
    assert panes["lamp"] == Counters(1, 1, 1, 0, 0, 0)


def test_the_same_query_after_another_is_a_new_search_of_the_same_session() -> None:
    panes = panes_of(query(0, "lamp"), query(1, "sofa"), query(2, "lamp"))
    assert panes["lamp"] == Counters(2, 1, 0, 0, 1, 0)


def test_an_event_with_an_unknown_id_belongs_to_the_latest_search() -> None:
    panes = panes_of(query(0, "lamp"), query(1, "sofa"), act(2, "unknown"))
    assert (panes["lamp"].engaged, panes["sofa"].engaged) == (0, 1)


def test_an_event_before_any_search_belongs_to_none() -> None:
    assert panes_of(act(0, "q1"), query(1, "lamp", "q1"))["lamp"].engaged == 0


def test_an_empty_query_is_no_search_and_owns_no_id() -> None:
    panes = panes_of(query(0, "lamp", "q1"), query(1, "", "q2"), act(2, "q2"))
    assert panes == {"lamp": Counters(1, 1, 1, 0, 0, 0)}


def test_an_empty_query_extends_the_session() -> None:
    panes = panes_of(query(0, "lamp"), query(20 * MIN, ""), query(40 * MIN, "lamp"), act(41 * MIN, "x"))
    assert panes["lamp"] == Counters(1, 1, 1, 0, 0, 0)


@pytest.mark.parametrize(("after", "reformulated"), [(5 * MIN, 1), (5 * MIN + 1, 0)])
def test_a_reformulation_starts_within_five_minutes_of_the_last_record_or_event(after: int, reformulated: int) -> None:
    panes = panes_of(query(0, "red lamp", "q1"), act(7 * MIN, "q1", action="view"), query(7 * MIN + after, "blue lamp"))
    assert panes["red lamp"].reformulated == reformulated


def test_an_exit_is_the_last_search_when_not_engaged() -> None:
    panes = panes_of(query(0, "lamp"), query(1, "sofa"))
    assert (panes["lamp"].exits, panes["sofa"].exits) == (0, 1)
    assert panes_of(query(0, "sofa"), act(1))["sofa"].exits == 0


@pytest.mark.parametrize(("first", "second", "zero"), [(None, [], 1), ([], ["x"], 1), (["x"], [], 0), (None, None, 0)])
def test_zero_result_is_of_the_first_record_with_a_result_list(
    first: list[str] | None, second: list[str] | None, zero: int
) -> None:
    panes = panes_of(query(0, "lamp", "q1", hits=first), query(1, "lamp", "q2", hits=second))
    assert panes["lamp"].zero_results == zero


def test_a_session_counts_once_by_market_and_query() -> None:
    sessions, panes = RunSessions("live", ENGAGEMENT), Panes()
    for record in (
        query(0, "lamp"),
        query(1, "sofa"),
        query(2, "lamp", market="n"),
        query(3, "sofa"),
        query(4, "lamp"),
    ):
        sessions.add(record, panes)
    sessions.close_all(panes)
    counted = {(key.market, key.query): (c.searches, c.sessions) for key, c in panes.items()}
    assert counted == {("m", "lamp"): (2, 1), ("m", "sofa"): (2, 1), ("n", "lamp"): (1, 1)}


def test_a_pane_is_of_the_hour_of_its_searchs_first_record() -> None:
    sessions, panes = RunSessions("live", ENGAGEMENT), Panes()
    for record in (query(-1, "lamp", "q"), query(1, "lamp", "q2"), query(2, "sofa")):
        sessions.add(record, panes)
    sessions.close_all(panes)
    assert {key.query: key.hour for key in panes} == {"lamp": T0 - HOUR_MS, "sofa": T0}


def test_applications_are_apart() -> None:
    other = SearchLogRecord("other", "a", T0 + 1, None, "click")
    assert panes_of(query(0, "lamp"), other)["lamp"].engaged == 0
