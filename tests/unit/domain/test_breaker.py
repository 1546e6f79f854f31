"""The breaker: an ordinary day never opens it, an outage does within seconds, and one probe at a time finds its end."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.domain import breaker as machine
from core.domain.breaker import Breaker, Outcome, Rules

RULES = Rules()
T0 = 1_700_000_000.0
ORDINARY: list[tuple[Outcome, float]] = [("trouble", 0.06), ("content", 0.02), ("none", 0.01)]
"""3 % server errors, 2 % resets, 1 % hangs; 2 % broken JSON; and some 429s."""


def _drawn(rng: random.Random, shares: list[tuple[Outcome, float]]) -> Outcome:
    place = rng.random()
    for outcome, share in shares:
        place -= share
        if place < 0:
            return outcome
    return "ok"


def _played(outcomes: list[Outcome], per_second: float, start: float = T0) -> tuple[Breaker, float | None]:
    """Calls one after the other until it opens; the state and when that was, in seconds from the start."""
    state = machine.fresh(start)
    for number, outcome in enumerate(outcomes):
        now = start + number / per_second
        state, goes = machine.admitted(state, now)
        assert goes
        state = machine.ended(state, state.turn, outcome, now, RULES)
        if state.phase == "open":
            return state, now - start
    return state, None


def _open(now: float = T0) -> Breaker:
    state, _ = _played(["trouble"] * 100, 10.0, now - 5.0)
    assert state.phase == "open"
    return state


@pytest.mark.parametrize("per_second", [0.2, 1.0, 3.0, 10.0, 100.0, 600.0])
def test_an_ordinary_days_failures_never_open_it(per_second):
    rng = random.Random(int(per_second * 10))
    outcomes = [_drawn(rng, ORDINARY) for _ in range(60_000)]
    assert _played(outcomes, per_second)[1] is None


@pytest.mark.parametrize(("per_second", "within"), [(0.5, 16.0), (1.0, 8.0), (10.0, 5.5), (600.0, 5.5)])
def test_an_outage_opens_it_after_a_few_calls_or_seconds(per_second, within):
    _, opened = _played(["trouble"] * 5_000, per_second)
    assert opened is not None
    assert opened <= within


def test_an_outage_after_a_good_hour_opens_it_as_soon():
    _, opened = _played(["ok"] * 36_000 + ["trouble"] * 100, 10.0)
    assert opened is not None
    assert opened <= 3_600 + 5.5


def test_two_of_three_failing_opens_it_within_the_window():
    _, opened = _played(["trouble", "trouble", "ok"] * 1_000, 10.0)
    assert opened is not None
    assert opened <= RULES.window


def test_hundreds_of_calls_cut_in_one_moment_do_not_open_it():
    state, opened = _played(["ok"] * 20_000 + ["trouble"] * 400 + ["ok"] * 20_000, 600.0)
    assert opened is None
    assert state.row == 0


def test_nearly_nothing_but_useless_answers_opens_it():
    state, opened = _played(["content"] * 9 + ["ok"], 10.0)
    assert opened is None
    state, opened = _played((["content"] * 9 + ["ok"]) * 20, 10.0)
    assert opened is not None
    assert "can't be used" in state.why


def test_half_the_answers_being_useless_does_not_open_it():
    assert _played(["content", "ok"] * 2_000, 10.0)[1] is None


@pytest.mark.parametrize("kind", ["rate_limited", "over_budget", "in_batch", "unauthorised", "given_up", "anything"])
def test_what_says_nothing_of_health_does_not_count(kind):
    assert machine.outcome_of(kind) == "none"
    assert _played([machine.outcome_of(kind)] * 1_000, 100.0)[1] is None


def test_after_the_pause_one_call_goes_and_the_others_wait_for_its_end():
    state = _open()
    state, goes = machine.admitted(state, state.until - 0.01)
    assert not goes
    assert machine.wait(state, state.until - 1.0, RULES) == pytest.approx(1.0)
    state, goes = machine.admitted(state, state.until)
    assert goes
    state, other = machine.admitted(state, state.until + 1.0)
    assert not other
    assert machine.wait(state, state.until + 1.0, RULES) == RULES.open_for


def test_a_probe_that_succeeds_closes_it():
    state = _open()
    state, _ = machine.admitted(state, state.until)
    state = machine.ended(state, state.turn, "ok", state.until + 1.0, RULES)
    assert state.phase == "closed"
    assert state.buckets == ()


def test_a_probe_that_says_nothing_leaves_its_place_to_the_next():
    state = _open()
    state, _ = machine.admitted(state, state.until)
    state = machine.ended(state, state.turn, "none", state.until + 1.0, RULES)
    _, goes = machine.admitted(state, state.until + 1.0)
    assert goes


def test_each_failed_probe_doubles_the_pause_up_to_the_longest():
    state, pauses = _open(), []
    for _ in range(9):
        now = state.until
        state, _ = machine.admitted(state, now)
        state = machine.ended(state, state.turn, "trouble", now, RULES)
        pauses.append(state.until - now)
    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0, 300.0]


def test_trouble_after_a_long_calm_begins_with_the_first_pause():
    state = _open()
    state, _ = machine.admitted(state, state.until)
    closed_at = state.until
    state = machine.ended(state, state.turn, "ok", closed_at, RULES)
    for later, pause in ((RULES.calm / 2, 2 * RULES.open_for), (RULES.calm * 2, RULES.open_for)):
        again, now = state, closed_at + later
        for number in range(60):
            again = machine.ended(again, again.turn, "trouble", now + number / 10, RULES)
            if again.phase == "open":
                break
        assert again.until - again.since == pytest.approx(pause)


def test_a_call_of_an_earlier_turn_says_nothing_of_this_one():
    state = _open()
    old = state.turn - 1
    state, _ = machine.admitted(state, state.until)
    for outcome in ("ok", "trouble", "content", "none"):
        assert machine.ended(state, old, outcome, state.until + 1.0, RULES) == state


class Machine(RuleBasedStateMachine):
    """Calls come and end in any order, at any pace."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.state = machine.fresh(self.now)
        self.under_way: list[int] = []

    @rule(seconds=st.floats(0.0, 400.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(calls=st.integers(1, 40))
    def ask(self, calls: int) -> None:
        for _ in range(calls):
            before = self.state
            self.state, goes = machine.admitted(self.state, self.now)
            if goes:
                self.under_way.append(self.state.turn)
                assert before.phase != "open" or self.now >= before.until
            else:
                assert machine.wait(self.state, self.now, RULES) >= 0.0

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 1_000), calls=st.integers(1, 40), outcome=st.sampled_from(["ok", "trouble", "content"]))
    def end(self, which: int, calls: int, outcome: Outcome) -> None:
        for _ in range(min(calls, len(self.under_way))):
            turn, before = self.under_way.pop(which % len(self.under_way)), self.state
            self.state = machine.ended(self.state, turn, outcome, self.now, RULES)
            if outcome == "ok":
                assert self.state.phase != "open" or before.phase == "open"

    @precondition(lambda self: self.under_way)
    @rule()
    def give_up(self) -> None:
        turn, before = self.under_way.pop(), self.state
        self.state = machine.ended(self.state, turn, "none", self.now, RULES)
        assert self.state.phase == before.phase

    @invariant()
    def one_probe_at_most_and_never_none_for_ever(self) -> None:
        probes = self.under_way.count(self.state.turn) if self.state.phase == "half_open" else 0
        assert probes <= 1
        assert self.state.probing == (probes == 1)

    @invariant()
    def the_pause_is_bounded_and_the_window_too(self) -> None:
        if self.state.phase == "open":
            assert self.state.until - self.state.since <= RULES.open_most
        assert len(self.state.buckets) <= machine.BUCKETS


Machine.TestCase.settings = profile(max_examples=80, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    state = machine.fresh(T0)
    for number in range(60):
        state = machine.ended(state, state.turn, "trouble", T0 + number / 10, RULES)
    assert state.phase == "open"
    assert machine.admitted(state, T0 - 3_600)[1]
