"""Decoding of listings: equal to the plain oracle on anything."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import event, given, settings

from core.domain.fields import Unusable
from core.domain.listings import ListingRecord, decode_listing
from tests.oracle import listings as oracle
from tests.oracle.decoding import Dead
from tests.strategies import NOW_MS, kafka_times, listing_values

LISTING = {"listing_id": "l1", "title": "A lamp", "timestamp": NOW_MS}


@settings(max_examples=300)
@given(listing_values, kafka_times)
def test_decoding_equals_the_plain_oracle(value: bytes, kafka_ts: int) -> None:
    expected = oracle.decode_listing(value, kafka_ts)
    found = decode_listing(value, kafka_ts)
    if isinstance(expected, oracle.ListingRecord) and math.isinf(expected.price_amount or 0.0):
        assert isinstance(found, Unusable)  # the contract does not say: what no float64 holds is no price
        return
    event(expected.reason if isinstance(expected, Dead) else "usable")
    if isinstance(expected, Dead):
        assert isinstance(found, Unusable), (expected, found)
        # A price no float64 holds is a bad field, and that comes before the timestamp and what is missing.
        assert found.reason == expected.reason or found.detail == "price.amount: too large for a price"
        assert "\0" not in found.detail
        return
    assert isinstance(found, ListingRecord), (expected, found)
    told = (found.listing_id, found.timestamp, found.event, found.language, found.description, found.brand)
    assert told == (
        expected.listing_id,
        expected.at,
        expected.event,
        expected.language,
        expected.description,
        expected.brand,
    )
    assert (found.market, found.title) == (expected.market or "default", expected.title or "")
    assert (found.category, found.price_amount) == (expected.category, expected.price_amount)
    assert found.price_currency == expected.price_currency
    assert tuple(sorted(found.attributes.items())) == tuple(sorted(expected.attributes))
    assert found.image_urls == list(dict.fromkeys(expected.image_urls))


def decoded(**changes: object) -> ListingRecord:
    found = decode_listing(json.dumps({**LISTING, **changes}).encode(), NOW_MS)
    assert isinstance(found, ListingRecord)
    return found


@pytest.mark.parametrize("change", [{"title": "A sofa"}, {"price": {"amount": 1}}, {"attributes": {"a": "b"}}])
def test_what_a_judge_could_read_changes_the_content_hash(change: dict[str, object]) -> None:
    assert decoded(**change).content_hash != decoded().content_hash


@pytest.mark.parametrize(
    "change", [{"timestamp": NOW_MS - 1}, {"image_urls": ["u"]}, {"unread": 1}, {"event": "updated"}]
)
def test_what_no_judge_reads_leaves_the_content_hash(change: dict[str, object]) -> None:
    assert decoded(**change).content_hash == decoded().content_hash


def test_the_order_of_attributes_leaves_the_content_hash() -> None:
    one, other = decoded(attributes={"a": "1", "b": "2"}), decoded(attributes={"b": "2", "a": "1"})
    assert one.content_hash == other.content_hash


def test_a_deleted_listing_needs_no_title() -> None:
    assert decoded(event="deleted", title=None).title == ""
