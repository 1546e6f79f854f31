"""What a call costs: prices per million tokens, and sums in whole picodollars so that no cent is ever rounded away."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from pydantic import BaseModel, ConfigDict, Field

PICO = 10**12
"""Picodollars in a dollar: a price of up to six decimals per million tokens is a whole number of them per token."""

MAX_BUDGET_USD = 9_000_000
"""Budgets are cut to this: in picodollars the largest that a 64-bit integer holds, and no cap anybody means."""

_PER_TOKEN = PICO // 1_000_000


class Price(BaseModel):
    """US dollars per million tokens, and what a picture counts for in tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0, le=100_000, description="fresh input tokens")
    cached_input: Decimal = Field(ge=0, le=100_000, description="input tokens the provider had in its prompt cache")
    output: Decimal = Field(ge=0, le=100_000, description="output tokens, reasoning tokens too")
    picture_tokens: int = Field(2_833, ge=0, description="tokens of any picture, whatever its size")
    picture_tile_tokens: int = Field(5_667, ge=0, description="tokens of each begun tile of 512 by 512 pixels")


class PriceTable(BaseModel):
    """A versioned list of prices. A model that is not in it is charged `default`, which is high on purpose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(min_length=1)
    default: Price
    models: Mapping[str, Price]

    def price(self, model: str) -> Price:
        """The price of `model`, of the longest listed name it starts with (`name-2026-01-31`), else the default."""
        if model in self.models:
            return self.models[model]
        dated = [name for name in self.models if model.startswith(f"{name}-2")]
        return self.models[max(dated, key=len)] if dated else self.default


def cost(price: Price, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
    """Picodollars of a finished call, rounded up. `cached_tokens` are part of `input_tokens`."""
    cached = min(max(cached_tokens, 0), input_tokens)
    fresh = input_tokens - cached
    dollars = price.input * fresh + price.cached_input * cached + price.output * output_tokens
    return _picodollars(dollars)


def worst_cost(price: Price, input_tokens: int, output_tokens: int) -> int:
    """Picodollars a call can cost at most: nothing cached, the whole output used."""
    return _picodollars(max(price.input, price.cached_input) * input_tokens + price.output * output_tokens)


def picture_tokens(price: Price, width: int, height: int) -> int:
    """Tokens a picture of this size counts for, by the tile rule that providers publish."""
    tiles = -(-width // 512) * -(-height // 512)
    return price.picture_tokens + price.picture_tile_tokens * tiles


def usd(picodollars: int) -> float:
    """US dollars, for showing."""
    return picodollars / PICO


def budget(dollars: float) -> int:
    """A cap in picodollars, rounded down."""
    return int(Decimal(str(min(dollars, MAX_BUDGET_USD))) * PICO)


def _picodollars(per_million: Decimal) -> int:
    return int((per_million * _PER_TOKEN).to_integral_value(rounding=ROUND_CEILING))
