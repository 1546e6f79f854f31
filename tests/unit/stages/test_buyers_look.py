"""The daily look: a day is read and weighed, and what fell is said once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from core.buyer_ports import AgreementRow, LogDays, Scored
from core.domain.images.buyers.days import WEEK
from core.domain.images.buyers.exposures import CLICK, Bounds, DaySums
from core.errors import RetryLater
from core.settings import Settings
from core.stages.buyers_gauges import BuyersGauges
from core.stages.buyers_look import BASELINE, FEWEST_BEFORE, BuyersLook, Pace
from core.telemetry import Metrics
from tests.support.fake_buyers import FakeBuyers, FakeExposureLog, Shelf
from tests.support.fake_image_alerts import FakeImageAlerts
from tests.support.fakes import FakeClock

DAY = date(2026, 3, 2)
FIRST = DAY - timedelta(days=BASELINE + WEEK - 1)
US = ("shop", "us")
LISTINGS = 80
SEARCHES = 25
PACE = replace(Pace.of(Settings(_env_file=None)), replicates=100)


def at(day: date, hour: int = 2) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def score(number: int) -> int:
    return number % 9 + 2


def searches(day: date, lift: float, bounds: Bounds = PACE.bounds) -> DaySums:
    """Pages of 10 listings drawn anew each time, clicked by place and by picture."""
    rng, sums = np.random.default_rng(day.toordinal()), DaySums()
    for _ in range(SEARCHES * 8):
        shown = rng.permutation(LISTINGS)[:10]
        chance = 0.5 * np.arange(1, 11) ** -0.7 * np.array([1 - lift * (11 - score(n)) / 9 for n in shown])
        clicked = rng.random(10) < chance
        done = {f"L{n}": CLICK for n, took in zip(shown, clicked, strict=True) if took}
        sums.count(US, int(rng.integers(5)), {f"L{n}": place for place, n in enumerate(shown, 1)}, done, bounds)
    return sums


class Shop:
    """Five weeks of a market; from `changed` on nobody minds pictures."""

    def __init__(self, changed: date | None = None) -> None:
        days = [FIRST + timedelta(days=each) for each in range(BASELINE + WEEK)]
        self.log = FakeExposureLog(
            {day: searches(day, 0.0 if changed is not None and day >= changed else 0.8) for day in days}
        )
        self.buyers, self.alerts, self.metrics = FakeBuyers(), FakeImageAlerts(), Metrics()
        self.buyers.catalogue = {f"L{n}": Shelf("lamps" if n % 2 else "desks", float(n)) for n in range(LISTINGS)}
        self.buyers.scores = [
            (at(FIRST), Scored(f"L{n}", "llm", float(score(n)), float(score(n)))) for n in range(LISTINGS)
        ]
        self.clock = FakeClock(at(DAY + timedelta(days=1)))
        self.days = days

    def look(self) -> BuyersLook:
        return BuyersLook(self.log, self.buyers, self.alerts, self.clock, PACE, self.metrics)

    async def row(self, days: int = WEEK, category: str = "", action: str = "click") -> AgreementRow:
        [found] = [
            row
            for row in await self.buyers.agreement(DAY, DAY)
            if (row.days, row.category, row.measure, row.action) == (days, category, "main", action)
        ]
        return found


class AwayLog:
    """A broker that is not there."""

    async def read(self, days: Sequence[date], bounds: Bounds) -> LogDays:
        raise RetryLater("Kafka is not there")


def shown_day(metrics: Metrics) -> date:
    value = metrics.registry.get_sample_value("assay_buyers_day_seconds")
    assert value is not None
    return datetime.fromtimestamp(value, UTC).date()


@pytest.fixture(scope="module")
def steady() -> Shop:
    return Shop()


@pytest.fixture(scope="module")
def changed() -> Shop:
    return Shop(DAY - timedelta(days=WEEK - 1))


async def test_a_look_finds_that_buyers_mind_pictures(steady: Shop) -> None:
    await steady.look().read(steady.days)
    await steady.look().look(DAY)
    row = await steady.row()
    assert (row.listings, row.method, row.note) == (LISTINGS, "harvested", "")
    assert row.low is not None
    assert row.low > 0
    assert row.lift_low is not None
    assert row.lift_low > 0
    assert 'assay_buyers_lift_per_point{application="shop",market="us",tier="llm"}' in steady.metrics.text().decode()


async def test_what_follows_too_few_clicks_is_said_and_not_guessed(steady: Shop) -> None:
    await steady.look().look(DAY)
    row = await steady.row(action="purchase")
    assert row.correlation is None
    assert "0 actions" in row.note


async def test_each_category_of_the_week_has_its_row(steady: Shop) -> None:
    await steady.look().look(DAY)
    assert (await steady.row(category="lamps")).listings == LISTINGS // 2


async def test_a_look_taken_again_finds_the_same(steady: Shop) -> None:
    await steady.look().look(DAY)
    before = await steady.buyers.agreement(DAY, DAY)
    await steady.look().look(DAY)
    assert await steady.buyers.agreement(DAY, DAY) == before


async def test_a_look_reads_the_day_and_once_more_the_one_before(steady: Shop) -> None:
    await steady.look().look(DAY)
    assert steady.log.asked[-1] == [DAY - timedelta(days=1), DAY]


async def test_nights_without_a_look_leave_no_hole(steady: Shop) -> None:
    buyers = FakeBuyers()
    look = BuyersLook(steady.log, buyers, steady.alerts, steady.clock, PACE)
    await look.read([DAY - timedelta(days=4)])
    await look.look(DAY)
    assert steady.log.asked[-1] == [DAY - timedelta(days=back) for back in (4, 3, 2, 1, 0)]


async def test_a_day_of_which_the_log_lost_records_stays_as_it_was_read() -> None:
    log, buyers = FakeExposureLog({DAY: searches(DAY, 0.0)}), FakeBuyers()
    look = BuyersLook(log, buyers, FakeImageAlerts(), FakeClock(at(DAY + timedelta(days=1))), PACE)
    await look.read([DAY])
    log.sums, log.note = {DAY: DaySums()}, "the log may begin later than the first day"
    await look.read([DAY])
    [kept] = await buyers.days(DAY, DAY)
    assert (kept.searches, kept.note) == (8 * SEARCHES, "")


async def test_a_figure_that_is_not_defined_any_more_leaves_no_old_gauge(steady: Shop) -> None:
    await steady.look().read(steady.days)
    metrics = Metrics()
    rows, gauges = await steady.look().weigh(DAY), BuyersGauges(metrics)
    gauges.agreed(rows, WEEK)
    gauges.agreed([replace(row, correlation=None, lift_per_point=None) for row in rows], WEEK)
    assert "assay_buyers_correlation{" not in metrics.text().decode()


async def test_a_market_that_is_not_there_any_more_leaves_no_old_gauge(steady: Shop) -> None:
    await steady.look().read(steady.days)
    metrics = Metrics()
    gauges = BuyersGauges(metrics)
    gauges.agreed(await steady.look().weigh(DAY), WEEK)
    assert "assay_buyers_correlation{" in metrics.text().decode()
    gauges.agreed([], WEEK)
    assert "assay_buyers_correlation{" not in metrics.text().decode()


async def test_a_look_that_never_succeeds_after_a_restart_shows_the_newest_day_in_the_store(steady: Shop) -> None:
    metrics, log = Metrics(), AwayLog()
    buyers = FakeBuyers()
    await BuyersLook(steady.log, buyers, steady.alerts, steady.clock, PACE).read([DAY - timedelta(days=20)])
    with pytest.raises(RetryLater):
        await BuyersLook(log, buyers, steady.alerts, steady.clock, PACE, metrics).look(DAY)
    assert shown_day(metrics) == DAY - timedelta(days=20)


async def test_a_look_that_has_never_succeeded_shows_the_day_before_the_first_it_was_to_read(steady: Shop) -> None:
    metrics = Metrics()
    look = BuyersLook(AwayLog(), FakeBuyers(), steady.alerts, steady.clock, PACE, metrics)
    for later in range(3):
        with pytest.raises(RetryLater):
            await look.look(DAY + timedelta(days=later))
    assert shown_day(metrics) == DAY - timedelta(days=1)


async def test_three_weeks_are_read_a_week_at_a_time_and_none_of_them_is_let_go(steady: Shop) -> None:
    log, buyers = FakeExposureLog(steady.log.sums), FakeBuyers()
    pace = replace(PACE, keep_days=10)
    wanted = [DAY - timedelta(days=back) for back in range(20, -1, -1)]
    await BuyersLook(log, buyers, steady.alerts, steady.clock, pace).read(wanted)
    assert [len(each) for each in log.asked] == [7, 7, 7]
    assert [each.day for each in await buyers.days(FIRST, DAY)] == wanted


async def test_buyers_who_go_on_as_before_raise_no_alert(steady: Shop) -> None:
    await steady.look().read(steady.days)
    assert await steady.look().look(DAY) == []


async def test_buyers_who_stop_minding_raise_one_alert_with_what_it_was_and_is(changed: Shop) -> None:
    await changed.look().read(changed.days)
    [alert] = await changed.look().look(DAY)
    assert alert.kind == "buyers"
    assert alert.segment == {"application": "shop", "market": "us", "tier": "llm"}
    assert alert.after < 0.5 * alert.before
    assert alert.evidence["day"] == str(DAY)


async def test_a_fall_is_no_alert_before_there_are_two_weeks_to_compare_with() -> None:
    for known, raised in ((FEWEST_BEFORE - 1, 0), (FEWEST_BEFORE, 1)):
        young = Shop(DAY - timedelta(days=WEEK - 1))
        await young.look().read(young.days[-known - WEEK :])
        assert len(await young.look().look(DAY)) == raised


async def test_the_same_fall_is_not_raised_again_the_next_day_but_the_same_day_finds_it_again(changed: Shop) -> None:
    await changed.look().read(changed.days)
    changed.clock = FakeClock(at(DAY + timedelta(days=1)))
    found = await changed.look().look(DAY)
    await changed.alerts.save(found)
    assert [each.alert_id for each in await changed.look().look(DAY)] == [each.alert_id for each in found]
    changed.log.sums = {**changed.log.sums, DAY + timedelta(days=1): searches(DAY + timedelta(days=1), 0.0)}
    assert await changed.look().look(DAY + timedelta(days=1)) == []


async def test_scores_given_after_the_day_do_not_count() -> None:
    shop = Shop()
    shop.buyers.scores = [(at(DAY + timedelta(days=1)), scored) for _, scored in shop.buyers.scores]
    await shop.look().look(DAY)
    assert await shop.buyers.agreement(DAY, DAY) == []


async def test_a_day_that_is_not_over_is_a_half_one(steady: Shop) -> None:
    early = BuyersLook(steady.log, FakeBuyers(), steady.alerts, FakeClock(at(DAY, 12)), PACE)
    await early.read([DAY])
    store = early._buyers
    [kept] = await store.days(DAY, DAY)
    assert not kept.is_whole


async def test_what_the_log_does_not_hold_any_more_is_said() -> None:
    log, buyers = FakeExposureLog({}, "the log may begin later than the first day"), FakeBuyers()
    await BuyersLook(log, buyers, FakeImageAlerts(), FakeClock(at(DAY + timedelta(days=1))), PACE).look(DAY)
    assert [day.note for day in await buyers.days(DAY, DAY)] == ["the log may begin later than the first day"]
