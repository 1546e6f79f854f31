"""The short form of `python -m tests.fuzz`."""

from __future__ import annotations

from tests.fuzz.feed import feed

REASONS = {
    "too_large", "no_run", "not_json", "not_an_object", "bad_field", "no_timestamp", "bad_timestamp", "no_identity",
    "unknown_kind", "no_query_id",
}  # fmt: skip


def test_mutated_records_give_panes_and_dead_letters_and_never_a_stop() -> None:
    [*_, tally] = feed(7, 20_000, compare=0.2)
    assert tally.records >= 20_000
    assert tally.searches > 1_000
    assert tally.compared > 1_000
    assert tally.restarts > 0
    assert set(tally.dead) <= REASONS
    assert len(tally.dead) > 6
    assert tally.most_open < 3_000
