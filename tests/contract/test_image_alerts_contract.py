"""Alerts about picture scores: each raised once, found by time; the fake and the real one alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.adapters.image_alerts import PostgresImageAlerts, PostgresImageWatchDays
from core.domain.events import event_id
from core.image_ports import ImageAlert, ImageAlerts, ImageWatchDays
from tests.support.fake_image_alerts import FakeImageAlerts, FakeImageWatchDays
from tests.support.sample_data import NOW

DAY = date(2026, 3, 2)
FELL = ImageAlert(
    event_id("image-alert/buyers/us/2026-03-02"),
    "buyers",
    {"market": "us", "tier": "llm"},
    "lift_per_point",
    0.08,
    0.01,
    NOW,
    {"listings": 420, "note": "köln"},
)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.postgres)])
def alerts(request: pytest.FixtureRequest) -> ImageAlerts:
    return FakeImageAlerts() if request.param == "fake" else PostgresImageAlerts(request.getfixturevalue("pool"))


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.postgres)])
def days(request: pytest.FixtureRequest) -> ImageWatchDays:
    if request.param == "fake":
        return FakeImageWatchDays()
    return PostgresImageWatchDays(request.getfixturevalue("pool"))


async def test_an_alert_is_read_as_it_was_kept(alerts: ImageAlerts) -> None:
    assert await alerts.save([FELL]) == 1
    assert await alerts.since(NOW) == [FELL]


async def test_an_alert_raised_again_stays_as_it_was_raised_first(alerts: ImageAlerts) -> None:
    await alerts.save([FELL])
    assert await alerts.save([replace(FELL, after=0.5)]) == 0
    assert await alerts.since(NOW) == [FELL]


async def test_the_same_alert_twice_in_one_save_is_one(alerts: ImageAlerts) -> None:
    assert await alerts.save([FELL, FELL]) == 1


async def test_no_alert_saves_nothing(alerts: ImageAlerts) -> None:
    assert await alerts.save([]) == 0


async def test_alerts_come_newest_first_from_a_moment_on(alerts: ImageAlerts) -> None:
    later = replace(FELL, alert_id=event_id("later"), kind="flags", detected_at=NOW + timedelta(hours=1))
    older = replace(FELL, alert_id=event_id("older"), kind="student", detected_at=NOW - timedelta(hours=1))
    await alerts.save([older, FELL, later])
    assert [each.kind for each in await alerts.since(NOW)] == ["flags", "buyers"]


async def test_the_newest_day_of_a_watch_is_told_and_no_others(days: ImageWatchDays) -> None:
    assert await days.last("buyers") is None
    await days.looked("buyers", DAY, NOW)
    await days.looked("buyers", DAY - timedelta(days=1), NOW)
    await days.looked("student", DAY + timedelta(days=1), NOW)
    assert await days.last("buyers") == DAY


async def test_a_day_looked_at_again_is_no_error(days: ImageWatchDays) -> None:
    await days.looked("buyers", DAY, NOW)
    await days.looked("buyers", DAY, NOW + timedelta(hours=1))
    assert await days.last("buyers") == DAY
