"""The fold over nights: one alert an event, provisional then final; the state is what a table can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from core.domain.drift.budget import DriftSettings
from core.domain.drift.nightly import DriftState, judge_night
from core.domain.drift.panel import PanelNight, Segment
from core.domain.drift.verdict import Alert, Recheck
from tests.unit.domain.drift.simulation import SEGMENT, Anchors, Panel, day

FITTED = DriftSettings()
OTHER = Segment("shop", "fr", "fr", "head", "default")


def run(
    nights: int, shifts: Mapping[int, float], *, seed: int = 1, encoded: bool = False, recheck: Recheck | None = None
) -> tuple[DriftState, list[Alert]]:
    """80 queries; on the nights of `shifts` three slots in ten are replaced by listings worse by so much."""
    panel, anchors = Panel(seed, queries=80), Anchors(seed, pace=60, number=60)
    state, alerts = DriftState(), []
    for number in range(nights):
        panel.shift = shifts.get(number, 0.0)
        panel.step(deploy=0.3 if number in shifts else 0.0)
        result = judge_night(state, day(number), [panel.panel()], anchors.outcomes(), FITTED, recheck=recheck)
        state = (
            msgspec.msgpack.decode(msgspec.msgpack.encode(result.state), type=DriftState) if encoded else result.state
        )
        alerts.extend(result.alerts)
    return state, alerts


def test_an_event_is_announced_once_and_made_final_six_nights_later() -> None:
    _, alerts = run(32, {20: 0.3})
    assert [(alert.status, alert.cause, alert.metric) for alert in alerts] == [
        ("provisional", "engine", "mean_gain"),
        ("final", "engine", "mean_gain"),
    ]
    assert alerts[0].event == alerts[1].event == f"engine-event:{day(20)}"
    assert alerts[0].segment == SEGMENT
    assert all(alert.after < alert.before - 0.05 for alert in alerts)


def test_a_staged_roll_out_is_one_event() -> None:
    _, alerts = run(32, {20: 0.3, 21: 0.3, 22: 0.3})
    assert [alert.status for alert in alerts] == ["provisional", "final"]


def test_a_roll_back_within_the_month_is_an_event_of_its_own() -> None:
    _, alerts = run(32, {14: 0.4, 24: -0.4})
    first, second = (alert for alert in alerts if alert.status == "provisional")
    assert (first.cause, second.cause) == ("engine", "engine")
    assert first.after < first.before
    assert second.after > second.before


def test_the_fourth_event_of_ninety_nights_is_not_looked_at() -> None:
    state, alerts = run(46, {12: 0.0, 20: 0.0, 28: 0.0, 40: 0.5})
    assert [source for source, _ in state.segments[SEGMENT.key].opened].count("engine") == 3
    assert alerts == []


def test_nothing_is_an_event_before_a_week_of_turnover() -> None:
    state, alerts = run(8, {6: 0.5})
    assert (state.segments[SEGMENT.key].opened, alerts) == ((), [])


def test_the_state_survives_its_encoding_at_every_night() -> None:
    assert run(30, {20: 0.3}, encoded=True) == run(30, {20: 0.3})


def test_cached_pairs_that_flip_when_judged_again_name_the_judge_too() -> None:
    _, alerts = run(21, {20: 0.3}, recheck=Recheck(300, 40))
    assert alerts[0].evidence["causes"] == ["engine", "judge"]


def test_cached_pairs_that_flip_no_more_than_anchors_do_not_name_the_judge() -> None:
    _, alerts = run(21, {20: 0.3}, recheck=Recheck(300, 1))
    assert alerts[0].evidence["causes"] == ["engine"]


def test_an_engine_and_broken_titles_on_one_night_are_one_alert_with_both_causes() -> None:
    panel, state, alerts = Panel(2, queries=100), DriftState(), []
    for number in range(24):
        bad = number == 22
        panel.shift = 0.3 if bad else 0.0
        panel.step(deploy=0.3 if bad else 0.0, edits=0.2 if bad else 0.005, damage=1.0 if bad else 0.0)
        result = judge_night(state, day(number), [panel.panel()], [], FITTED)
        state = result.state
        alerts.extend(result.alerts)
    assert [set(alert.evidence["causes"]) for alert in alerts] == [{"engine", "catalogue"}]


def test_a_bridge_is_asked_for_while_an_alarm_waits_and_not_for_what_it_has() -> None:
    panel, state = Panel(1, queries=80), DriftState()
    asked = []
    for number in range(22):
        panel.shift = 0.3 if number == 20 else 0.0
        panel.step(deploy=0.3 if number == 20 else 0.0)
        bridge = dict.fromkeys(asked[-1], 1) if number == 21 else {}
        result = judge_night(state, day(number), [panel.panel()], [], FITTED, bridge=bridge)
        state = result.state
        asked.append(result.bridge)
    assert not any(asked[:20])
    assert len(asked[20]) > 200
    assert not set(asked[21]) & set(asked[20])


def test_a_night_is_not_judged_twice() -> None:
    state, _ = run(3, {})
    with pytest.raises(ValueError, match="not after"):
        judge_night(state, day(2), [], [], FITTED)


def test_a_panel_of_another_night_is_refused() -> None:
    with pytest.raises(ValueError, match="a panel of"):
        judge_night(DriftState(), day(1), [PanelNight(SEGMENT, day(0), (), {})], [], FITTED)


def test_segments_are_judged_apart_and_their_order_changes_nothing() -> None:
    panel = Panel(1, queries=20)
    panel.step()
    one, two = panel.panel(), msgspec.structs.replace(panel.panel(), segment=OTHER)
    result = judge_night(DriftState(), day(0), [one, two], [], FITTED)
    assert result == judge_night(DriftState(), day(0), [two, one], [], FITTED)
    assert set(result.accounts) == {SEGMENT.key, OTHER.key}


def test_an_empty_panel_is_a_night_without_queries() -> None:
    result = judge_night(DriftState(), day(0), [PanelNight(SEGMENT, day(0), (), {})], [], FITTED)
    assert (result.alerts, result.accounts[SEGMENT.key].rows) == ((), ())


def test_a_missing_night_neither_raises_nor_hides_the_event_after_it() -> None:
    panel, state, alerts = Panel(1, queries=80), DriftState(), []
    for number in range(30):
        panel.shift = 0.4 if number == 20 else 0.0
        panel.step(deploy=0.5 if number == 20 else 0.0)
        if number in {9, 10, 19}:
            continue
        result = judge_night(state, day(number), [panel.panel()], [], FITTED)
        state = result.state
        alerts.extend(result.alerts)
    assert [(alert.status, alert.cause) for alert in alerts] == [("provisional", "engine"), ("final", "engine")]
    assert alerts[0].detected_night <= day(20) + timedelta(days=2)
