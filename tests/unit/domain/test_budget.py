"""The day's money: who may be paid for, and that no cap is ever passed."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from core.domain import budget
from core.domain.budget import Caps, Spend

LANES = st.sampled_from(["live", "panel", "backfill"])
MONEY = st.integers(0, 60)
ASKS = st.lists(st.tuples(LANES, MONEY), max_size=12)
SPENDS = st.dictionaries(LANES, st.builds(Spend, MONEY, MONEY))
CAPS = st.builds(Caps, st.integers(0, 200), st.dictionaries(LANES, st.integers(0, 100)))


def decide(spends, asks, caps, holds=None):
    return budget.decide(spends, holds or [None] * len(asks), asks, caps)


@given(spends=SPENDS, asks=ASKS, caps=CAPS)
def test_no_grant_passes_the_day_s_cap_or_its_lane_s(spends, asks, caps):
    words = decide(spends, asks, caps)
    granted = [ask for ask, word in zip(asks, words, strict=True) if word is None]
    taken = sum(spend.spent + spend.reserved for spend in spends.values())
    assert not granted or taken + sum(cost for _, cost in granted) <= caps.day
    for lane in {lane for lane, _ in granted}:
        before = spends.get(lane, Spend())
        mine = sum(cost for of, cost in granted if of == lane)
        assert before.spent + before.reserved + mine <= caps.of(lane)


@given(spends=SPENDS, asks=ASKS, caps=CAPS)
def test_what_waits_for_settlement_would_fit_if_all_under_way_cost_nothing(spends, asks, caps):
    spent = sum(spend.spent for spend in spends.values())
    for (lane, cost), word in zip(asks, decide(spends, asks, caps), strict=True):
        if word == "waits_for_settlement":
            assert spent + cost <= caps.day
            assert spends.get(lane, Spend()).spent + cost <= caps.of(lane)


@given(spends=SPENDS, asks=ASKS, caps=CAPS)
def test_in_a_lane_nothing_overtakes_what_waits(spends, asks, caps):
    words = decide(spends, asks, caps)
    for lane in ("live", "panel", "backfill"):
        mine = [word for (of, _), word in zip(asks, words, strict=True) if of == lane and word in (None, WAITS)]
        assert mine == sorted(mine, key=lambda word: word is not None)


WAITS = "waits_for_settlement"


def test_a_held_ask_takes_no_room():
    assert decide({}, [("live", 60), ("live", 60)], Caps(100), [9.0, None]) == [9.0, None]


def test_a_used_up_budget_is_said_before_a_hold():
    assert decide({}, [("live", 60)], Caps(50), [9.0]) == ["budget"]


def test_a_lane_without_a_cap_has_the_day_s():
    assert decide({}, [("panel", 60)], Caps(60, {"live": 1})) == [None]


def test_midnight_is_the_utc_day_s():
    assert budget.next_midnight(datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)) == datetime(2026, 3, 2, tzinfo=UTC)


def test_caps_of_settings_are_exact():
    assert budget.caps_of(0.1, {"backfill": 20.0}) == Caps(10**11, {"backfill": 20 * 10**12})
