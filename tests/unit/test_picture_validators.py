"""Which validators are used, and to which URL they belong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from core.adapters.picture_validators import MAX_DATE_CHARACTERS, MAX_ETAG_CHARACTERS, same_resource, usable


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.test/x.jpg", "https://a.test/x.jpg", True),
        ("http://a.test:80/x.jpg", "https://a.test:443/x.jpg", True),
        ("http://a.test/x.jpg", "https://b.test/x.jpg", False),
        ("http://a.test/x.jpg", "http://a.test/y.jpg", False),
        ("http://a.test/x.jpg?v=1", "http://a.test/x.jpg?v=2", False),
        ("http://a.test:8080/x.jpg", "http://a.test/x.jpg", False),
    ],
)
def test_validators_belong_to_a_url_whatever_its_scheme(one: str, other: str, same: bool) -> None:
    assert same_resource(URL(one), URL(other)) is same


@given(st.text(), st.text())
def test_what_is_sent_is_short_and_printable(etag: str, date: str) -> None:
    for name, value in usable(etag, date).headers().items():
        assert value.isascii()
        assert value.isprintable()
        assert 0 < len(value) <= (MAX_ETAG_CHARACTERS if name == "If-None-Match" else MAX_DATE_CHARACTERS)


@pytest.mark.parametrize("date", ["Mon, 03 Mar 2025 12:00:00 GMT", "Monday, 03-Mar-25 12:00:00 GMT"])
def test_a_date_in_any_form_of_http_is_kept_as_it_came(date: str) -> None:
    assert usable("", f" {date} ").last_modified == date
