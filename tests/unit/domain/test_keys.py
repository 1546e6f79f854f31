"""The key of a sent line: the identity that reading it finds, and never a failure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from core.domain.keys import is_bulk_action, key_of
from core.domain.listings import ListingRecord, decode_listing
from core.domain.search_log import SearchLogRecord, decode_search_log
from tests.strategies import NOW_MS, listing_values, search_log_values


@settings(max_examples=300)
@given(search_log_values)
def test_a_usable_records_key_is_its_identity(value: bytes) -> None:
    key = key_of("search-log", value)
    found = decode_search_log(value, NOW_MS)
    assert not isinstance(found, SearchLogRecord) or key == found.identity.encode()


@settings(max_examples=200)
@given(listing_values)
def test_a_usable_listings_key_is_its_id(value: bytes) -> None:
    key = key_of("listings", value)
    found = decode_listing(value, NOW_MS)
    assert not isinstance(found, ListingRecord) or key == found.listing_id.encode()


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"1", b'{"client_id":1.5}', b'{"client_id":true}', b"[" * 100_000, b"\xff"]
)
def test_a_line_without_an_identity_has_no_key(value: bytes) -> None:
    assert key_of("search-log", value) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"index":{}}', True),
        (b' {"create": {"_id": "1"}}', True),
        (b'{"update":{"_index":"ubi"}}', True),
        (b'{"index":1}', False),
        (b'{"index":{},"x":1}', False),
        (b'{"client_id":{}}', False),
        (b"{", False),
        (b"[]", False),
        (b"", False),
    ],
)
def test_action_lines_of_bulk_files_are_known(line: bytes, expected: bool) -> None:
    assert is_bulk_action(line) is expected
