"""The catalogue of one market: products with latent facts, and their life as listings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from demo.marketplace.facts import Facts, Language, Market, language_of
from demo.marketplace.listing_text import SELLER, attributes_of, description_of, title_of
from demo.marketplace.pictures import PictureFacts, picture_facts
from demo.marketplace.times import DAY_MS, iso
from demo.marketplace.vocabulary import CATEGORIES, Category

PRODUCTS_PER_CATEGORY = 26
"""With 12 categories and the accessories some 350 a market, and 3 to 8 of each model."""

ACCESSORIES_PER_CATEGORY = 10
INITIAL_SHARE = 0.88
"""Listed before the first day; the others come over ARRIVAL_DAYS, about 3 in 2 days: lists move, but slowly."""

ARRIVAL_DAYS = 28
UPDATED_SHARE = 0.2
DELETED_SHARE = 0.1
"""About as many go as come: more choice would raise relevance week by week, which is a drift nobody asked for."""

PICTURE_FAULT_SHARE = 0.3
SECOND_PICTURE_SHARE = 0.4
FIRST_HOUR, LAST_HOUR = 6, 22
"""Sellers list, edit and delete in these hours (UTC)."""

GENERATED_EVERY = 17
"""Every 17th product, if its picture has no fault: some fifteen a market, half of them flagged by a judge of pixels."""

COPIED_EVERY = 29
"""Every 29th product shows a picture taken from another seller: some ten a market."""

BrokenPicture = Literal["missing", "slow", "html"]
BROKEN_PICTURES: Mapping[int, BrokenPicture] = {40: "missing", 120: "slow", 200: "html"}
"""Listings, by their number in the market, whose picture address does not serve a picture as it should."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product, offered by one seller. Times in milliseconds since 1970; None: never happens."""

    listing_id: str
    market: Market
    facts: Facts
    title: str
    description: str
    price: float
    attributes: Mapping[str, str]
    pictures: tuple[PictureFacts, ...]
    copy_of: str | None
    """The listing of another seller whose main picture this one shows, saved anew."""
    broken_picture: BrokenPicture | None
    popularity: float
    """0 to 1, the engine's tie-break; fixed, so lists are stable from day to day."""
    listed_at: int
    updated_at: int | None
    deleted_at: int | None

    def listed(self, at_ms: int) -> bool:
        """Whether it can be bought at that time."""
        return self.listed_at < at_ms and (self.deleted_at is None or at_ms <= self.deleted_at)


def make_catalogue(seed: int, market: Market, start_ms: int, days: int) -> tuple[Product, ...]:
    """All products that are listed before or within `days`, initial ones first within each category."""
    rng = Random(f"{seed}:catalogue:{market}")
    products: list[Product] = []
    number = 0
    for category in CATEGORIES:
        for _ in range(ACCESSORIES_PER_CATEGORY if category.accessory else PRODUCTS_PER_CATEGORY):
            products.append(_product(rng, market, number, category, start_ms=start_ms, days=days))
            number += 1
    products = [_generated(number, product) for number, product in enumerate(products)]
    products = [_with_copied_picture(number, product, products) for number, product in enumerate(products)]
    return tuple(product for product in products if product.listed_at < start_ms + days * DAY_MS)


def _product(rng: Random, market: Market, number: int, category: Category, *, start_ms: int, days: int) -> Product:
    language = language_of(market)
    facts, price = _facts(rng, category)
    listed_at, updated_at, deleted_at = _life(rng, start_ms, days)
    pictures = 2 if rng.random() < SECOND_PICTURE_SHARE else 1
    return Product(
        listing_id=f"{market}-{10_000 + number}",
        market=market,
        facts=facts,
        title=title_of(rng, category, facts, language),
        description=description_of(rng, category, facts, language),
        price=price,
        attributes=attributes_of(rng, category, facts, language),
        pictures=tuple(picture_facts(rng, PICTURE_FAULT_SHARE) for _ in range(pictures)),
        copy_of=None,
        broken_picture=BROKEN_PICTURES.get(number),
        popularity=round(rng.random(), 4),
        listed_at=listed_at,
        updated_at=updated_at,
        deleted_at=deleted_at,
    )


def _generated(number: int, product: Product) -> Product:
    """Some good pictures were made by a model: buyers like them as well as photographs, until the parcel comes."""
    first = product.pictures[0]
    if number % GENERATED_EVERY or first.fault is not None:
        return product
    return replace(product, pictures=(replace(first, generated=True), *product.pictures[1:]))


def _with_copied_picture(number: int, product: Product, products: Sequence[Product]) -> Product:
    """Some sellers take the picture of another's listing of the same thing. Only good pictures are taken."""
    original = next((other for other in products if _is_alike(other, product)), None)
    if number % COPIED_EVERY or original is None or product.broken_picture:
        return product
    return replace(product, copy_of=original.listing_id, pictures=(original.pictures[0], *product.pictures[1:]))


def _is_alike(other: Product, product: Product) -> bool:
    """Whether the picture could be taken from there: an earlier listing of the same kind and colour, somebody else's,
    with nothing wrong in it."""
    return (
        other.listed_at < product.listed_at
        and (other.facts.category, other.facts.colour) == (product.facts.category, product.facts.colour)
        and other.attributes[SELLER] != product.attributes[SELLER]
        and other.pictures[0].fault is None
        and not other.broken_picture
    )


def _facts(rng: Random, category: Category) -> tuple[Facts, float]:
    weights = [(rank + 1) ** -0.5 for rank in range(len(category.models))]
    model = rng.choices(category.models, weights)[0]
    colour = rng.choices(category.colours, [4, 3, 2, 2][: len(category.colours)])[0]
    facts = Facts(category.key, model.brand, model.name, colour, rng.choice(category.sizes), model.featured)
    return facts, round(model.price * rng.uniform(0.8, 1.05)) - 0.01


def _life(rng: Random, start_ms: int, days: int) -> tuple[int, int | None, int | None]:
    """Listed, updated, deleted. All is drawn whether used or not, so that shares change nothing else."""
    span = max(days, ARRIVAL_DAYS)
    initial, updated, deleted = (rng.random() for _ in range(3))
    arrival, edit, end = (rng.randrange(span) for _ in range(3))
    moments = [_moment(rng) for _ in range(3)]
    first_day = -1 if initial < INITIAL_SHARE else arrival
    listed_at = start_ms + first_day * DAY_MS + moments[0]
    gone = deleted < DELETED_SHARE and end > first_day
    deleted_at = start_ms + end * DAY_MS + moments[2] if gone else None
    edited = updated < UPDATED_SHARE and edit > first_day and (not gone or edit < end)
    return listed_at, start_ms + edit * DAY_MS + moments[1] if edited else None, deleted_at


def _moment(rng: Random) -> int:
    return rng.randrange(FIRST_HOUR * 3_600_000, LAST_HOUR * 3_600_000)


def listing_record(product: Product, base_url: str, at_ms: int, event: str) -> dict[str, object]:
    """The listing as CONTRACT 2 writes it, as it stands at that time."""
    if event == "deleted":
        return {"listing_id": product.listing_id, "timestamp": iso(at_ms), "event": event, "market": product.market}
    language: Language = language_of(product.market)
    edited = product.updated_at is not None and at_ms >= product.updated_at
    return {
        "listing_id": product.listing_id,
        "timestamp": iso(at_ms),
        "event": event,
        "market": product.market,
        "language": language,
        "title": product.title,
        "description": _edited(product.description, language) if edited else product.description,
        "brand": product.facts.brand,
        "category": product.facts.category.replace("_", " "),
        "price": {
            "amount": round(product.price * 0.9, 2) if edited else product.price,
            "currency": "USD" if product.market == "us" else "EUR",
        },
        "attributes": dict(product.attributes),
        "image_urls": [
            f"{base_url}/pictures/{product.listing_id}/{number}.jpg" for number in range(1, len(product.pictures) + 1)
        ],
    }


def _edited(description: str, language: Language) -> str:
    return description + (" Price reduced." if language == "en" else " Preis gesenkt.")
