"""The nightly look at flags over fakes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from core.domain.images.flags import FlagCount
from core.settings import Settings
from core.stages.flags_watch import FlagsWatch, flag_rules
from core.telemetry import Metrics
from tests.support.fake_flags import FakeFlagCounts
from tests.support.fake_image_alerts import FakeImageAlerts
from tests.support.fakes import FakeClock
from tests.unit.domain.test_image_flags import even

DAY = date(2026, 3, 9)
ROSE = [even(4000, 80, recent=False), even(1000, 60, recent=True)]


class Night:
    """The watch with everything around it in memory."""

    def __init__(self, counts: list[FlagCount]) -> None:
        self.counts, self.alerts, self.metrics = FakeFlagCounts(counts), FakeImageAlerts(), Metrics()
        self.clock = FakeClock(datetime(2026, 3, 10, 2, tzinfo=UTC))
        rules = flag_rules(Settings(_env_file=None))
        self.watch = FlagsWatch(self.counts, self.alerts, rules, self.clock, self.metrics)


async def test_a_rise_is_told_with_its_evidence() -> None:
    [alert] = await Night(ROSE).watch.look(DAY)
    assert (alert.kind, alert.metric, alert.before, alert.after) == ("flags", "ai_made_share", 0.02, 0.06)
    assert alert.segment == {"market": "us", "flag": "ai_made"}
    assert (alert.evidence["pictures_after"], alert.evidence["judged_by"]) == (1000, "judge@1")


async def test_the_windows_end_with_the_day() -> None:
    night = Night([])
    await night.watch.look(DAY)
    assert night.counts.asked == [(DAY - timedelta(days=34), DAY - timedelta(days=6), DAY)]


async def test_a_look_taken_again_finds_the_same() -> None:
    night = Night(ROSE)
    first = await night.watch.look(DAY)
    await night.alerts.save(first)
    assert await night.watch.look(DAY) == first


async def test_a_rise_that_lasts_is_not_told_every_night() -> None:
    night = Night(ROSE)
    await night.alerts.save(await night.watch.look(DAY))
    assert await night.watch.look(DAY + timedelta(days=1)) == []
    assert len(await night.watch.look(DAY + timedelta(days=7))) == 1


async def test_the_share_is_a_gauge() -> None:
    night = Night(ROSE)
    await night.watch.look(DAY)
    assert 'assay_image_flag_share{flag="ai_made",market="us"} 0.06' in night.metrics.text().decode()


async def test_a_market_that_is_not_there_any_more_leaves_no_old_gauge() -> None:
    night = Night(ROSE)
    await night.watch.look(DAY)
    night.counts._counts = []
    await night.watch.look(DAY + timedelta(days=1))
    assert "assay_image_flag_share{" not in night.metrics.text().decode()
