"""The lane's policy: no limit is passed, whatever comes back when; better lanes first; money never under-counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import lane
from core.domain.lane import Ask, Grant, LaneState, Limits, Refuse, Settlement, Spend, Wait

LIMITS = Limits(requests_per_minute=60, tokens_per_minute=6_000, max_in_flight=10, budget=1_000, lease=150.0)
ROOMY = Limits(requests_per_minute=10**6, tokens_per_minute=10**9, max_in_flight=10**4, budget=10**15, lease=150.0)
START = 1_700_000_000.25
NOTHING_SPENT = Spend()


def _limits(**changes: int) -> Limits:
    values = {name: getattr(ROOMY, name) for name in Limits.__slots__} | changes
    return Limits(**values)


def _decide(limits, asks, state=None, spend=NOTHING_SPENT, now=START):
    return lane.decide(state or lane.fresh(limits, START), spend, asks, limits, now)


# --- The guarantee ---------------------------------------------------------------------------------------


@dataclass
class Replay:
    """Plays a caller who asks as soon as told, and remembers what was really granted when."""

    limits: Limits
    state: LaneState
    now: float = START
    granted: list[tuple[float, int]] = field(default_factory=list)
    open: list[tuple[float, int, int]] = field(default_factory=list)
    worst_in_flight: int = 0

    def ask(self, tokens: int, real: int) -> None:
        self.state, _, [verdict] = lane.decide(self.state, Spend(), [Ask(0, tokens, 0)], self.limits, self.now)
        if isinstance(verdict, Grant):
            self.granted.append((self.now, real))
            self.open.append((self.now, tokens, real))
            self.worst_in_flight = max(self.worst_in_flight, len(self.open))
        elif isinstance(verdict, Wait):
            self.now += min(verdict.seconds, 0.5)  # an ending call wakes those who wait

    def settle(self, index: int) -> None:
        if self.open:
            at, asked, real = self.open.pop(index % len(self.open))
            self.state = lane.settle(self.state, [Settlement(at, asked, real)], self.limits, self.now)

    def most_in_a_minute(self) -> tuple[int, int]:
        """Over every window of 60 s that starts with a grant: (requests, real tokens)."""
        starts = [at for at, _ in self.granted]
        windows = [[real for at, real in self.granted if start <= at < start + 60.0] for start in starts]
        return max(map(len, windows), default=0), max(map(sum, windows), default=0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 100), st.integers(0, 100)),
        st.tuples(st.just("settle"), st.integers(0, 50), st.just(0)),
        st.tuples(st.just("pass"), st.integers(0, 400), st.just(0)),
    ),
    min_size=50,
    max_size=300,
)


@settings(max_examples=150)
@given(requests=st.integers(1, 40), tokens=st.integers(100, 600), in_flight=st.integers(1, 30), steps=STEPS)
def test_no_sixty_seconds_ever_pass_a_limit(requests, tokens, in_flight, steps):
    limits = _limits(requests_per_minute=requests, tokens_per_minute=tokens, max_in_flight=in_flight)
    play = Replay(limits, lane.fresh(limits, START))
    for kind, one, other in steps:
        if kind == "ask":
            play.ask(one, min(one, other))
        elif kind == "settle":
            play.settle(one)
        else:
            play.now += one / 10
    most_requests, most_tokens = play.most_in_a_minute()
    assert most_requests <= requests
    assert most_tokens <= tokens
    assert play.worst_in_flight <= in_flight


def test_the_limit_is_nearly_reached():
    limits = _limits(requests_per_minute=600)
    play = Replay(limits, lane.fresh(limits, START))
    while play.now < START + 240:
        play.ask(1, 1)
    last = [at for at, _ in play.granted if at >= START + 120]
    assert len(last) >= 0.97 * 1200


def test_tokens_that_come_back_late_are_used_again():
    """Calls of 10 s that ask for four times what they take reach well over half of the limit, not a quarter."""
    limits = _limits(tokens_per_minute=60_000)
    play = Replay(limits, lane.fresh(limits, START))
    while play.now < START + 300:
        play.ask(4_000, 1_000)
        while play.open and play.open[0][0] <= play.now - 10:
            play.settle(0)
    used = sum(real for at, real in play.granted if at >= START + 120)
    assert used >= 0.6 * 3 * 60_000


def test_a_whole_minute_is_not_sent_at_once():
    _, _, verdicts = _decide(LIMITS, [Ask(0, 1, 0)] * 10)
    assert verdicts.count(Grant()) == 2


def test_a_call_larger_than_the_bucket_goes_and_the_next_waits_for_it():
    state, _, [first] = _decide(LIMITS, [Ask(0, 3_000, 0)])
    _, _, [second] = _decide(LIMITS, [Ask(0, 10, 0)], state, now=START + 5)
    assert first == Grant()
    assert isinstance(second, Wait)
    assert second.reason == "tokens"


def test_a_call_larger_than_a_minute_is_refused_for_good():
    _, _, [verdict] = _decide(LIMITS, [Ask(0, 6_001, 0)])
    assert verdict == Refuse("too_large")


def test_more_tokens_than_asked_for_are_counted_when_known():
    state, _, _ = _decide(LIMITS, [Ask(0, 100, 0)])
    state = lane.settle(state, [Settlement(START, 100, 5_950)], LIMITS, START + 1)
    _, _, [verdict] = _decide(LIMITS, [Ask(0, 100, 0)], state, now=START + 58)
    assert isinstance(verdict, Wait)


def test_an_unsent_call_gives_everything_back():
    state, _, _ = _decide(LIMITS, [Ask(0, 100, 0)])
    back = lane.settle(state, [Settlement(START, 100, 0, sent=False)], LIMITS, START)
    assert (sum(back.requests), sum(back.tokens), back.in_flight) == (0, 0, 0)


# --- In flight, order ------------------------------------------------------------------------------------


def test_a_full_house_waits_until_one_ends():
    limits = _limits(max_in_flight=2)
    state, _, verdicts = _decide(limits, [Ask(0, 1, 0)] * 3)
    state = lane.settle(state, [Settlement(START, 1, 1)], limits, START + 0.1)
    _, _, [after] = _decide(limits, [Ask(0, 1, 0)], state, now=START + 0.1)
    assert verdicts[2] == Wait(lane.POLL_SECONDS, "in_flight")
    assert after == Grant()


def test_a_lost_call_frees_its_slot_and_a_late_end_frees_no_second_one():
    limits = _limits(max_in_flight=2)
    state, _, _ = _decide(limits, [Ask(0, 1, 0)] * 2)
    state = lane.expire(state, 1)
    state = lane.settle(state, [Settlement(START, 1, 1, late=True)], limits, START + 1)
    assert state.in_flight == 1


def test_better_lanes_are_served_first_within_a_batch():
    limits = _limits(max_in_flight=1)
    _, _, verdicts = _decide(limits, [Ask(2, 1, 0), Ask(1, 1, 0), Ask(0, 1, 0)])
    assert verdicts[2] == Grant()
    assert all(isinstance(verdict, Wait) for verdict in verdicts[:2])


def test_a_waiting_live_call_keeps_the_backfill_of_other_replicas_back():
    limits = _limits(max_in_flight=1)
    state, _, _ = _decide(limits, [Ask(0, 1, 0)] * 2)
    state = lane.settle(state, [Settlement(START, 1, 1)], limits, START + 0.01)
    state, _, [backfill] = _decide(limits, [Ask(2, 1, 0)], state, now=START + 0.02)
    _, _, [live] = _decide(limits, [Ask(0, 1, 0)], state, now=START + 0.03)
    assert backfill == Wait(lane.YIELD_SECONDS, "lane")
    assert live == Grant()


def test_a_live_call_that_never_came_again_keeps_nobody_back_for_long():
    limits = _limits(max_in_flight=1)
    state, _, _ = _decide(limits, [Ask(0, 1, 0)] * 2)
    state = lane.settle(state, [Settlement(START, 1, 1)], limits, START + 0.01)
    _, _, [backfill] = _decide(limits, [Ask(2, 1, 0)], state, now=START + 1.0)
    assert backfill == Grant()


def test_a_small_call_does_not_overtake_a_large_one():
    state, _, _ = _decide(LIMITS, [Ask(0, 90, 0)])
    _, _, verdicts = _decide(LIMITS, [Ask(1, 100, 0), Ask(1, 1, 0)], state, now=START + 0.5)
    assert [type(verdict) for verdict in verdicts] == [Wait, Wait]


# --- Money -----------------------------------------------------------------------------------------------


@given(costs=st.lists(st.integers(0, 400), max_size=12), spent=st.integers(0, 1_200))
def test_what_is_spent_and_reserved_is_never_above_the_budget(costs, spent):
    limits = _limits(budget=1_000)
    _, spend, verdicts = _decide(limits, [Ask(0, 1, cost) for cost in costs], spend=Spend(spent, 0))
    granted = sum(cost for cost, verdict in zip(costs, verdicts, strict=True) if verdict == Grant())
    assert spend == Spend(spent, granted)
    assert granted == 0 or spent + granted <= 1_000 or all(cost == 0 for cost in costs)


def test_a_spent_budget_refuses():
    _, _, [verdict] = _decide(_limits(budget=1_000), [Ask(0, 1, 101)], spend=Spend(900, 0))
    assert verdict == Refuse("over_budget")


def test_a_budget_that_is_only_reserved_makes_wait_because_calls_give_back():
    _, _, [verdict] = _decide(_limits(budget=1_000), [Ask(0, 1, 101)], spend=Spend(0, 900))
    assert verdict == Wait(lane.POLL_SECONDS, "budget")


# --- Holds -----------------------------------------------------------------------------------------------


def _held(seconds: float) -> LaneState:
    state, _, _ = _decide(ROOMY, [Ask(0, 1, 0)])
    return lane.settle(state, [Settlement(START, 1, 1, hold=seconds)], ROOMY, START + 1)


def test_nothing_is_granted_before_a_hold_ends():
    _, _, [verdict] = _decide(ROOMY, [Ask(0, 1, 0)], _held(30), now=START + 30.9)
    assert isinstance(verdict, Wait)
    assert verdict.reason == "hold"


def test_a_shorter_hold_does_not_cut_a_longer_one():
    state = lane.settle(_held(30), [Settlement(START, 1, 1, hold=2)], ROOMY, START + 2)
    assert state.hold_until == START + 31


def test_after_a_hold_one_call_goes_ahead_and_the_others_wait_for_its_end():
    state, _, verdicts = _decide(ROOMY, [Ask(0, 1, 0)] * 3, _held(30), now=START + 31)
    state = lane.settle(state, [Settlement(START + 31, 1, 1)], ROOMY, START + 32)
    _, _, after = _decide(ROOMY, [Ask(0, 1, 0)] * 2, state, now=START + 32)
    assert [type(verdict) for verdict in verdicts] == [Grant, Wait, Wait]
    assert after == [Grant(), Grant()]


def test_a_call_sent_before_the_hold_does_not_end_it():
    state = lane.settle(_held(30), [Settlement(START, 1, 1)], ROOMY, START + 3)
    assert state.hold_until == START + 31
    assert state.probing


def test_a_probe_that_died_is_followed_by_another():
    state, _, _ = _decide(ROOMY, [Ask(0, 1, 0)], _held(30), now=START + 31)
    _, _, [verdict] = _decide(ROOMY, [Ask(0, 1, 0)], state, now=START + 31 + ROOMY.lease)
    assert verdict == Grant()


# --- Clocks ----------------------------------------------------------------------------------------------


def test_a_clock_that_runs_back_gives_no_second_helping():
    state, _, _ = _decide(LIMITS, [Ask(0, 100, 0)])
    _, _, [verdict] = _decide(LIMITS, [Ask(0, 100, 0)], state, now=START - 20)
    assert isinstance(verdict, Wait)


def test_a_clock_set_back_by_hours_does_not_stop_the_lane_for_hours():
    state, _, _ = _decide(LIMITS, [Ask(0, 100, 0)])
    set_back = lane.advance(state, LIMITS, START - 7_200)
    _, _, [verdict] = _decide(LIMITS, [Ask(0, 100, 0)], set_back, now=START - 7_200 + 62)
    assert sum(set_back.tokens) == 100
    assert verdict == Grant()
