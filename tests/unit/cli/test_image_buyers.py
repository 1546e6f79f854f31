"""`assay image-score buyers` and `watch`: the days asked for, and what a person is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from cli.buyers_tables import PLOT_WIDTH, plot
from cli.image_buyers import Found, of_market, report, tables, wanted
from cli.image_watch import alerts_table
from core.buyer_ports import AgreementRow, BuyerDay
from core.domain.events import event_id
from core.domain.images.buyers.propensities import Curve
from core.errors import UsageError
from core.image_ports import ImageAlert

NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)
FIGURES = (0.5, 0.0, 1.0, 0.4, 0.08, 0.02, 0.14)
ROW = AgreementRow(DAY, 7, "shop", "us", "", "llm", "main", "click", 40, 900, *FIGURES, "harvested", "")
NONE = replace(
    ROW, category="lamps", correlation=None, low=None, high=None, kendall=None, lift_per_point=None, note="9 listings"
)
FOUND = Found(
    [BuyerDay(DAY, NOW, False, 12, 120, 0, 1, "0.5 of the shoppers")],
    [ROW, replace(ROW, days=1), NONE],
    [(("shop", "us"), Curve(np.array([1.0, 0.5]), np.array([90, 40]), "harvested"))],
)


def cells(title: str) -> list[list[str]]:
    [made] = [each for each in tables(FOUND) if str(each.title).startswith(title)]
    return [[str(cell) for cell in row] for row in zip(*(column.cells for column in made.columns), strict=True)]


def test_days_are_the_last_whole_ones() -> None:
    assert wanted(2, None, None, NOW) == [date(2026, 3, 1), DAY]


def test_days_are_those_between_two() -> None:
    assert wanted(7, "2026-02-28", "2026-03-01", NOW) == [date(2026, 2, 28), date(2026, 3, 1)]


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2026-03-01", None, "go together"),
        ("2026-03-02", "2026-03-01", "is after"),
        ("2026-03-01", "2026-03-04", "has not begun"),
        ("2020-03-01", "2026-03-01", "at most 400"),
        ("yesterday", "2026-03-01", "is no day"),
    ],
)
def test_days_that_make_no_sense_are_refused_with_what_is_wrong(start: str, end: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        wanted(7, start, end, NOW)


def test_a_market_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert of_market(FOUND, "us") == FOUND
    with pytest.raises(UsageError, match="there are: us"):
        of_market(FOUND, "de")


def test_the_plot_has_the_value_in_its_interval_and_zero_in_the_middle() -> None:
    drawn = plot(ROW)
    assert (drawn.index("o"), drawn.index("-"), len(drawn)) == (30, 20, PLOT_WIDTH)
    assert plot(replace(ROW, low=0.4))[PLOT_WIDTH // 2] == "|"
    assert plot(NONE) == ""


def test_figures_have_their_intervals_and_what_was_too_little_its_reason() -> None:
    assert "+0.50 (+0.00 to +1.00)" in cells("Agreement")[0]
    assert "+8.0% (+2.0% to +14.0%)" in cells("Agreement")[0]
    assert cells("By category")[0][1:] == ["lamps", "llm", "40", "", "", "", "9 listings"]


def test_a_half_day_and_what_bounded_it_are_said() -> None:
    assert cells("Days read")[0][-1] == "a half day; 0.5 of the shoppers"


def test_json_has_every_row_day_and_place() -> None:
    said = report(FOUND)
    assert said["agreement"] == FOUND.rows
    assert said["propensities"] == [
        {"application": "shop", "market": "us", "method": "harvested", "propensity": [1.0, 0.5], "clicks": [90, 40]}
    ]


def test_nothing_read_yet_is_empty_tables() -> None:
    assert [made.row_count for made in tables(Found([], [], []))] == [0, 0, 0, 0, 0]


def test_an_alert_is_told_with_its_segment_and_evidence() -> None:
    alert = ImageAlert(event_id("x"), "buyers", {"market": "us"}, "lift_per_point", 0.08, 0.01, NOW, {"days": 7})
    made = alerts_table([alert])
    row = [str(next(iter(column.cells))) for column in made.columns]
    assert row == ["buyers", "market us", "lift_per_point", "0.08", "0.01", "days 7"]
