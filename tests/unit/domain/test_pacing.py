"""The pace of calls: never above the limit, close below it, and steered by what the provider says is left."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import pacing
from core.domain.pacing import Limits, Pace, Said

LIMITS = Limits(requests_per_minute=6_000, tokens_per_minute=4_000_000, in_flight=500)
T0 = 1_800_000_000.0


def _pace(limits: Limits = LIMITS, share: float = 1.0) -> Pace:
    return pacing.shared(pacing.fresh(limits, T0), share, T0)


def _grants(pace: Pace, tokens: int, seconds: float) -> list[float]:
    """Times of the calls that go when one is always waiting."""
    now, times = T0, []
    while now < T0 + seconds:
        wait = pacing.wait(pace, tokens, now)
        if wait > 0:
            now += wait
            continue
        pace = pacing.granted(pace, tokens, now)
        times.append(now)
    return times


def test_nothing_goes_without_a_share() -> None:
    assert pacing.wait(pacing.fresh(LIMITS, T0), 1, T0) > 0


@given(
    requests=st.integers(1, 20_000),
    share=st.floats(0.05, 1.0),
    pauses=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_no_minute_holds_more_requests_than_the_share_of_the_limit(
    requests: int, share: float, pauses: list[float]
) -> None:
    pace, now, times = _pace(Limits(requests, 10**9, 10), share), T0, []
    for turn in range(600):
        now += pacing.wait(pace, 1, now) + pauses[turn % len(pauses)] * (turn % 50 == 0)
        if pacing.wait(pace, 1, now) == 0:
            pace = pacing.granted(pace, 1, now)
            times.append(now)
    allowed = max(1.0, share * requests) * (2 if share * requests < 3 else 1)
    for place, first in enumerate(times):
        within = sum(1 for later in times[place:] if later < first + 60)
        assert within <= allowed + 1


@pytest.mark.parametrize(("tokens", "bound"), [(1, 6_000 * 2), (7_000, 4_000_000 / 7_000 * 2)])
def test_two_minutes_use_over_ninety_nine_percent_of_the_limit_that_binds(tokens: int, bound: float) -> None:
    sent = len(_grants(_pace(), tokens, 120.0))
    assert 0.99 * bound <= sent <= bound + 1


def test_tokens_given_back_are_used_again() -> None:
    pace, now = pacing.granted(_pace(), 20_000, T0), T0 + 0.05
    assert pacing.wait(pace, 10_000, now) > 0
    assert pacing.wait(pacing.settled(pace, 20_000, 5_000, now), 10_000, now) == 0


def test_tokens_taken_beyond_the_estimate_are_owed() -> None:
    pace = pacing.granted(_pace(), 5_000, T0)
    before = pacing.wait(pace, 20_000, T0)
    assert pacing.wait(pacing.settled(pace, 5_000, 50_000, T0), 20_000, T0) > before


def test_a_hold_stops_everything_until_its_end() -> None:
    pace = pacing.held(pacing.held(_pace(), T0 + 30), T0 + 10)
    assert pacing.wait(pace, 1, T0 + 29.9) == pytest.approx(0.1)
    assert pacing.wait(pace, 1, T0 + 30) == 0


def test_what_an_older_call_heard_is_no_news() -> None:
    heard = pacing.heard(_pace(), Said(5_900, 6_000, T0 + 2), None, T0 + 2)
    assert pacing.heard(heard, Said(10, 6_000, T0 + 1), None, T0 + 3) == heard


def test_little_left_at_the_provider_slows_down_and_much_does_not_speed_up() -> None:
    own = pacing.rate(_pace().requests, T0)
    full = pacing.heard(_pace(), Said(6_000, 6_000, T0), None, T0)
    low = pacing.heard(full, Said(1_500, 6_000, T0 + 1), None, T0 + 1)
    assert pacing.rate(full.requests, T0) == own
    assert 0 < pacing.rate(low.requests, T0 + 1) < own
    assert pacing.rate(low.requests, T0 + 2 + pacing.STALE_SECONDS) == own


def test_a_days_limit_is_not_kept_half_full() -> None:
    own = pacing.rate(_pace(Limits(30, 10**6, 10)).requests, T0)
    said = pacing.heard(_pace(Limits(30, 10**6, 10)), Said(14_400, 14_400, T0), None, T0)
    later = pacing.heard(said, Said(3_000, 14_400, T0 + 1), None, T0 + 1)
    assert pacing.rate(later.requests, T0 + 1) == own


@dataclass
class Provider:
    """Two token buckets, charged at arrival, by what a call asked for or by what it took."""

    limits: Limits
    seconds: float
    levels: list[float] = field(default_factory=list)
    at: float = T0
    refused: int = 0

    def call(self, tokens: int, now: float) -> tuple[Said, Said] | None:
        tops = [self.limits.requests_per_minute * self.seconds / 60, self.limits.tokens_per_minute * self.seconds / 60]
        levels = self.levels or tops
        filled = [
            min(top, level + (now - self.at) * top / self.seconds) for top, level in zip(tops, levels, strict=True)
        ]
        self.at = now
        if filled[0] < 1 or filled[1] < tokens:
            self.levels, self.refused = filled, self.refused + 1
            return None
        self.levels = [filled[0] - 1, filled[1] - tokens]
        return Said(self.levels[0], self.limits.requests_per_minute, now), Said(
            self.levels[1], self.limits.tokens_per_minute, now
        )


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("seconds", [60.0, 2.0])
@pytest.mark.parametrize(("asked", "used"), [(7_000, 7_000), (7_000, 5_500)])
def test_in_the_steady_state_the_limit_is_reached_and_never_met(
    replicas: int, seconds: float, asked: int, used: int
) -> None:
    """The provider counts what was asked for; ours counts what was used, and would go faster than it may."""
    draw = random.Random(7)
    provider = Provider(LIMITS, seconds)
    paces = [_pace(share=1 / replicas) for _ in range(replicas)]
    ends: list[tuple[float, int, int, tuple[Said, Said]]] = []
    turns = [(T0 + 0.001 * who, who) for who in range(replicas)]
    heapq.heapify(turns)
    charged = serial = 0
    while turns[0][0] < T0 + 240:
        now, who = heapq.heappop(turns)
        while ends and ends[0][0] <= now:
            at, _, whose, said = heapq.heappop(ends)
            paces[whose] = pacing.heard(pacing.settled(paces[whose], asked, used, at), *said, at)
        wait = pacing.wait(paces[who], asked, now)
        if wait > 0:
            heapq.heappush(turns, (now + min(max(wait, 0.005), 0.05), who))
            continue
        paces[who] = pacing.granted(paces[who], asked, now)
        said = provider.call(asked, now)
        charged += asked * (said is not None and now > T0 + 120)
        serial += 1
        latency = min(3.0, draw.lognormvariate(-0.916, 0.57))
        if said is not None:
            heapq.heappush(ends, (now + latency, serial, who, said))
        heapq.heappush(turns, (now, who))
    assert provider.refused == 0
    assert charged >= 0.99 * LIMITS.tokens_per_minute * 2


def test_a_share_that_is_given_up_and_taken_again_fills_nothing_and_forgets_no_debt() -> None:
    pace = pacing.granted(_pace(), 500_000, T0)
    again = pacing.shared(pacing.shared(pace, 0.0, T0), 1.0, T0)
    assert pacing.wait(again, 1_000, T0) == pacing.wait(pace, 1_000, T0) > 0


def test_a_first_share_lets_one_call_go_at_once() -> None:
    assert len([time for time in _grants(_pace(), 1, 0.005) if time == T0]) == 1


def test_an_answer_that_says_it_took_an_absurd_number_of_tokens_owes_a_minute_at_most() -> None:
    pace = pacing.settled(_pace(), 5_000, 10**8, T0)
    now = T0
    while (pause := pacing.wait(pace, 1_000, now)) > 0:
        now += pause
    assert now - T0 <= 62


def test_a_debt_that_is_larger_than_a_minute_s_share_already_grows_no_more() -> None:
    small = pacing.granted(_pace(share=0.001), 50_000, T0)
    assert pacing.settled(small, 50_000, 60_000, T0).tokens.level == small.tokens.level


def test_what_the_provider_once_said_was_left_does_not_slow_down_a_lower_tier() -> None:
    better = pacing.heard(_pace(), Said(6_000, 6_000, T0), None, T0)
    lower = pacing.heard(better, Said(590, 600, T0 + 1), None, T0 + 1)
    assert pacing.rate(lower.requests, T0 + 1) * 60 >= 590
