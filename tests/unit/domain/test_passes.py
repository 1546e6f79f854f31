"""What a browser carries: read back as it was written, and nothing else is."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.passes import Pass, pass_key, read_pass, written
from tests.support.sample_data import NOW

ISSUED = int(NOW.timestamp())
MADE = Pass("ada", "number", ISSUED, ISSUED + 3_600)
KEY = pass_key("a token", "")
KEYS = [("rita", pass_key("another", "")), ("ada", KEY)]


def test_a_pass_is_read_back_with_the_place_of_its_key() -> None:
    assert read_pass(written(MADE, KEY), NOW, KEYS) == (MADE, 1)


def test_it_ends() -> None:
    text = written(MADE, KEY)
    assert read_pass(text, NOW + timedelta(seconds=3_599), KEYS) is not None
    assert read_pass(text, NOW + timedelta(seconds=3_600), KEYS) is None


def test_one_from_the_future_is_none_of_ours() -> None:
    assert read_pass(written(MADE, KEY), NOW - timedelta(seconds=61), KEYS) is None
    assert read_pass(written(MADE, KEY), NOW - timedelta(seconds=59), KEYS) is not None


def test_it_ends_with_its_token() -> None:
    assert read_pass(written(MADE, KEY), NOW, KEYS[:1]) is None


def test_another_secret_ends_every_pass() -> None:
    assert read_pass(written(MADE, KEY), NOW, [("ada", pass_key("a token", "a secret"))]) is None


def test_a_name_is_not_taken_with_the_key_of_another() -> None:
    text = written(Pass("rita", "number", ISSUED, ISSUED + 3_600), KEY)
    assert read_pass(text, NOW, KEYS) is None


def test_the_token_is_no_part_of_it() -> None:
    content = written(MADE, KEY).partition(".")[0]
    assert b"a token" not in base64.urlsafe_b64decode(content + "==")


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    text = written(MADE, KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([letter for letter in "Ab0-_.=" if letter != text[place]]))
    found = read_pass(text[:place] + other + text[place + 1 :], NOW, KEYS)
    assert found is None or found[0] == MADE  # the last character of base64 has bits that stand for nothing


@given(st.text(max_size=300))
def test_rubbish_is_nobody(text: str) -> None:
    assert read_pass(text, NOW, KEYS) is None


@pytest.mark.parametrize("content", [b"{}", b"[]", b"\xff", b'{"name":"ada"}', b"null"])
def test_a_right_signature_of_something_else_is_nobody(content: bytes) -> None:
    parts = (content, hmac.digest(KEY, content, "sha256"))
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    assert read_pass(text, NOW, KEYS) is None
