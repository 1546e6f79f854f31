"""The product of a line, in the shape of the topic `listings`, whatever a shop or a benchmark calls its parts."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import msgspec

from core.domain.fields import BadFieldError, Object, identifier, obj, present
from core.domain.listings import ListingRecord, listing_of
from core.domain.timestamps import FIRST_MS

IDS = ("listing_id", "doc_id", "docid", "docno", "_id", "id")
"""Names of a product's id, the surest first; `_id` is BEIR's, `docno` TREC's, `docid` that of Quepid's tables."""

TITLES = ("title", "name")
DESCRIPTIONS = ("description", "text", "body")
BRANDS = ("brand", "supplier", "manufacturer")
PICTURES = ("image_url", "image", "thumb", "img_500x500", "img_low")
"""Names of a picture's address; the last two are those of the Icecat demo shop."""

PRICES = ("price", "price_cents")

LARGEST_WHOLE = 2.0**53
"""Above it a float no longer tells whole numbers apart."""

READ = frozenset({*TITLES, *DESCRIPTIONS, *BRANDS, *PICTURES, *PRICES, "category", "attributes", "image_urls"})
"""What of a flat record is the product, besides its id."""


def product_id(record: Object) -> str:
    """Its id; empty where the record has none. BadFieldError."""
    return next((found for name in IDS if (found := identifier(record, name))), "")


def has_product(record: Object) -> bool:
    """Whether a flat record tells of a product, and not only names it."""
    return any(present(record, name) is not None for name in TITLES)


def product_of(record: Object, listing_id: str, market: str, language: str, *, rest: bool = False) -> dict[str, object]:
    """The product that a flat record tells of; with `rest`, what has no place of its own is told as attributes.
    BadFieldError."""
    others = {name: record[name] for name in record if name not in READ and name not in IDS} if rest else {}
    told: dict[str, object] = {
        "listing_id": listing_id,
        "market": market,
        "language": language or None,
        "title": _text(record, TITLES),
        "description": _text(record, DESCRIPTIONS),
        "brand": _text(record, BRANDS),
        "category": _text(record, ("category",)),
        "price": _price(record),
        "attributes": {**_attributes(others), **_attributes(obj(record, "attributes"))},
        "image_urls": _pictures(record),
    }
    return checked_listing(told)


def checked_listing(told: Object) -> dict[str, object]:
    """A listing as the topic's reader takes it, with nothing else and nothing empty in it, so that the same product is
    always told alike. BadFieldError."""
    record = listing_of({**told, "timestamp": FIRST_MS, "event": "new"}, -1)
    if not isinstance(record, ListingRecord):
        raise BadFieldError(record.detail)
    return _told(record)


def _told(record: ListingRecord) -> dict[str, object]:
    price = {"amount": record.price_amount, "currency": record.price_currency}
    told: dict[str, object] = {
        "listing_id": record.listing_id,
        "market": record.market,
        "language": record.language,
        "title": record.title,
        "description": record.description,
        "brand": record.brand,
        "category": record.category,
        "price": {name: value for name, value in price.items() if value is not None},
        "attributes": dict(record.attributes),
        "image_urls": list(record.image_urls),
    }
    return {name: value for name, value in told.items() if value not in (None, {}, [])}


def _text(record: Object, names: tuple[str, ...]) -> str | None:
    found = next((value for name in names if (value := present(record, name)) is not None), None)
    return None if found is None else _plain(found, names[0])


def _price(record: Object) -> dict[str, object]:
    price, cents = present(record, "price"), present(record, "price_cents")
    if isinstance(price, Mapping):
        return dict(price)
    currency = _text(record, ("currency",))
    if price is None and cents is None:
        return {}
    return {
        "amount": _number(price, "price") if price is not None else _number(cents, "price_cents") / 100,
        "currency": currency,
    }


def _number(value: object, name: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadFieldError(f"{name}: not a number")
    return number


def _attributes(found: Object) -> dict[str, str]:
    """Names and values as text; what is empty is left out."""
    told = {name: _plain(value, f"attributes.{name}") for name, value in found.items() if value is not None}
    # One text for each name in the file, not one a line: files are held in memory until they are known to be right.
    return {sys.intern(name): value for name, value in told.items() if value and name}


def _pictures(record: Object) -> list[str]:
    urls = record.get("image_urls") if isinstance(record.get("image_urls"), list) else []
    one = next((value for name in PICTURES if (value := present(record, name)) is not None), None)
    return [url for url in (one, *(urls if isinstance(urls, list) else [])) if isinstance(url, str) and url]


def _plain(value: object, name: str) -> str:
    """As text: whole numbers without a point, lists with commas, yes and no in words, what is nested as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(_plain(each, name) for each in value if each is not None)
    if isinstance(value, Mapping):
        return msgspec.json.encode(value, order="sorted").decode()
    raise BadFieldError(f"{name}: neither text nor a number")
