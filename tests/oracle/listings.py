"""CONTRACT 2, records of `listings`, written from its text alone."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.decoding import Dead, Fields, read_object, timestamp
from tests.oracle.strict import Number


@dataclass(frozen=True)
class ListingRecord:
    """What is read of a usable listing record."""

    at: int
    listing_id: str
    event: str
    market: str | None
    language: str | None
    title: str | None
    description: str | None
    brand: str | None
    category: str | None
    price_amount: float | None
    price_currency: str | None
    attributes: tuple[tuple[str, str], ...]
    image_urls: tuple[str, ...]


def decode_listing(value: bytes | None, kafka_ts: int) -> ListingRecord | Dead:
    """A usable record of `listings`, or why it is none.

    The text gives no limits for title, description, brand, category, currency, names, values and URLs: none here.
    An amount that no float64 holds is a number, so JSON, and what becomes of it is not said.
    """
    found = read_object(value)
    if isinstance(found, Dead):
        return found
    fields = Fields(found)
    listing_id = fields.id("listing_id")
    event = fields.text("event", None) or "new"
    if event not in ("new", "updated", "deleted"):
        fields.bad.add("event")
    texts = {name: fields.text(name, None) for name in ("title", "description", "brand", "category", "price.currency")}
    places = {name: fields.text(name, 100) for name in ("market", "language")}
    amount = fields.at("price.amount")
    if amount is not None and not isinstance(amount, Number):
        fields.bad.add("price.amount")
    attributes = fields.at("attributes")
    urls = fields.at("image_urls")
    _check_attributes(fields, attributes)
    _check_urls(fields, urls)
    if fields.bad:
        return Dead("bad_field", frozenset(fields.bad))
    at = timestamp(found.get("timestamp"), kafka_ts)
    if isinstance(at, Dead):
        return at
    if listing_id is None:
        return Dead("no_listing_id")
    if texts["title"] is None and event != "deleted":
        return Dead("no_title")
    return ListingRecord(
        at=at,
        listing_id=listing_id,
        event=event,
        market=places["market"],
        language=places["language"],
        title=texts["title"],
        description=texts["description"],
        brand=texts["brand"],
        category=texts["category"],
        price_amount=float(amount.text) if isinstance(amount, Number) else None,
        price_currency=texts["price.currency"],
        attributes=tuple((k, v) for k, v in attributes.items() if v) if isinstance(attributes, dict) else (),
        image_urls=tuple(u for u in urls if isinstance(u, str) and u) if isinstance(urls, list) else (),
    )


def _check_attributes(fields: Fields, attributes: object) -> None:
    if attributes is None:
        return
    if not isinstance(attributes, dict):
        fields.bad.add("attributes")
        return
    for name, value in attributes.items():
        if "\0" in name or (value is not None and (not isinstance(value, str) or "\0" in value)):
            fields.bad.add("attributes")


def _check_urls(fields: Fields, urls: object) -> None:
    if urls is None:
        return
    if not isinstance(urls, list):
        fields.bad.add("image_urls")
        return
    for url in urls:
        if url is not None and (not isinstance(url, str) or "\0" in url):
            fields.bad.add("image_urls")
