"""What the demo says of pictures: the newest week of buyers, one line on the student, alerts in words."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime

from rich.console import Console

from core.picture_models import Distribution, PictureFilter, PictureReport
from core.picture_watch_models import (
    BuyerAgreement,
    BuyerFilter,
    BuyerReport,
    PictureAlertView,
    StudentDay,
    StudentReport,
    StudentView,
)
from demo.summary_pictures import Agreed, agreed, newest, picture_summary, student_told

DAY = date(2026, 3, 8)
AT = datetime(2026, 3, 9, 3, tzinfo=UTC)
WEEK = BuyerAgreement(
    "shop", "de", DAY, "", "llm", "click", 287, 33_000, 0.16, 0.01, 0.31, 0.058, 0.028, 0.095, "moved", ""
)
LIVE = StudentView(
    "demo@1", "demo", "pixels-1", "j@1", AT, "demo", 421, 122, 0.94, 0.9, 0.96, 0.9, 0.0, 0.9, 0.7, 0.5, 9, True, {}
)
LABELLED = StudentDay(DAY, "demo@1", "random", 3, None, None, 1.0, 2)
ALERT = PictureAlertView("a", "student", {"student": "demo@1"}, "mean_bias", 0.1, -1.6, AT, {})


class Told:
    """The reads that the summary asks."""

    wanted: PictureFilter | None = None

    async def report(self, wanted: PictureFilter) -> PictureReport:
        self.wanted = wanted
        return PictureReport(wanted, Distribution([0] * 10), {}, {}, [], 0, [], [], [], [], [], [])

    async def buyers(self, wanted: BuyerFilter) -> BuyerReport:
        return BuyerReport(wanted, [WEEK], [], [], ["shop"], ["de"])

    async def students(self, days: int, market: str) -> StudentReport:
        return StudentReport(days, market, [LIVE], [], [LABELLED], {}, 0, [], [])

    async def alerts(self) -> list[PictureAlertView]:
        return [ALERT]


async def shown(reads: Told) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200)
    for each in await picture_summary(reads):  # type: ignore[arg-type]
        console.print(each)
    return out.getvalue()


async def test_best_and_worst_are_the_judge_s() -> None:
    reads = Told()
    await shown(reads)
    assert reads.wanted is not None
    assert reads.wanted.tier == "llm"


async def test_buyers_the_student_and_alerts_are_told_in_words() -> None:
    text = await shown(Told())
    assert "Clicks of the week to 2026-03-08" in text
    assert "+5.8% (+2.8% to +9.5%)" in text
    assert "67% are within a point" in text
    assert "student and judge agree less than before: one of the two has changed its ways" in text


def test_only_the_newest_day_counts_and_only_tiers_with_listings() -> None:
    rows = [replace(WEEK, day=date(2026, 3, 7)), replace(WEEK, market="us"), WEEK, replace(WEEK, listings=0)]
    assert [(row.market, row.day) for row in newest(rows)] == [("de", DAY), ("us", DAY)]


def test_agreement_of_days_is_weighed_by_their_pictures() -> None:
    days = [LABELLED, replace(LABELLED, pictures=1, mean_bias=-1.0, within_one=1), replace(LABELLED, version="old@1")]
    assert agreed(days, "demo@1") == Agreed(4, 0.75, 0.5)


def test_a_student_whose_pictures_nobody_looked_at_says_so() -> None:
    assert agreed([], "demo@1") is None
    assert student_told(LIVE, []).endswith("the judge has looked at none of its pictures yet")
