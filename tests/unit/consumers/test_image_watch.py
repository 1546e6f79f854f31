"""The process `image-watch`: every watch looks once at each day, and none is in another's way."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from consumers.image_watch import NightLook, day_of
from core.domain.events import event_id
from core.errors import RetryLater, StopProcess
from core.image_ports import ImageAlert
from core.telemetry import Metrics
from tests.support.fake_image_alerts import FakeImageAlerts, FakeImageWatchDays
from tests.support.fakes import FakeClock

TWO = datetime(2026, 3, 3, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)


class Watch:
    def __init__(self, *, is_away: bool = False, fails: Exception | None = None) -> None:
        self.is_away = is_away
        self.fails = fails
        self.days: list[date] = []
        self.tries = 0

    async def look(self, day: date) -> list[ImageAlert]:
        self.tries += 1
        if self.is_away:
            raise RetryLater("Kafka is not there")
        if self.fails is not None:
            raise self.fails
        self.days.append(day)
        return [ImageAlert(event_id(f"{day}"), "flags", {}, "ai_made_share", 0.1, 0.3, TWO, {})]


def night(clock: FakeClock, **watches: Watch) -> tuple[NightLook, FakeImageAlerts, Metrics]:
    alerts, metrics = FakeImageAlerts(), Metrics()
    return NightLook(watches, alerts, FakeImageWatchDays(), clock, 2, metrics), alerts, metrics


def test_the_day_looked_at_is_the_last_that_was_over_when_the_hour_came() -> None:
    assert day_of(TWO, 2) == DAY
    assert day_of(datetime(2026, 3, 3, 1, 59, tzinfo=UTC), 2) == date(2026, 3, 1)
    assert day_of(datetime(2026, 3, 3, 23, 59, tzinfo=UTC), 2) == DAY
    assert day_of(datetime(2026, 3, 3, tzinfo=UTC), 0) == DAY


async def test_each_watch_looks_at_a_day_once_and_its_alerts_are_kept_and_counted() -> None:
    watch = Watch()
    look, alerts, metrics = night(FakeClock(TWO), flags=watch)
    assert [await look.take(), await look.take()] == [1, 0]
    assert watch.days == [DAY]
    assert len(alerts.kept) == 1
    assert 'assay_image_alerts_total{kind="flags"} 1.0' in metrics.text().decode()


async def test_a_watch_that_cannot_look_leaves_what_others_found_and_is_asked_again() -> None:
    first, away = Watch(), Watch(is_away=True)
    look, alerts, _ = night(FakeClock(TWO), flags=first, buyers=away)
    with pytest.raises(RetryLater):
        await look.take()
    assert len(alerts.kept) == 1
    away.is_away = False
    assert await look.take() == 1
    assert (first.days, away.days) == ([DAY], [DAY])


async def test_a_watch_with_a_defect_is_counted_tried_again_hourly_and_in_nobodys_way() -> None:
    clock = FakeClock(TWO)
    broken, last = Watch(fails=ValueError("a figure that is none")), Watch()
    look, alerts, metrics = night(clock, student=broken, flags=last)
    assert await look.take() == 1
    clock.advance(59 * 60)
    assert (await look.take(), broken.tries) == (0, 1)
    clock.advance(60)
    assert (await look.take(), broken.tries) == (0, 2)
    assert (last.days, len(alerts.kept)) == ([DAY], 1)
    assert 'assay_image_watch_failures_total{watch="student"} 2.0' in metrics.text().decode()
    broken.fails = None
    clock.advance(3600)
    assert await look.take() == 1


async def test_before_any_failure_its_count_is_there_so_that_the_first_is_seen() -> None:
    _, _, metrics = night(FakeClock(TWO), student=Watch())
    assert 'assay_image_watch_failures_total{watch="student"} 0.0' in metrics.text().decode()


async def test_a_defect_in_one_watch_does_not_hide_that_another_waits() -> None:
    look, _, metrics = night(FakeClock(TWO), student=Watch(fails=ValueError("none")), buyers=Watch(is_away=True))
    with pytest.raises(RetryLater):
        await look.take()
    assert 'assay_image_watch_failures_total{watch="student"} 1.0' in metrics.text().decode()


async def test_what_says_that_going_on_loses_data_still_ends_the_process() -> None:
    look, _, _ = night(FakeClock(TWO), student=Watch(fails=StopProcess("a schema of tomorrow")))
    with pytest.raises(StopProcess):
        await look.take()


async def test_an_alert_found_by_hand_is_told_by_the_process() -> None:
    clock = FakeClock(TWO)
    look, alerts, metrics = night(clock)
    await alerts.save([ImageAlert(event_id("by hand"), "buyers", {}, "lift", 0.1, 0.3, TWO, {})])
    clock.advance(300)
    await look.take()
    assert metrics.registry.get_sample_value("assay_image_alert_seconds", {"kind": "buyers"}) == TWO.timestamp()


async def test_a_look_by_hand_looks_also_where_the_night_has_looked() -> None:
    watch = Watch()
    look, alerts, metrics = night(FakeClock(TWO), flags=watch)
    await look.take()
    assert len(await look.all()) == 1
    assert watch.days == [DAY, DAY]
    assert len(alerts.kept) == 1
    assert 'assay_image_alerts_total{kind="flags"} 1.0' in metrics.text().decode()
