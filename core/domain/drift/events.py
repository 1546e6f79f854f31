"""Engine and catalogue detectors: an event opens a few looks, so that quiet nights cost nothing.

An event is a night whose turnover (engine) or edits (catalogue) are over 1.5 times their maximum of 28 nights. After an
engine event the nights after are compared with the nights before, query by query (the drift design, table of parts).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from core.domain.drift.panel import Graded, NightAccount, Pair, QueryAccount, QueryState, split
from core.domain.drift.statistics import LEAST_QUERIES, Student, over_queries

EVENT_RATIO = 1.5
"""Times the maximum that make an event (the drift design)."""

MAXIMUM_NIGHTS = 28
"""Nights the maximum is taken over (the drift design)."""

LEAST_MAXIMUM_NIGHTS = 7
"""Nights with a rate before anything can be an event. Ours, for short histories: a whole week, weekend included."""

LEAST_RATE = 0.01
"""Share of slots below which nothing is an event. Ours: a still engine has a maximum of 0, and one replaced slot must
not spend one of the three events."""

Source = Literal["engine", "catalogue"]


class Alarm(msgspec.Struct, frozen=True):
    """A test that passed its threshold: on which night, with k nights on each side, over how many queries."""

    detected: date
    k: int
    t: float
    threshold: float
    queries: int
    before: float
    after: float


class Event(msgspec.Struct, frozen=True):
    """An open event. `rate`: what made it one; `usual`: the maximum it passed.

    `before`: per query that is looked at (catalogue: those touched) the labelled slots of the night before, which a
    bridge is laid from.
    """

    source: Source
    night: date
    rate: float
    usual: float
    before: dict[str, dict[int, Graded]]
    alarm: Alarm | None = None


class Differences(msgspec.Struct, frozen=True):
    """Per query, after minus before, of the mean gain and of its parts; `before` is the mean gain before.

    `unbridged`: changed slots that a bridge did not reach; None where none was laid.
    """

    before: float
    total: Student
    engine: Student
    catalogue: Student
    judge: Student
    rejudged: int = 0
    flipped: int = 0
    unbridged: int | None = None


def usual_maximum(
    history: Sequence[NightAccount], rate: Callable[[NightAccount], float], events: Iterable[date]
) -> float | None:
    """Highest rate of the last 28 nights, events left out; None below 7 nights.

    Leaving events out is ours: a roll-back within the month is as large as its roll-out and must be an event too.
    The first night of a history has no rate.
    """
    left_out = set(events)
    rates = [rate(n) for n in history[-MAXIMUM_NIGHTS:] if n.night not in left_out and n.compared]
    return max(rates) if len(rates) >= LEAST_MAXIMUM_NIGHTS else None


def is_event(rate: float, usual: float | None) -> bool:
    """Over 1.5 times the maximum, and not so small that it says nothing."""
    return usual is not None and rate > EVENT_RATIO * usual and rate >= LEAST_RATE


def around(history: Sequence[NightAccount], night: date, k: int, queries: Container[str]) -> Differences | None:
    """k stored nights from `night` on against the k before it; None where the history does not hold them all.

    The gain is taken from the sums of the steps, so a query counts with the slots labelled on both sides, and its
    difference is exactly the sum of its parts. Queries that are new between the two sides are left out.
    """
    at = next((i for i, n in enumerate(history) if n.night == night), None)
    if at is None or at < k or len(history) < at + k:
        return None
    return compare(history[at - k : at], history[at : at + k], queries)


def compare(before: Sequence[NightAccount], after: Sequence[NightAccount], queries: Container[str]) -> Differences:
    """Differences of the nights' means, paired by query; only of `queries`."""
    earlier, later = _means(before, queries), _means(after, queries)
    pairs = [(earlier[key], later[key]) for key in sorted(earlier.keys() & later.keys())]
    engine, catalogue, judge = ([new[i] - old[i] for (old, _), (new, _) in pairs] for i in range(3))
    gains = [gain for (_, gain), _ in pairs if gain is not None]
    return Differences(
        sum(gains) / max(1, len(gains)),
        over_queries([sum(each) for each in zip(engine, catalogue, judge, strict=True)]),
        over_queries(engine),
        over_queries(catalogue),
        over_queries(judge),
        rejudged=sum(row.rejudged for n in after for row in n.rows if row.query in queries),
        flipped=sum(row.flipped for n in after for row in n.rows if row.query in queries),
    )


def bridged(
    before: Mapping[str, Mapping[int, Graded]], after: Mapping[str, QueryState], bridge: Mapping[Pair, int], gain: float
) -> Differences:
    """The slots of the event's eve against tonight's, with a bridge: what the engine did as today's judge sees it."""
    pairs = [(q, split(q, before[q], after[q].graded, bridge)) for q in sorted(before.keys() & after.keys())]
    steps = [each for _, each in pairs if each.slots]
    return Differences(
        gain,
        over_queries([s.gain(s.engine + s.catalogue + s.judge) for s in steps]),
        over_queries([s.gain(s.engine) for s in steps]),
        over_queries([s.gain(s.catalogue) for s in steps]),
        over_queries([s.gain(s.judge) for s in steps]),
        rejudged=sum(s.rejudged for s in steps),
        flipped=sum(s.flipped for s in steps),
        unbridged=sum(s.unbridged for s in steps),
    )


def alarms(test: Student, threshold: float) -> bool:
    """|T| over its threshold, of enough queries for a T."""
    return test.queries >= LEAST_QUERIES and abs(test.t) > threshold


def _means(
    nights: Sequence[NightAccount], queries: Container[str]
) -> dict[tuple[str, date], tuple[tuple[float, float, float], float | None]]:
    """Per query and start of its sums: mean sums of the engine's, catalogue's and judge's steps, and mean gain."""
    rows: dict[tuple[str, date], list[QueryAccount]] = {}
    for night in nights:
        for row in night.rows:
            if row.query in queries:
                rows.setdefault((row.query, row.since), []).append(row)
    return {key: _mean(group) for key, group in rows.items()}


def _mean(rows: Sequence[QueryAccount]) -> tuple[tuple[float, float, float], float | None]:
    gains = [row.mean_gain for row in rows if row.mean_gain is not None]
    n = len(rows)
    sums = (
        sum(row.engine_sum for row in rows) / n,
        sum(row.catalogue_sum for row in rows) / n,
        sum(row.judge_sum for row in rows) / n,
    )
    return sums, sum(gains) / len(gains) if gains else None
