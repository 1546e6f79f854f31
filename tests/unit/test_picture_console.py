"""Reasons in words, plots of figures below zero, and which scores are looked at for the worst and best."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.reads_pictures import needed
from core.console.picture_plots import about, alerts_of, buyer_charts, multiples, student_charts
from core.console.picture_reasons import EXPLAINED, explained
from core.console.plots import Column, Point, histogram, line_chart
from core.domain.failures import CRASHED, NO_DATABASE, POLICIES, STOPPED
from core.picture_models import Distribution, PictureOrder, SegmentScores
from core.picture_watch_models import BuyerAgreement, PictureAlertView, StudentDay
from tests.unit.test_picture_failures import documented, raised

COUNTS = st.lists(st.integers(0, 30), min_size=10, max_size=10).map(Distribution)
TODAY = date(2026, 3, 29)


def row(age: int, correlation: float | None = 0.3, market: str = "us") -> BuyerAgreement:
    around = (None, None) if correlation is None else (correlation - 0.1, correlation + 0.1)
    figures = ("", "llm", "click", 900, 9_000, correlation, *around, 0.06, 0.04, 0.08)
    return BuyerAgreement("shop", market, TODAY - timedelta(days=age), *figures, "method", "")


def alert(segment: dict[str, str], evidence: dict[str, str] | None = None) -> PictureAlertView:
    at = datetime(2026, 3, 28, 3, tzinfo=UTC)
    return PictureAlertView("id", "buyers", segment, "correlation", 0.3, 0.1, at, evidence or {})


def test_every_reason_that_a_picture_may_carry_is_told_in_words() -> None:
    kinds = {kind for kind, _ in raised()} | set(documented()) | set(POLICIES) | {CRASHED, STOPPED, NO_DATABASE}
    assert kinds - set(EXPLAINED) == set()


def test_a_reason_that_nobody_knows_says_its_own_name() -> None:
    assert explained("brand_new").what == "brand new"


@given(COUNTS, st.sampled_from(["worst", "best"]), st.integers(1, 50))
def test_scores_that_are_looked_at_make_up_so_many_pictures_or_all(
    of: Distribution, order: PictureOrder, most: int
) -> None:
    scores = needed(of, order, most)
    assert sum(of.counts[score - 1] for score in scores) >= min(most, of.pictures)
    assert scores == sorted(scores, reverse=order == "best")
    assert all(of.counts[score - 1] for score in scores)


@given(COUNTS)
def test_the_mean_of_a_distribution_is_that_of_its_pictures(of: Distribution) -> None:
    scores = [score for score, count in enumerate(of.counts, start=1) for _ in range(count)]
    assert of.mean == (pytest.approx(sum(scores) / len(scores)) if scores else None)
    assert of.bad == sum(score <= 4 for score in scores)


def dots(svg: str) -> list[float]:
    return [float(each.attrib["cy"]) for each in ElementTree.fromstring(svg).iter("circle")]


def test_zero_is_the_middle_of_signed_figures_some_of_which_are_below_it() -> None:
    svg = line_chart([Point("a", -0.5), Point("b", 0.0), Point("c", 0.5)], "n", str, signed=True)
    low, middle, high = dots(svg)
    assert low > middle > high
    assert middle == pytest.approx((low + high) / 2, abs=0.2)


def test_signed_figures_above_zero_begin_at_it() -> None:
    points = [Point("a", 0.1), Point("b", 0.4)]
    assert line_chart(points, "n", str, signed=True) == line_chart(points, "n", str)


def test_plots_of_one_scale_have_one_axis() -> None:
    svg = histogram([Column("1", 0.2)], "n", str, top=1.0)
    assert "1.0" in svg
    segments = [SegmentScores("us", str(n), Distribution([n, 1, *[0] * 8])) for n in (1, 9)]
    assert all("100" in plot for _, plot in multiples(segments))


def test_only_the_largest_segments_are_drawn() -> None:
    assert len(multiples([SegmentScores("us", str(n), Distribution([1] * 10)) for n in range(40)])) == 12
    assert multiples([]) == []


def test_an_alert_is_of_the_lines_that_its_segment_names() -> None:
    assert alerts_of(row(1), [alert({"market": "us", "tier": "all"})])
    assert not alerts_of(row(1), [alert({"market": "de"})])


@pytest.mark.parametrize(
    ("evidence", "day"),
    [({"day": "2026-03-20"}, date(2026, 3, 20)), ({}, date(2026, 3, 27)), ({"day": "soon"}, date(2026, 3, 27))],
)
def test_an_alert_is_about_the_day_it_names_or_the_last_that_was_over(evidence: dict[str, str], day: date) -> None:
    assert about(alert({}, evidence)) == day


def test_a_line_of_each_segment_has_its_gaps_and_its_alert() -> None:
    rows = [row(9), row(2), row(1, None), row(3, market="de")]
    charts = buyer_charts(rows, [alert({"market": "us"})])
    assert [line[0].market for line, _ in charts] == ["us", "de"]
    assert len(dots(charts[0][1])) == 2
    assert 'class="mark"' in charts[0][1]
    assert 'class="mark"' not in charts[1][1]


def test_a_rank_correlation_of_few_labels_is_not_drawn() -> None:
    few = StudentDay(TODAY, "student@1", "random", 9, 0.9, 0.8, 0.1, 7)
    many = StudentDay(TODAY, "student@1", "unsure", 10, 0.9, 0.8, 0.1, 7)
    names = [name for name, _ in student_charts([few, many])]
    assert names == [
        "Within one point, chosen at random",
        "Rank correlation, the student was least sure of",
        "Within one point, the student was least sure of",
    ]
