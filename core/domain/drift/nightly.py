"""One night of drift: `judge_night` folds a night's stored rows into the state and says what is to be announced.

State is plain numbers (msgspec encodes it); folding the stored nights again from the start gives the same state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec

from core.domain.drift.anchors import AnchorGrade, JudgeState, quiet_share, rearm, refresh_alarm, step_judge
from core.domain.drift.budget import DriftSettings, judge_threshold
from core.domain.drift.panel import NightAccount, Pair, PanelNight
from core.domain.drift.segment import Panels, SegmentState, Witness, bridge_pairs, step_segment
from core.domain.drift.verdict import FINAL_AFTER_NIGHTS, Alert, Recheck, judge_alert, rechecked


class DriftState(msgspec.Struct, frozen=True):
    """Everything the next night needs. `segments` by `Segment.key`."""

    night: date | None = None
    judge: JudgeState = JudgeState()
    segments: dict[str, SegmentState] = {}


class NightResult(msgspec.Struct, frozen=True):
    """The new state, the alerts to announce, the accounts to store by `Segment.key`, the pairs a bridge needs."""

    state: DriftState
    alerts: tuple[Alert, ...]
    accounts: dict[str, NightAccount]
    bridge: tuple[Pair, ...]


def judge_night(
    state: DriftState,
    night: date,
    panels: Sequence[PanelNight],
    anchors: Sequence[AnchorGrade],
    settings: DriftSettings,
    *,
    bridge: Mapping[Pair, int] | None = None,
    recheck: Recheck | None = None,
) -> NightResult:
    """One night, any number of segments (one panel each), one judge.

    Args:
        state: what the last night returned; `DriftState()` at the start.
        night: after the state's night (ValueError otherwise: a night must not count twice). Nights may be missing.
        panels: of this night; a segment without a panel tonight rests.
        anchors: tonight's grades of anchors, empty where none was judged.
        settings: level and number of segments.
        bridge: grades that today's judge gave the pairs an earlier result asked for.
        recheck: cached pairs judged again tonight, where that was done.

    """
    if state.night is not None and night <= state.night:
        raise ValueError(f"night {night} is not after {state.night}, the last that was judged")
    judge, alerts = _judge(state.judge, night, anchors, judge_threshold(settings))
    p0 = quiet_share(judge)
    proven = recheck is not None and rechecked(recheck.pairs, recheck.flips, p0)
    shared = Panels(settings, len(panels), Witness((judge.alarm, judge.last), proven, p0), bridge or {})
    segments, accounts = dict(state.segments), {}
    for panel in sorted(panels, key=lambda panel: panel.segment):
        if panel.night != night:
            raise ValueError(f"a panel of {panel.night} among those of {night}")
        key = panel.segment.key
        step = step_segment(segments.get(key, SegmentState(panel.segment)), panel, shared)
        segments[key], accounts[key] = step.state, step.account
        alerts.extend(step.alerts)
    wanted = tuple(sorted({pair for s in segments.values() for pair in bridge_pairs(s)} - (bridge or {}).keys()))
    return NightResult(DriftState(night, judge, segments), tuple(alerts), accounts, wanted)


def _judge(
    state: JudgeState, night: date, anchors: Sequence[AnchorGrade], threshold: float
) -> tuple[JudgeState, list[Alert]]:
    """One night of anchors: a provisional alert at the alarm, a final one six nights later, then a new start."""
    after = step_judge(state, night, anchors, threshold)
    if after.alarm is None:
        return after, []
    if state.alarm is None:
        return after, [judge_alert(after.alarm, "provisional")]
    if night < after.alarm.detected + timedelta(days=FINAL_AFTER_NIGHTS):
        return after, []
    final = refresh_alarm(after) or after.alarm
    return rearm(after), [judge_alert(final, "final")]
