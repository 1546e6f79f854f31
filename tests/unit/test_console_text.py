"""How values read on a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.console import text

NOW = datetime(2026, 3, 29, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (7, "7"), (0.5, "0.5"), (9_999, "9,999"), (12_537, "12.5k"), (1_000_000, "1M"), (3.4e9, "3.4G")],
)
def test_compact_numbers(value: float, shown: str) -> None:
    assert text.compact(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "$0.00"),
        (0.0021, "$0.0021"),
        (0.0000132, "$0.000013"),
        (-0.5, "-$0.5000"),
        (18.4, "$18.40"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money(value: float | None, shown: str) -> None:
    assert text.usd(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "now"), (59, "59 s ago"), (60, "1 min ago"), (7_300, "2 h ago"), (200_000, "2 d ago"), (-90, "in 1 min")],
)
def test_distances_in_time(seconds: int, shown: str) -> None:
    assert text.ago(NOW - timedelta(seconds=seconds), NOW) == shown


def test_what_has_happened_is_told_by_its_distance_where_the_clocks_agree() -> None:
    assert text.since(NOW - timedelta(minutes=5), NOW) == "5 min ago"
    assert text.since(NOW + text.CLOCKS_APART, NOW) == "in 1 min"


def test_what_has_happened_by_another_clock_later_than_now_is_told_by_its_time() -> None:
    assert text.since(NOW + timedelta(hours=6), NOW) == "2026-03-29 21:20"


def test_times_are_shown_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert text.moment(datetime(2026, 3, 29, 17, 20, tzinfo=berlin)) == "2026-03-29 15:20"


def test_a_share_of_nothing_is_no_share() -> None:
    assert text.percent(text.share(0, 0)) == "–"


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=200))
def test_a_payload_that_is_text_is_shown_as_it_is(value: str) -> None:
    if "\ufffd" not in value:
        assert text.payload(value.encode()) == value


@given(st.binary(max_size=600))
def test_any_payload_can_be_shown(value: bytes) -> None:
    assert isinstance(text.payload(value), str)


def test_bytes_are_shown_as_a_hexdump() -> None:
    assert text.payload(b"\x00\x01ABC\xff") == "0000  00 01 41 42 43 ff                                ..ABC."
