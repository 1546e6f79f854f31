"""What a run will cost: by habits where calls were seen, by usual figures where not, and never above the high one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.costing import UNSEEN, CallHabits, CostEstimate, PlannedCall, estimated
from core.domain.money import Price, PriceList
from core.domain.pacing import Limits

PRICES = PriceList(
    version="1",
    default=Price(input=9, cached_input=9, output=9),
    models={"m": Price(input=1, cached_input="0.1", output=4)},
)
LIMITS = Limits(600, 1_000_000, 10)
CALL = PlannedCall("judgements", "judgements@1", "m", 7_000, 20, 3_300, 0.05)
SEEN = CallHabits(output=50, output_high=80, tokens_per_byte=0.25, cached=0.5, latency_s=1.0)


def cost(call: PlannedCall = CALL, habits: CallHabits | None = SEEN, limits: Limits = LIMITS) -> CostEstimate:
    return estimated([call], {call.kind: habits} if habits else {}, PRICES, limits)


def test_tokens_are_those_of_earlier_calls() -> None:
    found = cost()
    assert (found.input_tokens, found.output_tokens) == (7_000 * 0.25, 20 * 50)
    assert found.usd == pytest.approx((875 * 1 + 875 * 0.1 + 1_000 * 4) / 1e6)
    assert found.high_usd == pytest.approx((1_925 * 1 + 1_600 * 4) / 1e6)


def test_a_model_that_was_never_called_is_taken_as_usual() -> None:
    found = cost(habits=None)
    assert found.input_tokens == round(7_000 / 3.5)
    assert found.output_tokens == 20 * UNSEEN["judgements"].output


def test_no_reply_is_longer_than_it_may_be() -> None:
    assert cost(replace(CALL, output_most=100)).output_tokens == 100


def test_pictures_are_counted_by_the_providers_rule_beside_the_text() -> None:
    plain, shown = cost(habits=None), cost(replace(CALL, pictures=3, picture_side=768), None)
    tokens = PRICES.price("m").picture.tokens(768, 768)
    assert shown.input_tokens - plain.input_tokens == 3 * tokens


def test_time_is_what_the_tightest_limit_takes() -> None:
    many = replace(CALL, times=600)
    assert cost(many, limits=Limits(600, 10**9, 1_000)).seconds == pytest.approx(60)
    assert cost(many, limits=Limits(10**6, 165_000, 1_000)).seconds == pytest.approx(600)
    assert cost(many, limits=Limits(10**6, 10**9, 6)).seconds == pytest.approx(100)


def test_a_cap_has_room_for_the_last_calls() -> None:
    found = cost(replace(CALL, times=10))
    assert found.enough_usd == pytest.approx(found.usd + 0.05)
    assert found.safe_usd(4) == pytest.approx(found.high_usd + 4 * 0.05)


@given(
    st.floats(0, 160), st.floats(0, 160), st.floats(0.1, 0.5), st.floats(0, 1), st.integers(1, 20), st.floats(0, 1_000)
)
def test_the_high_figure_is_never_below_the_likely_one(
    output: float, more: float, per_byte: float, cached: float, products: int, times: float
) -> None:
    habits = CallHabits(output, output + more, per_byte, cached, 1.0)
    found = cost(replace(CALL, products=products, times=times), habits)
    assert 0 <= found.usd <= found.high_usd


def test_two_judges_cost_what_both_do() -> None:
    one, other = cost(), cost(replace(CALL, worst_usd=0.5))
    both = one.plus(other)
    assert (both.usd, both.calls, both.worst_call_usd) == (one.usd + other.usd, 2, 0.5)
