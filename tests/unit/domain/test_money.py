"""Money: what a call costs, and that nothing is ever rounded away."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.domain import money
from core.domain.money import Area, Patches, Price, PriceList, PriceTable, Tiles

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


def table(**models: Price) -> PriceTable:
    return PriceTable(lists=(PriceList(version="1", default=PRICE, models=models),))


def test_an_unknown_model_is_charged_the_default_and_marked():
    found = table().price("who-knows")
    assert (found.output, found.version) == (PRICE.output, "1 default")
    assert not table().is_listed("who-knows")


def test_a_dated_model_has_the_price_of_its_name_and_no_shorter_one():
    mini = PRICE.model_copy(update={"output": Decimal(1)})
    found = table(**{"gpt-4o": PRICE, "gpt-4o-mini": mini}).price("gpt-4o-mini-2024-07-18")
    assert (found.output, found.version) == (Decimal(1), "1")


def test_a_variant_is_not_taken_for_its_cheaper_namesake():
    other = PRICE.model_copy(update={"output": Decimal(9)})
    found = PriceTable(lists=(PriceList(version="1", default=other, models={"gpt-4o": PRICE}),))
    assert found.price("gpt-4o-audio-preview").output == 9


@pytest.mark.parametrize(
    ("day", "version"),
    [(date(2020, 1, 1), "old"), (date(2026, 1, 31), "old"), (date(2026, 2, 1), "new"), (None, "new")],
)
def test_a_day_has_the_prices_of_its_list(day, version):
    lists = [
        PriceList(version=name, valid_from=since, default=PRICE, models={"m": PRICE})
        for name, since in (("old", date(2025, 1, 1)), ("new", date(2026, 2, 1)))
    ]
    found = PriceTable(lists=tuple(lists))
    assert (found.price("m", day).version, found.version) == (version, "new")


def test_lists_out_of_order_are_refused():
    one = {"version": "a", "default": PRICE.model_dump(), "models": {}}
    with pytest.raises(ValidationError):
        PriceTable.model_validate({"lists": [one, one]})


def test_a_batch_costs_half_where_the_list_does_not_say():
    price = PRICE.model_copy(update={"batch_cached_input": Decimal("0.07")})
    batch = money.batch_price(price)
    assert (batch.input, batch.cached_input, batch.output) == (Decimal("0.075"), Decimal("0.07"), Decimal("0.3"))


def test_a_file_of_one_list_without_tiles_scaled_is_still_read():
    old = {"version": "mine", "default": {"input": 1, "cached_input": 1, "output": 1}, "models": {}}
    old["models"] = {"m": {**old["default"], "picture_tokens": 10, "picture_tile_tokens": 5}}
    found = PriceTable.model_validate(old)
    assert money.picture_tokens(found.price("m"), 2_000, 600) == 10 + 5 * 8
    assert money.picture_tokens(found.price("other"), 512, 512) == 2_833 + 5_667


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1024, 1024), 765), ((2048, 4096), 1105), ((128, 64), 255), ((512, 512), 255), ((1, 1), 255)],
)
def test_tiles_count_as_the_provider_s_guide_does(size, tokens):
    assert Tiles(base=85, tile=170).tokens(*size) == tokens


@pytest.mark.parametrize(
    ("factor", "size", "tokens"),
    [("1", (1024, 1024), 1024), ("1.62", (1024, 1024), 1659), ("2.46", (32, 33), 5), ("1", (1800, 2400), 1536)],
)
def test_patches_count_as_the_provider_s_guide_does(factor, size, tokens):
    """1800 by 2400 is scaled to 1452 patches by the guide; the cap is what it can't pass."""
    assert Patches(factor=Decimal(factor)).tokens(*size) == tokens


def test_an_area_counts_by_its_pixels():
    assert Area().tokens(1_000, 750) == 1_000


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_every_picture_counts_for_something_and_no_more_than_the_rule_s_most(width, height):
    assert 0 < Patches(factor=Decimal("2.46")).tokens(width, height) <= 3_779
    assert 255 <= Tiles(base=85, tile=170).tokens(width, height) <= 85 + 170 * 8


def test_a_budget_is_cut_to_what_the_ledger_can_hold():
    assert money.budget(1e30) == money.MAX_BUDGET_USD * money.PICO < 2**63


def test_a_budget_is_exact():
    assert money.budget(0.1) == money.PICO // 10


def test_a_negative_price_is_refused():
    with pytest.raises(ValidationError):
        Price(input=Decimal(-1), cached_input=Decimal(0), output=Decimal(0))
