"""Which queries are judged, and why: friction, volume, panel, kept apart because they serve different ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import log
from typing import Literal, NamedTuple

from core.domain.friction import Friction, QuerySignals, baselines, friction_of
from core.domain.privacy import has_personal_data

Chosen = Literal["panel", "friction", "volume"]


class Deep(NamedTuple):
    """Ranks far down a result list: from `first` (counted from 1) on, `ranks` of them."""

    first: int
    ranks: int


LENGTH_BANDS = (1, 2, 4)
"""Words of a query: one, two, three or four, more. Short queries are broad, long ones specific."""

VOLUME_BANDS = (50, 500)
"""Searches in the window: tail, torso, head."""

FRESH_SHARE = 0.1
"""Fresh queries a day, as a share of the panel's size. Ours: at 300 queries they are 30 a day and 210 a week, enough to
see whether the fixed panel still stands for the traffic, for a tenth of its cost."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A query that was chosen, why, and on what evidence (plain numbers for a person)."""

    application: str
    market: str
    query: str
    reason: Chosen
    priority: float
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first. The first `places` of them that show a listing of the catalogue are chosen: a query
    without one has nothing to judge, and must not hold a place."""

    candidates: Sequence[Selection]
    places: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """A choice made before: when, and the hash of the results that were judged then."""

    selected_at: datetime
    results_hash: str


def eligible(signals: Iterable[QuerySignals], min_sessions: int) -> list[QuerySignals]:
    """Queries that enough people typed (k-anonymity) and that hold no personal data."""
    return [s for s in signals if s.sessions >= min_sessions and not has_personal_data(s.query, s.market)]


def by_friction(signals: Sequence[QuerySignals], candidates: Sequence[QuerySignals], places: int) -> Ranking:
    """The candidates whose lower bound is above their market's baseline, highest priority first, markets together.

    The baseline is over all searches of the market (`signals`), also of queries that can't be chosen.
    """
    usual = baselines(signals)
    found = [friction_of(s, usual[s.application, s.market]) for s in candidates]
    struggling = sorted((f for f in found if f.excess > 0), key=lambda f: (-f.priority, f.signals.query))
    return Ranking([_of_friction(f) for f in struggling], places)


def by_volume(candidates: Sequence[QuerySignals], places: int) -> list[Ranking]:
    """Each market's candidates, most searches first."""
    return [
        Ranking([_of_volume(s) for s in sorted(group, key=lambda s: (-s.searches, s.query))], places)
        for group in _by_market(candidates).values()
    ]


def panel(
    signals: Sequence[QuerySignals],
    candidates: Sequence[QuerySignals],
    size: int,
    members: frozenset[tuple[str, str, str]],
    engines: Mapping[tuple[str, str, str], str] | None = None,
) -> list[Ranking]:
    """The panel: for each market the candidates that are members so far, and those who top it up to `size`.

    A member holds its seat while it has any traffic (`signals`) in the window: else a query with about k sessions
    would leave, be replaced and come back, and the panel would grow. New members are drawn stratum by stratum (length
    band, volume band, and the query's `engines` where they are given) in the order of a hash of the query, which no one
    can steer and every replica computes alike.
    """
    seats = {market: sum(_key(s) in members for s in group) for market, group in _by_market(signals).items()}
    rankings: list[Ranking] = []
    for market, group in _by_market(candidates).items():
        held = [_of_panel(s) for s in group if _key(s) in members]
        newcomers = [_of_panel(s) for s in _in_turn([s for s in group if _key(s) not in members], engines or {})]
        rankings += [Ranking(held, len(held)), Ranking(newcomers, max(0, size - seats[market]))]
    return rankings


def fresh_traffic(
    candidates: Sequence[QuerySignals], size: int, members: frozenset[tuple[str, str, str]], day: date
) -> list[Ranking]:
    """The day's random draw of each market from outside the panel: a query's chance follows its searches.

    The order is that of -ln(u) / searches (Efraimidis and Spirakis 2006), u from a hash of day and query: it does not
    change while the traffic grows evenly, so that all of a day's looks draw the same.
    """
    outside = [s for s in candidates if _key(s) not in members]
    return [
        Ranking([_of_fresh(s) for s in sorted(group, key=lambda s: _race(s, day))], round(size * FRESH_SHARE))
        for group in _by_market(outside).values()
    ]


def cooled_down(earlier: Earlier | None, results_hash: str, now: datetime, days: int) -> bool:
    """Whether friction may choose the query again: its results changed, or the cool-down is over."""
    return earlier is None or earlier.results_hash != results_hash or now - earlier.selected_at >= timedelta(days=days)


def results_hash(listing_ids: Sequence[str]) -> str:
    """Hash of a result list in its order."""
    return hashlib.sha256("\n".join(listing_ids).encode()).hexdigest()[:16]


def volume_band(searches: int) -> str:
    """`tail`, `torso` or `head`."""
    return ("tail", "torso", "head")[sum(searches >= edge for edge in VOLUME_BANDS)]


def length_band(query: str) -> int:
    """0 to 3: one word, two, three or four, more."""
    return sum(len(query.split()) > edge for edge in LENGTH_BANDS)


def _of_friction(friction: Friction) -> Selection:
    s = friction.signals
    evidence = {
        "searches": s.searches,
        "sessions": s.sessions,
        "reformulation_rate": round(s.reformulated / s.searches, 4),
        "exit_rate": round(s.exits / s.searches, 4),
        "rate": round(friction.rate, 4),
        "lower_bound": round(friction.lower_bound, 4),
        "baseline": round(friction.baseline, 4),
    }
    return Selection(*_key(s), "friction", friction.priority, evidence)


def _of_volume(signals: QuerySignals) -> Selection:
    evidence = {"searches": signals.searches}
    return Selection(*_key(signals), "volume", float(signals.searches), evidence)


def _of_panel(signals: QuerySignals) -> Selection:
    evidence = {"searches": signals.searches}
    return Selection(*_key(signals), "panel", float(signals.searches), evidence)


def _of_fresh(signals: QuerySignals) -> Selection:
    evidence = {"searches": signals.searches, "fresh": 1}
    return Selection(*_key(signals), "panel", float(signals.searches), evidence)


def _by_market(signals: Iterable[QuerySignals]) -> dict[tuple[str, str], list[QuerySignals]]:
    groups: dict[tuple[str, str], list[QuerySignals]] = {}
    for each in signals:
        groups.setdefault((each.application, each.market), []).append(each)
    return groups


def _in_turn(signals: Iterable[QuerySignals], engines: Mapping[tuple[str, str, str], str]) -> list[QuerySignals]:
    """One of each stratum, then the second of each, and so on: every stratum is in the panel as long as it lasts."""
    strata: dict[tuple[int, str, str], list[QuerySignals]] = {}
    for each in sorted(signals, key=_draw):
        stratum = length_band(each.query), volume_band(each.searches), engines.get(_key(each), "")
        strata.setdefault(stratum, []).append(each)
    ranked = [(place, stratum, each) for stratum, group in strata.items() for place, each in enumerate(group)]
    return [each for _, _, each in sorted(ranked, key=lambda entry: entry[:2])]


def _draw(signals: QuerySignals) -> str:
    return hashlib.sha256("\n".join(_key(signals)).encode()).hexdigest()


def _race(signals: QuerySignals, day: date) -> float:
    drawn = hashlib.sha256("\n".join((day.isoformat(), *_key(signals))).encode()).digest()
    u = (int.from_bytes(drawn[:6], "big") + 0.5) / 2**48  # 48 bits: never 0 or 1 as a float
    return -log(u) / signals.searches


def _key(signals: QuerySignals) -> tuple[str, str, str]:
    return signals.application, signals.market, signals.query
