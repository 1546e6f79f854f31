"""Intervals drawn beside one another."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from core.console.eval_plots import EDGE, WIDTH, Mark, ends_of, even_ends, whiskers

FIGURES = st.floats(-5, 5)


@given(st.lists(st.tuples(FIGURES, st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=6))
def test_every_mark_lies_inside_of_the_plot(figures: list[tuple[float, float, float]]) -> None:
    marks = [Mark(str(n), value, value - below, value + above) for n, (value, below, above) in enumerate(figures)]
    svg = whiskers(marks, ends_of(marks, (0.0, 1.0)), "x")
    places = [float(each) for each in re.findall(r'(?:x1|x2|cx)="([-\d.]+)"', svg)]
    assert all(EDGE <= place <= WIDTH - EDGE for place in places)


@given(st.lists(FIGURES, max_size=6))
def test_zero_is_the_middle_of_an_even_axis(figures: list[float]) -> None:
    low, high = even_ends([Mark("x", value) for value in figures], 0.02)
    assert low == -high
    assert high >= 0.02


def test_what_is_not_defined_is_not_drawn() -> None:
    assert whiskers([Mark("a", None)], (0.0, 1.0), "x") == ""
    assert whiskers([Mark("a", None), Mark("b", 0.5)], (0.0, 1.0), "x").count("<circle") == 1


def test_a_figure_without_an_interval_is_a_dot() -> None:
    svg = whiskers([Mark("a", 0.5)], (0.0, 1.0), "x")
    assert "range" not in svg
    assert "a: 0.500" in svg


def test_names_are_escaped() -> None:
    assert "<b>" not in whiskers([Mark("<b>", 0.5, 0.4, 0.6, "good")], (0.0, 1.0), "<b>")
