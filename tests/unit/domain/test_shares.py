"""The limits divided over replicas: by work, lane by lane, and never more than there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.shares import LANES, NOTHING, Demand, Share, kept, lanes_of, share_of, wanted

GUARANTEED = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
demands = st.lists(st.builds(Demand, st.dictionaries(st.sampled_from(LANES), st.floats(0, 50))), min_size=1, max_size=8)


@given(demands)
def test_the_wanted_parts_add_up_to_the_whole(work: list[Demand]) -> None:
    assert sum(wanted(work, GUARANTEED, mine) for mine in range(len(work))) == pytest.approx(1.0)


def test_equal_work_gets_equal_parts_and_no_work_next_to_nothing() -> None:
    busy, idle = Demand({"live": 5.0}), Demand({})
    assert wanted([busy, busy, idle], GUARANTEED, 0) == pytest.approx(0.495)
    assert wanted([busy, busy, idle], GUARANTEED, 2) == pytest.approx(0.01)


def test_a_replica_with_live_work_gets_it_before_one_with_much_more_backfill() -> None:
    live, backfill = Demand({"live": 0.6}), Demand({"backfill": 40.0})
    assert wanted([live, backfill], GUARANTEED, 0) == pytest.approx(0.6, abs=0.02)


def test_a_backfill_keeps_its_guaranteed_part_under_a_flood_of_live_work() -> None:
    parts = lanes_of({"live": 30.0, "panel": 0.0, "backfill": 30.0}, GUARANTEED)
    assert parts == {"live": pytest.approx(0.9), "panel": 0.0, "backfill": pytest.approx(0.1)}


def test_a_share_waits_until_the_others_have_let_go() -> None:
    assert share_of(0.5, [Share(1.0, 32)], 32, 0) == NOTHING
    assert share_of(0.5, [Share(0.7, 20)], 32, 0) == Share(pytest.approx(0.3), 12)


def test_calls_still_under_way_stay_counted_when_a_share_shrinks() -> None:
    assert share_of(0.1, [], 30, under_way=20).in_flight == 20


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 9), st.integers(0, 30)), min_size=1, max_size=60))
@settings(max_examples=200)
def test_whoever_renews_when_the_shares_never_exceed_the_limits(turns: list[tuple[int, float, int]]) -> None:
    held: dict[int, tuple[Demand, Share]] = {}
    for who, demand, calls in turns:
        others = [row for other, row in held.items() if other != who]
        mine = Demand({"live": demand})
        part = wanted([mine, *(row[0] for row in others)], GUARANTEED, 0)
        under_way = min(calls, held[who][1].in_flight) if who in held else 0
        held[who] = mine, share_of(part, [row[1] for row in others], 30, under_way)
        assert sum(row[1].part for row in held.values()) <= 1 + 1e-9
        assert sum(row[1].in_flight for row in held.values()) <= 30


def test_a_little_less_work_moves_no_part_and_more_always_asks_for_more() -> None:
    assert kept(0.30, 0.33) == 0.33
    assert kept(0.20, 0.33) == 0.20
    assert kept(0.34, 0.33) == 0.34
