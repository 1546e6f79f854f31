"""Money: what a call costs, and that nothing is ever rounded away."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.domain import money
from core.domain.money import Price, PriceTable

PRICE = Price(input=Decimal("0.15"), cached_input=Decimal("0.075"), output=Decimal("0.60"))
TOKENS = st.integers(0, 2_000_000)
PER_MILLION = st.decimals(0, 1000, places=6)


def test_a_million_of_each_costs_the_listed_prices():
    assert money.cost(PRICE, 1_000_000, 0, 0) == 150_000_000_000
    assert money.cost(PRICE, 1_000_000, 1_000_000, 0) == 75_000_000_000
    assert money.cost(PRICE, 0, 0, 1_000_000) == 600_000_000_000


def test_cached_tokens_are_part_of_the_input():
    assert money.cost(PRICE, 1_000, 400, 0) == 600 * 150_000 + 400 * 75_000


def test_more_cached_than_input_is_no_refund():
    assert money.cost(PRICE, 100, 900, 0) == money.cost(PRICE, 100, 100, 0)


@given(
    prices=st.tuples(PER_MILLION, PER_MILLION, PER_MILLION),
    used=st.tuples(TOKENS, TOKENS, TOKENS),
    more=st.tuples(TOKENS, TOKENS),
)
def test_no_call_costs_more_than_its_worst_case(prices, used, more):
    price = Price(input=prices[0], cached_input=prices[1], output=prices[2])
    input_tokens, cached, output = used
    worst = money.worst_cost(price, input_tokens + more[0], output + more[1])
    assert money.cost(price, input_tokens, cached, output) <= worst


@given(price=PER_MILLION, tokens=TOKENS)
def test_six_decimals_are_exact(price, tokens):
    listed = Price(input=price, cached_input=price, output=price)
    assert money.cost(listed, tokens, 0, 0) == int(price * 10**6) * tokens


def test_a_fraction_of_a_picodollar_is_rounded_up():
    price = Price(input=Decimal("0.0000001"), cached_input=Decimal(0), output=Decimal(0))
    assert money.cost(price, 1, 0, 0) == 1


def test_an_unknown_model_is_charged_the_default():
    table = PriceTable(version="1", default=PRICE, models={})
    assert table.price("who-knows") is PRICE


def test_a_dated_model_has_the_price_of_its_name_and_no_shorter_one():
    mini = PRICE.model_copy(update={"output": Decimal(1)})
    table = PriceTable(version="1", default=PRICE, models={"gpt-4o": PRICE, "gpt-4o-mini": mini})
    assert table.price("gpt-4o-mini-2024-07-18") is mini


def test_a_variant_is_not_taken_for_its_cheaper_namesake():
    other = PRICE.model_copy(update={"output": Decimal(9)})
    table = PriceTable(version="1", default=other, models={"gpt-4o": PRICE})
    assert table.price("gpt-4o-audio-preview") is other


@pytest.mark.parametrize(("width", "height", "tiles"), [(1, 1, 1), (512, 512, 1), (513, 512, 2), (768, 768, 4)])
def test_a_picture_counts_by_begun_tiles(width, height, tiles):
    assert money.picture_tokens(PRICE, width, height) == 2_833 + 5_667 * tiles


def test_a_budget_is_cut_to_what_the_ledger_can_hold():
    assert money.budget(1e30) == money.MAX_BUDGET_USD * money.PICO < 2**63


def test_a_budget_is_exact():
    assert money.budget(0.1) == money.PICO // 10


def test_a_negative_price_is_refused():
    with pytest.raises(ValidationError):
        Price(input=Decimal(-1), cached_input=Decimal(0), output=Decimal(0))
