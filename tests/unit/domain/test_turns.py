"""Whose turn it is: better lanes first, each with its guaranteed part, one prefix after the other."""

from __future__ import annotations

from collections import Counter

import pytest

from core.domain.labels import Lane
from core.domain.turns import RUN_CALLS, Turns

GUARANTEED: dict[Lane, float] = {"live": 0.5, "panel": 0.2, "backfill": 0.1}


def _turns(**waiting: int) -> Turns[str]:
    turns: Turns[str] = Turns(GUARANTEED)
    for lane in ("live", "panel", "backfill"):
        for number in range(waiting.get(lane, 0)):
            turns.add(lane, f"{lane}{number}", lane)
    return turns


def test_live_work_goes_before_a_backfill_that_came_first() -> None:
    turns = _turns(backfill=3)
    turns.add("live", "", "live")
    assert [turns.take() for _ in range(4)] == ["live", "backfill", "backfill", "backfill"]


def test_under_a_flood_of_live_work_each_lane_gets_its_guaranteed_part() -> None:
    turns = _turns(live=1_000, panel=1_000, backfill=1_000)
    taken = Counter(turns.take() for _ in range(500))
    assert taken["backfill"] == pytest.approx(50, abs=5)
    assert taken["panel"] == pytest.approx(100, abs=5)
    assert taken["live"] == pytest.approx(350, abs=8)


def test_a_lane_that_was_served_all_along_is_owed_nothing() -> None:
    turns = _turns(panel=200)
    for _ in range(100):
        turns.take()
    turns.add("live", "", "live")
    assert turns.take() == "live"


def test_calls_of_one_prefix_go_together() -> None:
    turns: Turns[str] = Turns(GUARANTEED)
    for item in ("a1", "b1", "a2", "c1", "b2", "a3"):
        turns.add("live", item[0], item)
    assert [turns.take() for _ in range(6)] == ["a1", "a2", "a3", "b1", "b2", "c1"]


def test_without_prefix_order_they_go_as_they_came() -> None:
    turns: Turns[str] = Turns(GUARANTEED, by_prefix=False)
    for item in ("a1", "b1", "a2"):
        turns.add("live", item[0], item)
    assert [turns.take() for _ in range(3)] == ["a1", "b1", "a2"]


def test_a_prefix_that_never_ends_lets_others_pass() -> None:
    turns: Turns[str] = Turns(GUARANTEED)
    for number in range(3 * RUN_CALLS):
        turns.add("live", "pictures", f"p{number}")
    turns.add("live", "query", "q")
    assert [turns.take() for _ in range(RUN_CALLS + 1)][-1] == "q"


def test_what_was_put_back_is_first_again() -> None:
    turns = _turns(live=2)
    turns.put_back("live", "live1", "again")
    assert turns.first() == "again"


def test_what_is_removed_no_longer_waits() -> None:
    turns = _turns(live=1)
    assert turns.remove("live", "live0", "live")
    assert not turns.remove("live", "live0", "live")
    assert len(turns) == 0
    with pytest.raises(IndexError):
        turns.first()


def test_a_prefix_that_never_ends_lets_others_of_its_lane_pass_though_lanes_take_turns() -> None:
    turns: Turns[str] = Turns(GUARANTEED)
    for _ in range(500):
        turns.add("live", "endless", "endless")
        turns.add("panel", "panel", "panel")
    turns.add("live", "other", "other")
    taken = [turns.take() for _ in range(200)]
    assert "other" in taken
    assert taken.count("endless") >= RUN_CALLS
