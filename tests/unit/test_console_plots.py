"""Plots are well-formed SVG inside their frame, whatever the numbers and names."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.console.plots import Column, Point, bar, histogram, line_chart, nice_top, sparkline, stack

NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cn")), max_size=20).filter(
    lambda text: not any(ord(c) in (0xFFFE, 0xFFFF) or 0x7F <= ord(c) < 0xA0 for c in text)
)
SHARES = st.floats(0, 1)
POINTS = st.lists(st.builds(Point, NAMES, st.none() | SHARES, SHARES, SHARES), max_size=40)


def show(value: float) -> str:
    return f"{value:.3g}"


def numbers(svg: str, tag: str, *names: str) -> list[float]:
    tree = ElementTree.fromstring(svg)
    return [float(element.attrib[name]) for element in tree.iter(tag) for name in names]


@given(POINTS, NAMES, st.none() | SHARES)
def test_a_line_chart_is_well_formed_and_named(points: list[Point], name: str, reference: float | None) -> None:
    tree = ElementTree.fromstring(line_chart(points, name, show, reference=reference))
    assert tree.attrib["aria-label"] == name


@given(POINTS)
def test_dots_stay_inside_of_the_frame(points: list[Point]) -> None:
    svg = line_chart(points, "n", show)
    assert all(0 <= x <= 360 for x in numbers(svg, "circle", "cx"))
    assert all(0 <= y <= 170 for y in numbers(svg, "circle", "cy"))


@given(POINTS)
def test_every_value_has_its_dot(points: list[Point]) -> None:
    svg = line_chart(points, "n", show)
    assert len(numbers(svg, "circle", "cx")) == sum(point.value is not None for point in points)


def test_a_missing_value_is_a_gap_in_the_line() -> None:
    points = [Point("a", 0.1), Point("b", 0.2), Point("c", None), Point("d", 0.1), Point("e", 0.3)]
    assert line_chart(points, "n", show).count("<polyline") == 2


def test_a_higher_value_is_drawn_higher() -> None:
    low, high = numbers(line_chart([Point("a", 0.1), Point("b", 0.9)], "n", show), "circle", "cy")
    assert high < low


def test_a_band_needs_both_ends() -> None:
    points = [Point("a", 0.1, 0.0, 0.2), Point("b", 0.2, None, 0.4)]
    assert "polygon" not in line_chart(points, "n", show)


@given(st.lists(st.builds(Column, NAMES, st.floats(0, 1e9)), max_size=40), NAMES)
def test_columns_stand_on_the_base_line(columns: list[Column], name: str) -> None:
    svg = histogram(columns, name, show)
    tops, heights = numbers(svg, "rect", "y"), numbers(svg, "rect", "height")
    assert len(tops) == len(columns)
    assert all(top + height == pytest.approx(148, abs=0.2) for top, height in zip(tops, heights, strict=True))


def test_many_columns_name_only_three() -> None:
    svg = histogram([Column(f"day {n}", n) for n in range(28)], "n", show)
    assert sum(f">day {n}</text>" in svg for n in range(28)) == 3


@given(st.floats(1e-6, 1e12))
def test_the_top_of_an_axis_is_just_above(value: float) -> None:
    assert value <= nice_top(value) * (1 + 1e-6)
    assert nice_top(value) <= 2 * value * (1 + 1e-6)


@given(st.lists(st.none() | SHARES, max_size=30), NAMES)
def test_a_sparkline_is_well_formed_or_nothing(values: list[float | None], name: str) -> None:
    svg = sparkline(values, name)
    if sum(value is not None for value in values) < 2:
        assert svg == ""
    else:
        assert ElementTree.fromstring(svg).attrib["aria-label"] == name


@given(st.floats(-10, 10), st.floats(0, 5))
def test_a_bar_is_never_longer_than_its_rail(value: float, top: float) -> None:
    rail, filled = numbers(bar(value, top, "n"), "rect", "width")
    assert 0 <= filled <= rail


@given(st.lists(st.tuples(st.sampled_from(["good", "bad"]), st.integers(0, 1_000)), min_size=1, max_size=4))
def test_parts_of_a_stack_fill_it(parts: list[tuple[str, int]]) -> None:
    widths = numbers(stack(parts, "n"), "rect", "width")
    assert sum(widths) == pytest.approx(100 if any(value for _, value in parts) else 0, abs=0.1)


def test_names_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    svg = line_chart([Point(hostile, 0.5)], hostile, show) + histogram([Column(hostile, 1)], hostile, show)
    assert "<script" not in svg
