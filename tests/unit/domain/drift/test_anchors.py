"""The judge's e-detector: its guarantee by enumeration, and who is counted."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.drift.anchors import (
    ALTERNATIVES,
    LEAST_P0,
    Anchor,
    AnchorGrade,
    AnchorNight,
    JudgeState,
    quiet_share,
    rearm,
    step_judge,
    update,
)
from core.domain.drift.statistics import flip_bound
from tests.unit.domain.drift.simulation import Anchors, day

NOTHING = (0.0,) * len(ALTERNATIVES)
NEVER = math.inf


def grades(*given: int) -> list[AnchorGrade]:
    return [AnchorGrade(f"a{i}", grade) for i, grade in enumerate(given)]


def after_nights(*nights: list[AnchorGrade], threshold: float = NEVER) -> JudgeState:
    state = JudgeState()
    for number, outcomes in enumerate(nights):
        state = step_judge(state, day(number), outcomes, threshold)
    return state


def settled() -> JudgeState:
    """Forty quiet nights of 50 anchors."""
    return after_nights(*[grades(*([1] * 50))] * 40)


@pytest.mark.parametrize("p0", [0.004, 0.05, 0.4, 0.8])
@pytest.mark.parametrize("looks", [1, 2])
def test_the_expectation_of_m_grows_by_exactly_one_a_night_where_flips_have_p0(p0: float, looks: int) -> None:
    expected = [0.0] * len(ALTERNATIVES)
    nights = 5 - looks  # longer, and M would reach its cap
    for flips in itertools.product(range(looks + 1), repeat=nights):
        chance = math.prod(math.comb(looks, f) * p0**f * (1 - p0) ** (looks - f) for f in flips)
        m = NOTHING
        for f in flips:
            m = update(m, f, looks, p0)
        expected = [total + chance * value for total, value in zip(expected, m, strict=True)]
    assert expected == pytest.approx([nights] * len(ALTERNATIVES))


@given(st.floats(0.004, 0.99), st.floats(0, 1), st.floats(0, 1e6))
def test_m_grows_by_at_most_one_where_flips_are_rarer_than_p0(p0: float, part: float, m: float) -> None:
    p = p0 * part
    quiet, flipped = update((m,) * 5, 0, 1, p0), update((m,) * 5, 1, 1, p0)
    assert all((1 - p) * q + p * f <= (m + 1) * (1 + 1e-9) for q, f in zip(quiet, flipped, strict=True))


@given(st.integers(0, 40), st.integers(1, 40), st.floats(0.004, 0.99), st.floats(0, 1e6))
def test_more_flips_never_lower_m(flips: int, looks: int, p0: float, m: float) -> None:
    fewer, more = min(flips, looks) - 1, min(flips, looks)
    if fewer >= 0:
        pairs = zip(update((m,) * 5, more, looks, p0), update((m,) * 5, fewer, looks, p0), strict=True)
        assert all(high >= low for high, low in pairs)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30))
def test_m_stays_a_number_that_json_holds(flips: list[int]) -> None:
    m = NOTHING
    for each in flips:
        m = update(m, each, 400, LEAST_P0)
    assert all(0 <= value < math.inf for value in m)


def test_the_reference_is_the_middle_of_the_first_three() -> None:
    assert Anchor(first=(2, 0, 1)).reference == 1
    assert Anchor(first=(2, 0)).reference is None


def test_an_anchor_that_returns_to_its_reference_is_set_aside_and_comes_back_after_twenty_quiet_looks() -> None:
    quiet = [grades(1)] * 3
    flipping = after_nights(*quiet, grades(2), grades(1))
    assert flipping.anchors["a0"].set_aside
    assert not after_nights(*quiet, grades(2), grades(1), *[grades(1)] * 15).anchors["a0"].set_aside


def test_an_anchor_that_changed_for_good_is_not_set_aside() -> None:
    state = after_nights(*[grades(1)] * 3, *[grades(2)] * 10)
    assert not state.anchors["a0"].set_aside


def test_p0_is_the_clopper_pearson_bound_of_the_baseline_and_not_below_its_floor() -> None:
    night = AnchorNight(day(0), tuple(f"a{i}" for i in range(30)), ("a0",))
    assert quiet_share(JudgeState(nights=(night,) * 3)) is None
    assert quiet_share(JudgeState(nights=(night,) * 4)) == pytest.approx(flip_bound(4, 120))
    many = AnchorNight(day(0), tuple(f"a{i}" for i in range(200)), ())
    assert quiet_share(JudgeState(nights=(many,) * 40)) == LEAST_P0


def test_the_newest_nights_are_not_their_own_baseline() -> None:
    quiet = AnchorNight(day(0), tuple(f"a{i}" for i in range(30)), ())
    loud = AnchorNight(day(1), quiet.counted, quiet.counted)
    assert quiet_share(JudgeState(nights=(quiet,) * 12)) == quiet_share(JudgeState(nights=(quiet,) * 5 + (loud,) * 7))


def test_an_alarm_says_since_when_and_by_how_much() -> None:
    state = settled()
    for number in (40, 41):
        state = step_judge(state, day(number), grades(*[0] * 5, *[1] * 45), 3_600)
    assert state.alarm is not None
    assert (state.alarm.since, state.alarm.before, state.alarm.after) == (day(40), 0.0, 0.1)


def test_after_an_alarm_is_final_the_new_ways_are_quiet_and_another_change_is_found() -> None:
    changed = grades(*[0] * 25, *[1] * 25)
    state = settled()
    for number in range(40, 46):
        state = step_judge(state, day(number), changed, 3_600)
    state = rearm(state)
    for number in range(46, 60):
        state = step_judge(state, day(number), changed, 3_600)
    assert state.alarm is None
    assert step_judge(state, day(60), grades(*[1] * 50), 3_600).alarm is not None


def test_the_order_of_a_nights_anchors_changes_nothing() -> None:
    nights = [Anchors(4, pace=200).outcomes() for _ in range(8)]
    assert after_nights(*nights) == after_nights(*[night[::-1] for night in nights])


def test_a_night_without_anchors_changes_nothing() -> None:
    assert step_judge(settled(), day(40), [], 3_600) == settled()


def test_the_state_survives_its_encoding() -> None:
    state = settled()
    assert msgspec.json.decode(msgspec.json.encode(state), type=JudgeState) == state
