"""Tables of any width on a terminal of any width: no word is broken, nothing is left out."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.tables import fitted, print_tables, row_by_row, table

STREAMS = table("Streams", ("topic", "partition", "why"), [("search-log-replay", 0, "flood of records"), ("x", 1, "")])
WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=12)
ROWS = st.lists(st.tuples(*[st.lists(WORDS, min_size=1, max_size=4).map(" ".join)] * 3), min_size=1, max_size=5)


@given(ROWS, st.integers(30, 120))
def test_a_table_that_fits_breaks_no_word_and_stays_inside(rows: list[tuple[str, str, str]], width: int) -> None:
    made = table("Title", ("one", "two", "three"), rows)
    if fitted(made, width):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(made)
        printed = console.export_text()
        assert max(map(len, printed.splitlines())) <= width
        assert {word for row in rows for cell in row for word in cell.split()} <= set(printed.split())


def test_a_table_whose_longest_words_do_not_fit_is_told_row_by_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "36")
    print_tables(STREAMS)
    assert capsys.readouterr().out.splitlines() == [
        "Streams",
        "- topic search-log-replay, partition",
        "  0, why flood of records",
        "- topic x, partition 1",
    ]


def test_no_rows_are_told_as_none() -> None:
    assert row_by_row(table("Batches", ("id",), []), 80) == "Batches\n- none"
