"""One segment's night: accounting, its events, their looks, the traffic, and the alerts that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec

from core.domain.drift.anchors import JudgeAlarm
from core.domain.drift.budget import (
    ENGINE_WINDOWS,
    MOST_EVENTS,
    NIGHTS,
    DriftSettings,
    catalogue_threshold,
    engine_threshold,
)
from core.domain.drift.events import (
    Alarm,
    Differences,
    Event,
    Source,
    alarms,
    around,
    bridged,
    is_event,
    usual_maximum,
)
from core.domain.drift.panel import Graded, NightAccount, Pair, PanelNight, QueryState, Segment, account_night
from core.domain.drift.traffic import traffic_move
from core.domain.drift.verdict import (
    FINAL_AFTER_NIGHTS,
    Alert,
    Status,
    event_alert,
    judge_moved,
    rechecked,
    traffic_alert,
)

HISTORY_NIGHTS = 35
"""Accounts kept in the state: 28 nights of maximum before the 7 a look compares."""


class SegmentState(msgspec.Struct, frozen=True):
    """What the next night of one segment needs.

    `opened`: nights and sources of the events of 90 nights; `open`: those still looked at or not final yet. `traffic`:
    the night of a traffic alarm not final yet; `traffic_armed`: false until an announced move has faded.
    """

    segment: Segment
    last: date | None = None
    queries: dict[str, QueryState] = {}
    history: tuple[NightAccount, ...] = ()
    opened: tuple[tuple[Source, date], ...] = ()
    open: tuple[Event, ...] = ()
    traffic: date | None = None
    traffic_armed: bool = True


class SegmentStep(msgspec.Struct, frozen=True):
    """The new state, the night's account to store, the alerts."""

    state: SegmentState
    account: NightAccount
    alerts: tuple[Alert, ...]


class Witness(msgspec.Struct, frozen=True):
    """What is known of the judge while a segment is judged: its alarms, a recheck that proved a change, p0."""

    findings: tuple[JudgeAlarm | None, ...]
    proven: bool
    p0: float | None


class Panels(msgspec.Struct, frozen=True):
    """What all segments of a night share: settings, how many they are, what is known of the judge, the bridge."""

    settings: DriftSettings
    number: int
    witness: Witness
    bridge: Mapping[Pair, int] = {}


def step_segment(state: SegmentState, panel: PanelNight, shared: Panels) -> SegmentStep:
    """Account the panel, then `step_account`."""
    queries, account = account_night(state.queries, state.last, panel)
    eve = {query: known.graded for query, known in state.queries.items()}
    return step_account(msgspec.structs.replace(state, queries=queries), account, eve, shared)


def step_account(
    state: SegmentState, account: NightAccount, eve: Mapping[str, dict[int, Graded]], shared: Panels
) -> SegmentStep:
    """Open tonight's events, look at all that are open, say what alarmed or became final, then the traffic.

    `eve`: the labelled slots before tonight, by query.
    """
    night = account.night
    history = (*state.history, account)[-HISTORY_NIGHTS:]
    fresh = _open_tonight(state, account, eve)
    looked = [_look(event, history, shared) for event in (*state.open, *fresh)]
    events = _one_alarm(looked)
    alerts = _event_alerts(state, account, history, events, shared)
    opened = tuple((s, n) for s, n in state.opened if (night - n).days < NIGHTS) + tuple(
        (e.source, night) for e in fresh
    )
    after = msgspec.structs.replace(
        state, last=night, history=history, opened=opened, open=tuple(e for e in events if _stays(e, history, night))
    )
    after, traffic = _traffic(after, night)
    return SegmentStep(after, account, (*alerts, *traffic))


def bridge_pairs(state: SegmentState) -> set[Pair]:
    """Contents before and after of every slot that changed since an alarmed event: to be judged by today's judge."""
    pairs = set()
    for event in state.open:
        for query in event.before.keys() & state.queries.keys() if event.alarm else ():
            now = state.queries[query].graded
            for rank, old in event.before[query].items():
                new = now.get(rank, old)
                if (old.listing_id, old.content_hash) != (new.listing_id, new.content_hash):
                    pairs |= {Pair(query, each.listing_id, each.content_hash) for each in (old, new)}
    return pairs


def _open_tonight(state: SegmentState, account: NightAccount, eve: Mapping[str, dict[int, Graded]]) -> list[Event]:
    touched = {row.query for row in account.rows if row.edited}
    events = [
        _event(state, account, "engine", dict(eve)),
        _event(state, account, "catalogue", {q: slots for q, slots in eve.items() if q in touched}),
    ]
    return [event for event in events if event is not None]


def _event(
    state: SegmentState, account: NightAccount, source: Source, before: dict[str, dict[int, Graded]]
) -> Event | None:
    """Tonight's event of a source, if it is one and may be looked at.

    While an alarm of the same source waits for its final verdict, more changes belong to it: a staged roll-out is one
    event (ours). The others count against the three of 90 nights.
    """
    nights = [n for s, n in state.opened if s == source and (account.night - n).days < NIGHTS]
    waiting = any(event.alarm and event.source == source for event in state.open)
    if waiting or len(nights) >= MOST_EVENTS:
        return None
    rate = account.turnover if source == "engine" else account.edits
    usual = usual_maximum(state.history, _turnover if source == "engine" else _edits, nights)
    return Event(source, account.night, rate, usual, before) if usual is not None and is_event(rate, usual) else None


def _turnover(night: NightAccount) -> float:
    return night.turnover


def _edits(night: NightAccount) -> float:
    return night.edits


def _look(event: Event, history: Sequence[NightAccount], shared: Panels) -> Event:
    """The event with an alarm where one of its looks falls on this night and passes its threshold."""
    k = _nights_since(event, history)
    if event.alarm or k not in (ENGINE_WINDOWS if event.source == "engine" else (1,)):
        return event
    differences = around(history, event.night, k, event.before)
    if differences is None:
        return event
    test = differences.total if event.source == "engine" else differences.catalogue
    level = engine_threshold if event.source == "engine" else catalogue_threshold
    threshold = level(shared.settings, shared.number, test.queries)
    if not alarms(test, threshold):
        return event
    before = differences.before
    alarm = Alarm(history[-1].night, k, test.t, threshold, test.queries, before, before + test.mean)
    return msgspec.structs.replace(event, alarm=alarm)


def _one_alarm(events: Sequence[Event]) -> list[Event]:
    """One change, one alert: events that an alarmed one explains (same source, or the same night) are dropped.

    Of several that alarm on one night the one furthest over its threshold stays; one announced before always does.
    """
    ranked = sorted(
        (event for event in events if event.alarm),
        key=lambda e: (e.alarm.detected, -abs(e.alarm.t) / e.alarm.threshold) if e.alarm else (date.max, 0.0),
    )
    kept: list[Event] = []
    for event in (*ranked, *(event for event in events if not event.alarm)):
        if not any(other.alarm and (other.source == event.source or other.night == event.night) for other in kept):
            kept.append(event)
    return kept


def _event_alerts(
    state: SegmentState,
    account: NightAccount,
    history: Sequence[NightAccount],
    events: Sequence[Event],
    shared: Panels,
) -> list[Alert]:
    alerts = []
    for event in events:
        final = _final(event, account.night)
        if event.alarm and (final or event.alarm.detected == account.night):
            differences = _differences(event, history, state.queries, shared.bridge, final=final)
            judge = _judge_named(event, differences, shared.witness)
            status: Status = "final" if final else "provisional"
            alerts.append(
                event_alert(state.segment, event, differences, judge=judge, status=status, models=account.models)
            )
    return alerts


def _differences(
    event: Event,
    history: Sequence[NightAccount],
    queries: Mapping[str, QueryState],
    bridge: Mapping[Pair, int],
    *,
    final: bool,
) -> Differences:
    """What the verdict splits: bridged where a bridge reaches the event, else the nights' own steps."""
    alarm = event.alarm
    if alarm is None:
        raise ValueError("only an alarmed event has a verdict")
    if any(
        Pair(q, s.listing_id, s.content_hash) in bridge for q, slots in event.before.items() for s in slots.values()
    ):
        return bridged(event.before, queries, bridge, alarm.before)
    longest = min(ENGINE_WINDOWS[-1], _nights_since(event, history), len(history) - _nights_since(event, history))
    k = max(alarm.k, longest) if final and event.source == "engine" else alarm.k
    differences = around(history, event.night, k, event.before)
    if differences is None:
        raise ValueError(f"the history no longer holds the event of {event.night}")
    return differences


def _judge_named(event: Event, differences: Differences, witness: Witness) -> bool:
    anchors = any(judge_moved(event.night, finding) for finding in witness.findings)
    panel = rechecked(differences.rejudged, differences.flipped, witness.p0)
    return anchors or panel or witness.proven


def _nights_since(event: Event, history: Sequence[NightAccount]) -> int:
    return sum(account.night >= event.night for account in history)


def _final(event: Event, night: date) -> bool:
    return event.alarm is not None and night >= event.alarm.detected + timedelta(days=FINAL_AFTER_NIGHTS)


def _stays(event: Event, history: Sequence[NightAccount], night: date) -> bool:
    if event.alarm:
        return not _final(event, night)
    return event.source == "engine" and _nights_since(event, history) < ENGINE_WINDOWS[-1]


def _traffic(state: SegmentState, night: date) -> tuple[SegmentState, list[Alert]]:
    move = traffic_move(state.history)
    if move is None:
        return state, []
    if state.traffic is not None:
        if night < state.traffic + timedelta(days=FINAL_AFTER_NIGHTS):
            return state, []
        alert = traffic_alert(state.segment, state.traffic, move, "final")
        return msgspec.structs.replace(state, traffic=None), [alert]
    if not state.traffic_armed:
        faded = abs(move.move) < move.threshold / 2
        return msgspec.structs.replace(state, traffic_armed=faded), []
    if not move.alarms:
        return state, []
    moved = msgspec.structs.replace(state, traffic=night, traffic_armed=False)
    return moved, [traffic_alert(state.segment, night, move, "provisional")]
