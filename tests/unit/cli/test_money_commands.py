"""Money at the command line: the caps as settings, and what `assay status` says of the lanes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.status import as_plain, tables
from core.errors import SettingsError
from core.money_models import LaneSpend
from core.settings import load_settings
from core.status_models import Spend, StatusReport

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 30, tzinfo=UTC)
LANES = [LaneSpend("live", 1.0, 0.5, None), LaneSpend("backfill", 19.0, 1.0, 20.0, 7, "lane_budget", MIDNIGHT)]
REPORT = replace(
    StatusReport(NOW, [], [], Spend(20.0, 1.5, 50.0, 9, 1, 0, 0, 0), [], 0, None),
    spend=Spend(20.0, 1.5, 50.0, 9, 1, 0, 0, 0, LANES),
)


def test_status_says_which_lane_waits_for_money_why_and_until_when() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(REPORT):
        console.print(table)
    [row] = [line for line in console.export_text().splitlines() if "backfill" in line]
    assert {"19.0000", "1.0000", "20.00", "7", "lane_budget"} <= set(row.split())
    assert "2026-03-30 00:00" in row


def test_status_as_json_has_the_lanes() -> None:
    spend = as_plain(REPORT)["spend"]
    assert isinstance(spend, dict)
    assert [lane["reason"] for lane in spend["lanes"]] == ["", "lane_budget"]


def test_a_lane_without_a_cap_has_used_no_share_of_one() -> None:
    assert [lane.used for lane in LANES] == [None, 1.0]


def test_caps_of_lanes_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_LLM_LANE_BUDGET_USD_PER_DAY", '{"backfill": 20, "panel": 0.5}')
    assert load_settings().llm_lane_budget_usd_per_day == {"backfill": 20.0, "panel": 0.5}


@pytest.mark.parametrize("given", ['{"nightly": 1}', '{"live": -1}', "20", "backfill=20"])
def test_caps_that_are_none_are_refused_by_the_setting_s_name(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ASSAY_LLM_LANE_BUDGET_USD_PER_DAY", given)
    with pytest.raises(SettingsError, match="ASSAY_LLM_LANE_BUDGET_USD_PER_DAY"):
        load_settings()
