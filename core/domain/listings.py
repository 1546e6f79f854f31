"""A record of the topic `listings`: from bytes to a checked listing, or to the reason why not (CONTRACT 2)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from core.domain.fields import (
    MAX_NAME_CHARS,
    MAX_VALUE_BYTES,
    BadFieldError,
    Object,
    Unusable,
    checked,
    checked_timestamp,
    identifier,
    obj,
    parsed_object,
    present,
    text,
)
from core.domain.search_log import DEFAULT_MARKET

ListingEvent = Literal["new", "updated", "deleted"]
_EVENTS: dict[str, ListingEvent] = {"new": "new", "updated": "updated", "deleted": "deleted"}


@dataclass(frozen=True, slots=True)
class ListingRecord:
    """What the stream says of one listing at one time; absent is None or empty."""

    listing_id: str
    timestamp: int
    event: ListingEvent
    market: str
    language: str | None
    title: str
    description: str | None
    brand: str | None
    category: str | None
    price_amount: float | None
    price_currency: str | None
    attributes: dict[str, str]
    image_urls: list[str]

    @property
    def content_hash(self) -> str:
        """Hash of everything a judge could read in the text: another hash, another judgement."""
        told = (
            self.market,
            self.language,
            self.title,
            self.description,
            self.brand,
            self.category,
            self.price_amount,
            self.price_currency,
            sorted(self.attributes.items()),
        )
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def decode_listing(value: bytes | None, kafka_timestamp: int) -> ListingRecord | Unusable:
    """The listing in `value`, or why it can't be used. `kafka_timestamp` in milliseconds, -1 when there is none."""
    if value is None:
        return Unusable("not_json", "a null value")
    if len(value) > MAX_VALUE_BYTES:
        return Unusable("too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES}")
    parsed = parsed_object(value)
    if isinstance(parsed, Unusable):
        return parsed
    return listing_of(parsed, kafka_timestamp)


def listing_of(record: Object, kafka_timestamp: int) -> ListingRecord | Unusable:
    """The listing that a JSON object tells of, or why it can't be used."""
    try:
        fields = _fields(record)
    except BadFieldError as error:
        return Unusable("bad_field", str(error))
    timestamp = checked_timestamp(record.get("timestamp"), kafka_timestamp)
    if isinstance(timestamp, Unusable):
        return timestamp
    if not fields.listing_id:
        return Unusable("no_listing_id", "listing_id is absent")
    if not fields.title and fields.event != "deleted":
        return Unusable("no_title", f"listing {fields.listing_id} has no title")
    return replace(fields, timestamp=timestamp)


def _fields(record: Object) -> ListingRecord:
    price = obj(record, "price")
    return ListingRecord(
        listing_id=identifier(record, "listing_id") or "",
        timestamp=0,
        event=_event(record),
        market=text(record, "market", MAX_NAME_CHARS) or DEFAULT_MARKET,
        language=text(record, "language", MAX_NAME_CHARS),
        title=text(record, "title", None) or "",
        description=text(record, "description", None),
        brand=text(record, "brand", None),
        category=text(record, "category", None),
        price_amount=_amount(price),
        price_currency=text(price, "currency", None, "price."),
        attributes=_attributes(record),
        image_urls=_image_urls(record),
    )


def _event(record: Object) -> ListingEvent:
    value = text(record, "event", None) or "new"
    if value not in _EVENTS:
        raise BadFieldError("event: neither new, updated nor deleted")
    return _EVENTS[value]


def _amount(price: Object) -> float | None:
    value = present(price, "amount")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFieldError("price.amount: not a number")
    try:
        amount = float(value)
    except OverflowError:
        amount = math.inf
    if not math.isfinite(amount):
        raise BadFieldError("price.amount: too large for a price")
    return amount


def _attributes(record: Object) -> dict[str, str]:
    found = obj(record, "attributes")
    named = {checked(name, None, "attributes"): text(found, name, None, "attributes.") for name in found}
    return {name: value for name, value in named.items() if value is not None}


def _image_urls(record: Object) -> list[str]:
    value = present(record, "image_urls")
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadFieldError("image_urls: not a list")
    urls = [text({"": entry}, "", None, f"image_urls[{i}]") for i, entry in enumerate(value)]
    return list(dict.fromkeys(url for url in urls if url is not None))
