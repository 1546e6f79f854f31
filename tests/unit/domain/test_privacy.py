"""Personal data: found where it is, and not in what catalogues are full of."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.privacy import has_personal_data, screened


@pytest.mark.parametrize(
    ("text", "market", "found"),
    [
        ("write to anna.b+x@mail.example.com now", "se", "write to [email] now"),
        ("4111 1111 1111 1111", "us", "[card]"),
        ("3782-822463-10005", "us", "[card]"),
        ("call 070-123 45 67", "se", "call [phone]"),
        ("call +49 30 901820", "default", "call [phone]"),
        ("a@b", "se", "a@b"),
        ("4006381333931", "de", "4006381333931"),
        ("iphone 15 pro 256 gb", "us", "iphone 15 pro 256 gb"),
        ("lego 75192", "de", "lego 75192"),
        ("1920x1080 144hz", "us", "1920x1080 144hz"),
        ("r\u00f6d matta 160x230 cm", "se", "r\u00f6d matta 160x230 cm"),
    ],
)
def test_personal_data_is_replaced_and_the_rest_left(text: str, market: str, found: str) -> None:
    assert screened(text, market) == found
    assert has_personal_data(text, market) is (text != found)


@given(st.text(max_size=60), st.sampled_from(["se", "de", "default"]))
def test_what_has_been_screened_holds_no_more(text: str, market: str) -> None:
    once = screened(text, market)
    assert "@" not in once or not has_personal_data(once, market)


@pytest.mark.parametrize("text", ["1" * 4_096, "a@" * 2_048, "1 " * 2_048, "a." * 2_000 + "@", "+" * 4_096])
def test_no_text_makes_it_slow(text: str) -> None:
    started = time.process_time()
    screened(text, "se")
    assert time.process_time() - started < 1.0
