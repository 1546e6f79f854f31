"""What a call costs: prices per million tokens, and sums in whole picodollars so that no cent is ever rounded away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from math import ceil
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PICO = 10**12
"""Picodollars in a dollar: a price of up to six decimals per million tokens is a whole number of them per token."""

MAX_BUDGET_USD = 9_000_000
"""Budgets are cut to this: in picodollars the largest that a 64-bit integer holds, and no cap anybody means."""

BATCH_SHARE = Decimal("0.5")
"""A batch's price where the list has none: half, as OpenAI, Azure, Anthropic and Google sell it."""

UNLISTED = " default"
"""Ends the price version of a call whose model is in no list, so that it is seen where money is shown."""

_PER_TOKEN = PICO // 1_000_000

PerMillion = Annotated[Decimal, Field(ge=0, le=100_000)]
"""US dollars per million tokens."""


class Tiles(BaseModel):
    """A picture is made to fit `box`, its short side to at most `short_side`; then counted in begun squares of `side`
    pixels (OpenAI's images and vision guide, of gpt-4o, gpt-4.1, gpt-5)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["tiles"] = "tiles"
    base: int = Field(ge=0, description="tokens of any picture")
    tile: int = Field(ge=0, description="tokens of each begun tile")
    side: int = Field(512, ge=1)
    box: int = Field(2_048, ge=1)
    short_side: int = Field(768, ge=1)

    def tokens(self, width: int, height: int) -> int:
        """Of a picture of this size."""
        scale = min(1.0, self.box / max(width, height), self.short_side / min(width, height))
        tiles = ceil(int(width * scale) / self.side) * ceil(int(height * scale) / self.side)
        return self.base + self.tile * max(1, tiles)


class Patches(BaseModel):
    """A picture is counted in begun squares of `side` pixels, at most `most` (it is scaled down), times `factor`
    (OpenAI's images and vision guide, of the mini and nano models and o4-mini)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["patches"] = "patches"
    factor: Decimal = Field(Decimal(1), gt=0)
    side: int = Field(32, ge=1)
    most: int = Field(1_536, ge=1)

    def tokens(self, width: int, height: int) -> int:
        """Of a picture of this size."""
        patches = min(self.most, ceil(width / self.side) * ceil(height / self.side))
        return ceil(patches * self.factor)


class Area(BaseModel):
    """A picture counts for its pixels (Anthropic's vision guide: width times height by 750)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["area"] = "area"
    pixels: int = Field(750, ge=1, description="pixels of a token")

    def tokens(self, width: int, height: int) -> int:
        """Of a picture of this size."""
        return ceil(width * height / self.pixels)


PictureRule = Annotated[Tiles | Patches | Area, Field(discriminator="rule")]

HIGHEST_RULE = Tiles(base=2_833, tile=5_667)
"""Of gpt-4o-mini, the most tokens that any provider counts: for models whose rule nobody has looked up."""


class Price(BaseModel):
    """US dollars per million tokens, and how a picture counts in tokens. `version`: of the list that it is from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: PerMillion = Field(description="fresh input tokens")
    cached_input: PerMillion = Field(description="input tokens the provider had in its prompt cache")
    output: PerMillion = Field(description="output tokens, reasoning tokens too")
    batch_input: PerMillion | None = Field(None, description="fresh input tokens in a batch; half where not given")
    batch_cached_input: PerMillion | None = Field(None, description="cached ones in a batch; half where not given")
    batch_output: PerMillion | None = Field(None, description="output tokens in a batch; half where not given")
    picture: PictureRule = HIGHEST_RULE
    version: str = Field("", description="left out in a file")

    @model_validator(mode="before")
    @classmethod
    def _of_old_files(cls, found: object) -> object:
        """Files of before 2026-11 say `picture_tokens` and `picture_tile_tokens`; their tiles were not scaled."""
        if not isinstance(found, dict) or not {"picture_tokens", "picture_tile_tokens"} & found.keys():
            return found
        base, tile = found.get("picture_tokens", 2_833), found.get("picture_tile_tokens", 5_667)
        rest = {name: value for name, value in found.items() if not name.startswith("picture_")}
        return rest | {"picture": {"rule": "tiles", "base": base, "tile": tile, "box": 100_000, "short_side": 100_000}}


class PriceList(BaseModel):
    """Prices from one day on, until the next list's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(min_length=1, max_length=80, description="what calls are marked with")
    valid_from: date = Field(date(1970, 1, 1), description="first UTC day of these prices")
    read_on: date | None = Field(None, description="when a person looked them up")
    sources: tuple[str, ...] = Field((), description="where")
    default: Price
    models: Mapping[str, Price]

    def price(self, model: str) -> Price:
        """The price of `model`, of the longest listed name that it is a dated release of (`name-2026-01-31`), else the
        default, which is high on purpose."""
        if model in self.models:
            return self.models[model].model_copy(update={"version": self.version})
        dated = [name for name in self.models if model.startswith(f"{name}-2")]
        if dated:
            return self.models[max(dated, key=len)].model_copy(update={"version": self.version})
        return self.default.model_copy(update={"version": self.version + UNLISTED})


def _listed(found: object) -> object:
    """A file of before 2026-11 is one list."""
    return {"lists": [found]} if isinstance(found, dict) and "lists" not in found else found


class PriceTable(BaseModel):
    """Price lists in the order of their days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    lists: tuple[PriceList, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _of_old_files(cls, found: object) -> object:
        return _listed(found)

    @model_validator(mode="after")
    def _in_order(self) -> PriceTable:
        days = [one.valid_from for one in self.lists]
        if days != sorted(set(days)):
            raise ValueError("the lists are not in the order of valid_from, each of another day")
        return self

    @property
    def version(self) -> str:
        """Of the newest list."""
        return self.lists[-1].version

    def of(self, day: date | None) -> PriceList:
        """The list of a UTC day, the oldest for any day before it; the newest where no day is given."""
        found = [one for one in self.lists if day is None or one.valid_from <= day]
        return found[-1] if found else self.lists[0]

    def price(self, model: str, day: date | None = None) -> Price:
        """What `model` costs on a UTC day."""
        return self.of(day).price(model)

    def is_listed(self, model: str, day: date | None = None) -> bool:
        """Whether the list of the day has the model."""
        return not self.price(model, day).version.endswith(UNLISTED)


def batch_price(price: Price) -> Price:
    """What the same costs in a provider's batch."""
    of = (price.batch_input, price.batch_cached_input, price.batch_output)
    usual = (price.input, price.cached_input, price.output)
    listed = [half * BATCH_SHARE if one is None else one for one, half in zip(of, usual, strict=True)]
    return price.model_copy(update=dict(zip(("input", "cached_input", "output"), listed, strict=True)))


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
    """Tokens that a picture of this size in pixels counts for, by the provider's rule."""
    return price.picture.tokens(width, height)


def usd(picodollars: int) -> float:
    """US dollars, for showing."""
    return picodollars / PICO


def budget(dollars: float) -> int:
    """A cap in picodollars, rounded down."""
    return int(Decimal(str(min(dollars, MAX_BUDGET_USD))) * PICO)


def _picodollars(per_million: Decimal) -> int:
    return int((per_million * _PER_TOKEN).to_integral_value(rounding=ROUND_CEILING))
