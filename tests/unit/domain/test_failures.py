"""The table of failures: bounds of every pause, an end to every kind that counts, and its place in the documents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.failures import (
    BACKOFF_CAP_S,
    LONGEST_PAUSE_S,
    OUTAGE_TRIES,
    POLICIES,
    WAKE_SPREAD_CAP_S,
    Final,
    PutOff,
    backoff_s,
    next_try,
    policy,
    products_together,
)

NOW = datetime(2025, 3, 3, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "failures.md"


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_backoff_is_bounded_and_grows_with_the_attempt(attempt: int, jitter: float) -> None:
    assert 0 <= backoff_s(attempt, jitter) <= backoff_s(attempt + 1, jitter) <= BACKOFF_CAP_S


@given(st.sampled_from(sorted(POLICIES)), st.integers(1, 500), st.integers(1, 50), st.floats(0, 1))
def test_no_pause_is_negative_or_longer_than_a_day(kind: str, failures: int, attempts: int, jitter: float) -> None:
    for ordered in (None, -5.0, 0.0, 1e12):
        again = next_try(policy(kind), failures, attempts, ordered, NOW, jitter)
        if again is not None:
            assert 0 <= (again.at - NOW).total_seconds() <= LONGEST_PAUSE_S + WAKE_SPREAD_CAP_S


@given(st.sampled_from(sorted(POLICIES)), st.integers(1, 50), st.floats(0, 1))
def test_what_counts_comes_to_an_end_and_what_is_given_back_never_does(kind: str, attempts: int, jitter: float) -> None:
    last = next_try(policy(kind), attempts + OUTAGE_TRIES, attempts, None, NOW, jitter)
    assert (last is not None) == isinstance(policy(kind), PutOff)
    assert last is None or not last.counts


def test_an_ordered_pause_is_kept_in_full_beside_the_backoff() -> None:
    again = next_try(policy("some_picture_kind"), 1, 5, 40.0, NOW, jitter=0.0)
    assert again is not None
    assert (again.at - NOW).total_seconds() == 40.0


def test_a_kind_that_nobody_named_is_tried_and_ends() -> None:
    assert policy("never heard of") == policy("invalid_reply")


@pytest.mark.parametrize(("doubts", "together"), [(0, 20), (1, 20), (2, 5), (3, 1), (9, 1)])
def test_products_of_doubtful_replies_go_together_once_more_then_fewer_then_alone(doubts: int, together: int) -> None:
    assert products_together(20, doubts) == together


@given(st.integers(1, 20), st.integers(0, 10))
def test_there_is_always_a_product_in_a_call(most: int, doubts: int) -> None:
    assert 1 <= products_together(most, doubts) <= most


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_every_kind_has_its_row_in_the_document(kind: str) -> None:
    (row,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{kind}` |")]
    ends = "`failed`" in row
    assert ends == (not isinstance(policy(kind), PutOff))
    assert ("at once" in row) == isinstance(policy(kind), Final)
