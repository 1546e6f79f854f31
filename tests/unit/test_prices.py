"""The price file: the built-in one is whole, and models without a price are said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from core.adapters.llm_prices import load_prices, say_unlisted
from core.domain import money
from core.errors import SettingsError
from core.settings import Settings

DAY = date(2026, 12, 1)


def test_the_built_in_lists_say_when_and_where_they_were_read() -> None:
    assert all(one.read_on and one.sources for one in load_prices().lists)


def test_no_listed_model_costs_more_than_the_default() -> None:
    newest = load_prices().of(DAY)
    for price in newest.models.values():
        assert price.input <= newest.default.input
        assert price.output <= newest.default.output
        assert price.cached_input <= price.input


def test_a_batch_never_costs_more_than_the_usual_way() -> None:
    for price in load_prices().of(DAY).models.values():
        assert money.worst_cost(money.batch_price(price), 1_000, 1_000) < money.worst_cost(price, 1_000, 1_000)


def test_the_offline_judge_costs_the_same_by_every_list() -> None:
    costs = {money.cost(one.price("offline-judge"), 1_000, 100, 100) for one in load_prices().lists}
    assert len(costs) == 1


def test_models_without_a_price_are_said_once_each() -> None:
    settings = Settings(_env_file=None, llm_model="house-model", llm_vision_model="gpt-4.1-mini-2025-04-14")
    with capture_logs() as logs:
        assert say_unlisted(settings, DAY) == ["house-model"]
    assert [(line["event"], line["model"]) for line in logs] == [("llm.unlisted", "house-model")]


def test_a_file_replaces_the_built_in_lists(tmp_path) -> None:
    price = '{"input": "1", "cached_input": "1", "output": "1", "picture": {"rule": "area"}}'
    text = f'{{"lists": [{{"version": "ours", "default": {price}, "models": {{"house-model": {price}}}}}]}}'
    (tmp_path / "prices.json").write_text(text)
    found = load_prices(str(tmp_path / "prices.json")).price("house-model", DAY)
    assert (found.version, found.input, money.picture_tokens(found, 750, 10)) == ("ours", Decimal(1), 10)


def test_a_file_with_an_unknown_picture_rule_says_where(tmp_path) -> None:
    price = '{"input": "1", "cached_input": "1", "output": "1", "picture": {"rule": "guess"}}'
    (tmp_path / "prices.json").write_text(f'{{"lists": [{{"version": "x", "default": {price}, "models": {{}}}}]}}')
    with pytest.raises(SettingsError, match=r"lists\.0\.default\.picture"):
        load_prices(str(tmp_path / "prices.json"))
