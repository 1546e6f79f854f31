"""The process `selection`: signals and result lists in, judge tasks out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from core.domain.labels import Lane
from core.domain.selection import (
    Deep,
    Earlier,
    Ranking,
    Selection,
    by_friction,
    by_volume,
    cooled_down,
    eligible,
    fresh_traffic,
    panel,
    results_hash,
)
from core.domain.task_keys import query_group, relevance_task_key
from core.ports import Clock, Leadership, NewTask
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.signal_ports import QueryKey, ShownResults, SignalStore

log = structlog.get_logger(__name__)

Shown = dict[QueryKey, list[ShownResults]]
"""What each query's engines show; a query none of whose listings is known is not in it."""

FRICTION_FIRST = 1e9
"""Friction before volume within the live lane: above any number of searches."""

NEVER_DAYS = 36_500
"""Volume and panel choose again only when the results change: the labels they have stand."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many, how often; from the settings."""

    days: int
    min_sessions: int
    friction: int
    volume: int
    panel: int
    cooldown_days: int
    results: int
    deep: Deep | None = None
    by_engine: bool = False
    """Whether the panel's strata are by engine too."""


def build(
    settings: Settings,
    store: SignalStore,
    leadership: Leadership,
    clock: Clock,
    judge: Callable[[], str],
    *,
    on_nudge_only: bool,
) -> PeriodicProcess:
    """signals -> chosen by friction, volume and panel -> their results -> tasks. `judge` tells who judges now."""
    limits = Limits(
        settings.selection_window_days,
        settings.selection_min_sessions,
        settings.selection_friction_queries,
        settings.selection_volume_queries,
        settings.selection_panel_queries,
        settings.selection_cooldown_days,
        *_sampling(settings),
    )
    look = SelectionLook(store, clock, limits, judge)
    return PeriodicProcess(
        "selection", look.take, leadership, settings.selection_interval_s, on_nudge_only=on_nudge_only
    )


def _sampling(settings: Settings) -> tuple[int, Deep | None, bool]:
    """Ranks to take, and whether the panel is stratified by engine."""
    if settings.selection_sampling == "top":
        return settings.judge_results_per_query, None, False
    deep = Deep(settings.selection_sampling_deep_from, settings.selection_sampling_deep_count)
    return settings.selection_sampling_top, deep if deep.ranks else None, True


class SelectionLook:
    """One look at the traffic: what was chosen before with the same results is not chosen again."""

    def __init__(self, store: SignalStore, clock: Clock, limits: Limits, judge: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._judge = judge

    async def take(self) -> int:
        """Choose, and queue what is new; returns the number of new tasks."""
        limits, shown = self._limits, Shown()
        signals = await self._store.signals(limits.days)
        candidates = eligible(signals, limits.min_sessions)
        members = await self._store.members()
        engines = await self._store.served_by() if limits.by_engine else {}
        panelists = await self._first(panel(signals, candidates, limits.panel, members, engines), shown)
        joining = frozenset(map(_key, panelists)) - members
        others = [
            by_friction(signals, candidates, limits.friction),
            *by_volume(candidates, limits.volume),
            *fresh_traffic(candidates, limits.panel, members | joining, self._clock.now().date()),
        ]
        due = await self._due([*panelists, *await self._first(others, shown)], shown)
        return await self._queue(due, shown, joining)

    async def _first(self, rankings: Iterable[Ranking], shown: Shown) -> list[Selection]:
        """Of each ranking the first that show a known listing; `shown` gains what was looked up."""
        return [selection for ranking in rankings for selection in await self._first_of(ranking, shown)]

    async def _first_of(self, ranking: Ranking, shown: Shown) -> list[Selection]:
        """Looks further down only while places are free, each time twice as far: mostly one look is enough."""
        found: list[Selection] = []
        start, step = 0, ranking.places
        while len(found) < ranking.places and start < len(ranking.candidates):
            batch = ranking.candidates[start : start + step]
            unseen = [_key(s) for s in batch if _key(s) not in shown]
            shown |= (
                _by_query(await self._store.shown(unseen, self._limits.results, self._limits.deep)) if unseen else {}
            )
            found += [s for s in batch if _key(s) in shown]
            start, step = start + step, step * 2
        return found[: ranking.places]

    async def _due(self, chosen: Sequence[Selection], shown: Shown) -> list[Selection]:
        """Those whose results changed since they were last chosen, and friction whose cool-down is over."""
        due: list[Selection] = []
        for reason in ("friction", "volume", "panel"):
            of_reason = [s for s in chosen if s.reason == reason]
            earlier = await self._store.earlier(reason, list(map(_key, of_reason)))
            due += [s for s in of_reason if self._may(s, earlier.get(_key(s)), _hash(shown[_key(s)]))]
        return due

    def _may(self, selection: Selection, earlier: Earlier | None, results: str) -> bool:
        days = self._limits.cooldown_days if selection.reason == "friction" else NEVER_DAYS
        return cooled_down(earlier, results, self._clock.now(), days)

    async def _queue(self, due: Sequence[Selection], shown: Shown, joining: frozenset[QueryKey]) -> int:
        if not due and not joining:
            return 0
        judge = self._judge()
        tasks = [task for s in due for task in tasks_of(s, shown[_key(s)], judge)]
        rows = [(s, _hash(shown[_key(s)]), len(_pairs(shown[_key(s)]))) for s in due]
        added = await self._store.record(rows, sorted(joining), tasks, self._clock.now())
        log.info("selection.chosen", queries=len(due), tasks=added)
        return added


def tasks_of(selection: Selection, shown: Sequence[ShownResults], judge: str) -> list[NewTask]:
    """A task for each listing any engine shows for the query."""
    lane: Lane = "panel" if selection.reason == "panel" else "live"
    first = FRICTION_FIRST if selection.reason == "friction" else 0.0
    application, market, query = _key(selection)
    return [
        NewTask(
            relevance_task_key(_key(selection), listing_id, content_hash, judge),
            "relevance",
            lane,
            query_group(application, market, query),
            {"application": application, "market": market, "query": query, "listing_id": listing_id},
            {"reason": selection.reason, "language": shown[0].language},
            first + selection.priority,
        )
        for listing_id, content_hash in _pairs(shown).items()
    ]


def _pairs(shown: Iterable[ShownResults]) -> dict[str, str]:
    return {listing_id: content_hash for results in shown for _, listing_id, content_hash in results.listings}


def _hash(shown: Iterable[ShownResults]) -> str:
    return results_hash([f"{listing_id} {content_hash}" for listing_id, content_hash in _pairs(shown).items()])


def _by_query(shown: Iterable[ShownResults]) -> Shown:
    found = Shown()
    for results in shown:
        found.setdefault((results.application, results.market, results.query), []).append(results)
    return found


def _key(selection: Selection) -> QueryKey:
    return selection.application, selection.market, selection.query
