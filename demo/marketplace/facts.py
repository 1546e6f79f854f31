"""What a product is, what a query wants, and the grade that follows from both (DESIGN 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Market = Literal["us", "de"]
Language = Literal["en", "de"]

MARKETS: tuple[Market, ...] = ("us", "de")


def language_of(market: Market) -> Language:
    """The one language of a market."""
    return "en" if market == "us" else "de"


@dataclass(frozen=True, slots=True)
class Facts:
    """A product's latent facts. An accessory's `model` is the product that it fits."""

    category: str
    brand: str
    model: str
    colour: str
    size: str
    featured: bool
    """The model has the feature of its category (noise cancelling, waterproof, …)."""


@dataclass(frozen=True, slots=True)
class Want:
    """What a query asks for; None: anything goes. `nothing` is a query that no product answers."""

    category: str | None = None
    brand: str | None = None
    model: str | None = None
    colour: str | None = None
    size: str | None = None
    featured: bool = False
    nothing: bool = False


def grade_of(want: Want, facts: Facts) -> int:
    """0, 1 or 2. Another kind, brand or named product is irrelevant; another colour, size or a lacking feature
    makes a substitute."""
    central = ((want.category, facts.category), (want.brand, facts.brand), (want.model, facts.model))
    if want.nothing or any(asked is not None and asked != given for asked, given in central):
        return 0
    finer = ((want.colour, facts.colour), (want.size, facts.size))
    missing = any(asked is not None and asked != given for asked, given in finer)
    return 1 if missing or (want.featured and not facts.featured) else 2
