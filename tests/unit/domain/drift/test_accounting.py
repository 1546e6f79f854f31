"""The accounting: each change of a query's mean gain is its three steps, exactly."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.drift.panel import (
    Graded,
    NightAccount,
    Pair,
    PanelNight,
    PanelSlot,
    QueryState,
    Segment,
    account_night,
    split,
)
from tests.unit.domain.drift.simulation import Panel, day

GRADED = st.builds(
    Graded, st.sampled_from("abc"), st.sampled_from("12"), st.integers(0, 2), st.sampled_from(["key1", "key2"])
)
SIDE = st.dictionaries(st.integers(1, 12), GRADED)
BRIDGE = st.dictionaries(
    st.builds(Pair, st.just("q"), st.sampled_from("abc"), st.sampled_from("12")), st.integers(0, 2)
)


def slot(
    listing: str, grade: int | None, *, content: str = "1", rank: int = 1, query: str = "q", key: str = "k"
) -> PanelSlot:
    return PanelSlot(query, rank, listing, content, grade, key if grade is not None else None, "model")


def night(number: int, *slots: PanelSlot) -> PanelNight:
    return PanelNight(Segment(), day(number), slots, {each.query: 1.0 for each in slots})


def accounts(*nights: PanelNight) -> list[NightAccount]:
    states: dict[str, QueryState] = {}
    last: date | None = None
    made = []
    for each in nights:
        states, account = account_night(states, last, each)
        last = each.night
        made.append(account)
    return made


@given(SIDE, SIDE, BRIDGE)
def test_the_three_steps_sum_exactly_to_the_change(
    before: dict[int, Graded], after: dict[int, Graded], bridge: dict[Pair, int]
) -> None:
    steps = split("q", before, after, bridge)
    ranks = before.keys() & after.keys()
    change = sum(after[rank].grade - before[rank].grade for rank in ranks)
    assert (steps.slots, steps.engine + steps.catalogue + steps.judge) == (len(ranks), change)


@given(SIDE, SIDE)
def test_a_side_against_itself_has_no_steps_and_swapped_sides_have_the_opposite_ones(
    before: dict[int, Graded], after: dict[int, Graded]
) -> None:
    there, back = split("q", before, after), split("q", after, before)
    assert (there.engine, there.catalogue, there.judge) == (-back.engine, -back.catalogue, -back.judge)
    assert split("q", before, before).rejudged == 0


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (slot("a", 2), slot("b", 0), "engine_step"),
        (slot("a", 2), slot("b", 0, content="2"), "engine_step"),
        (slot("a", 2), slot("a", 0, content="2"), "catalogue_step"),
        (slot("a", 2), slot("a", 0, key="other"), "judge_step"),
    ],
)
def test_a_changed_slot_is_booked_on_what_changed(before: PanelSlot, after: PanelSlot, step: str) -> None:
    row = accounts(night(0, before), night(1, after))[1].rows[0]
    steps = {name: getattr(row, name) for name in ("engine_step", "catalogue_step", "judge_step")}
    assert steps == {**dict.fromkeys(steps, 0.0), step: -1.0}


def test_a_slot_that_waits_for_its_label_is_booked_when_the_label_comes() -> None:
    rows = [n.rows[0] for n in accounts(night(0, slot("a", 2)), night(1, slot("b", None)), night(2, slot("b", 0)))]
    assert [row.engine_step for row in rows] == [0.0, 0.0, -1.0]
    assert [row.mean_gain for row in rows] == [1.0, None, 0.0]
    assert [row.replaced for row in rows] == [0, 1, 0]


def test_a_slot_never_labelled_before_is_left_out_on_both_sides() -> None:
    row = accounts(night(0, slot("a", 2), slot("b", None, rank=2)), night(1, slot("a", 2), slot("b", 0, rank=2)))[
        1
    ].rows[0]
    assert (row.mean_gain, row.engine_step, row.catalogue_step, row.judge_step) == (0.5, 0.0, 0.0, 0.0)


def test_a_query_that_was_away_too_long_starts_its_sums_anew() -> None:
    row = accounts(night(0, slot("a", 2)), night(8, slot("b", 0)))[1].rows[0]
    assert (row.engine_step, row.since) == (0.0, day(8))


def test_a_query_that_enters_moves_no_step_of_the_others() -> None:
    account = accounts(night(0, slot("a", 2)), night(1, slot("a", 2), slot("z", 0, query="new")))[1]
    assert [(row.query, row.engine_step, row.compared) for row in account.rows] == [("new", 0.0, 0), ("q", 0.0, 1)]


def test_turnover_over_a_missing_night_is_that_of_one_night() -> None:
    before = [slot(f"a{rank}", 1, rank=rank) for rank in range(10)]
    after = [slot("new" if rank < 4 else f"a{rank}", 1, rank=rank) for rank in range(10)]
    assert accounts(night(0, *before), night(2, *after))[1].turnover == pytest.approx(0.2)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_slots_changes_nothing(shuffle: random.Random) -> None:
    panel = Panel(5, queries=4, slots=3)
    nights = []
    for _ in range(3):
        panel.step(deploy=0.5)
        nights.append(panel.panel())
    shuffled = [PanelNight(n.segment, n.night, tuple(shuffle.sample(n.slots, len(n.slots))), n.weights) for n in nights]
    assert accounts(*shuffled) == accounts(*nights)


def test_the_simulation_writes_the_accounts_that_the_slots_give() -> None:
    panel = Panel(6, queries=20)
    panel.step()
    states, _ = account_night({}, None, panel.panel())
    panel.sums[:] = 0
    for _ in range(5):
        last = day(panel.night)
        panel.step(deploy=0.2, edits=0.1, damage=0.5)
        states, account = account_night(states, last, panel.panel())
        expected = panel.account()
        assert (account.compared, account.replaced, account.edited) == (
            expected.compared,
            expected.replaced,
            expected.edited,
        )
        for row, other in zip(account.rows, expected.rows, strict=True):
            assert (row.engine_sum, row.catalogue_sum, row.judge_sum) == pytest.approx(
                (other.engine_sum, other.catalogue_sum, other.judge_sum)
            )
