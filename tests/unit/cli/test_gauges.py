"""Figures of the database as metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.run import Gauges, RunStatus
from core.money_models import LaneSpend
from core.status_models import Spend, StatusReport, TaskCount
from core.telemetry import Metrics

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
NOTHING = StatusReport(NOW, [], [], Spend(0.0, 0.0, 50.0, 0, 0, 0, 0, 0), [], 0, None)


async def _nothing() -> StatusReport:
    return NOTHING


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def gauges(metrics: Metrics) -> Gauges:
    return Gauges(_nothing, metrics, RunStatus())


def _failed_pictures(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("assay_tasks", {"kind": "image", "state": "failed"})


def test_tasks_of_all_lanes_and_reasons_are_one_figure(gauges: Gauges, metrics: Metrics) -> None:
    rows = [TaskCount("image", lane, "failed", why, 3, NOW) for lane in ("live", "backfill") for why in ("gone", "x")]
    gauges.take(replace(NOTHING, tasks=rows))
    assert _failed_pictures(metrics) == 12


def test_a_state_that_empties_goes_back_to_nothing(gauges: Gauges, metrics: Metrics) -> None:
    gauges.take(replace(NOTHING, tasks=[TaskCount("image", "live", "failed", "gone", 3, NOW)]))
    gauges.take(NOTHING)
    assert _failed_pictures(metrics) == 0


@pytest.mark.parametrize(
    ("oldest", "seconds"), [(None, 0), (NOW - timedelta(minutes=7), 420), (NOW + timedelta(seconds=1), 0)]
)
def test_the_outbox_is_as_old_as_its_first_event(
    gauges: Gauges, metrics: Metrics, oldest: datetime | None, seconds: float
) -> None:
    gauges.take(replace(NOTHING, outbox_oldest=oldest))
    assert metrics.registry.get_sample_value("assay_outbox_oldest_seconds") == seconds


def test_a_lane_that_waits_for_money_says_why_and_until_when(gauges: Gauges, metrics: Metrics) -> None:
    lanes = [LaneSpend("live", 1.0, 0.5, None), LaneSpend("backfill", 19.0, 1.0, 20.0, 7, "lane_budget", NOW)]
    gauges.take(replace(NOTHING, spend=replace(NOTHING.spend, lanes=lanes, unlisted=["house-model"])))
    value = metrics.registry.get_sample_value
    waits = "assay_llm_lane_waits_until_seconds"
    assert value(waits, {"lane": "backfill", "reason": "lane_budget"}) == NOW.timestamp()
    assert value(waits, {"lane": "backfill", "reason": "over_budget"}) == 0
    assert value("assay_llm_lane_spent_today_usd", {"lane": "live"}) == 1.5
    assert value("assay_llm_lane_budget_usd", {"lane": "backfill"}) == 20
    assert value("assay_llm_lane_budget_usd", {"lane": "live"}) is None
    assert value("assay_llm_unlisted_models") == 1
