"""Timestamps: what Python 3.11 reads, to the millisecond, rounded down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.timestamps import FIRST_MS, LAST_MS, parse_timestamp, to_datetime, to_milliseconds
from tests.oracle import decoding as oracle
from tests.strategies import timestamp_texts


@given(timestamp_texts)
def test_texts_are_read_as_the_oracle_reads_them(text: str) -> None:
    expected = oracle.milliseconds(text)
    in_range = expected is not None and FIRST_MS <= expected <= LAST_MS
    assert parse_timestamp(text) == (expected if in_range else None)


@given(st.integers(FIRST_MS, LAST_MS))
def test_milliseconds_come_back_as_they_are(milliseconds: int) -> None:
    assert to_milliseconds(to_datetime(milliseconds)) == milliseconds
    assert parse_timestamp(milliseconds) == milliseconds


@given(st.floats(allow_nan=False))
def test_numbers_are_rounded_down(number: float) -> None:
    expected = int(number // 1) if abs(number) < 1e18 else -1
    assert parse_timestamp(number) == (expected if FIRST_MS <= expected <= LAST_MS else None)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2000-01-01", FIRST_MS),
        ("1999-12-31T23:59:59.999999", None),
        ("9999-12-31T23:59:59.999999", LAST_MS),
        ("9999-12-31T23:59:59.999999-00:01", None),
        ("2000-01-01T00:30+01:00", None),
        ("2000-01-01T00:00:00.0009995", FIRST_MS),
        ("20000101T000000Z", FIRST_MS),
        ("2000-W01-1", FIRST_MS + 2 * 86_400_000),
        ("2000-01-01\x0000:00", None),
    ],
)
def test_edges_of_the_readable(text: str, milliseconds: int | None) -> None:
    assert parse_timestamp(text) == milliseconds


def test_any_zone_is_the_same_moment() -> None:
    moment = datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert to_milliseconds(moment) == to_milliseconds(moment.astimezone(timezone(timedelta(hours=-7))))
