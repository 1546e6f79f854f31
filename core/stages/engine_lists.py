"""Result lists from search engines: asked for, kept, and shown to selection and drift as the log's are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.domain.engines import EngineList, EngineQuery, Sampling, joined
from core.domain.friction import QuerySignals
from core.domain.privacy import has_personal_data
from core.domain.selection import Deep, Earlier, Selection
from core.engine_ports import EngineFailure, EngineStore, SearchEngine
from core.errors import EngineRefused, RetryLater
from core.ports import Clock, NewTask
from core.signal_ports import QueryKey, ShownResults, SignalStore

log = structlog.get_logger(__name__)

AWAY = "away"
"""Kind of failure of an engine that does not answer."""

PERSONAL_DATA = "personal_data"
"""Kind of failure of a query that holds an e-mail address, a phone or a card number: no engine is sent it."""

REFUSED_REST = timedelta(hours=1)
"""A query that an engine refused is not asked again before: a wrong template is not mended within a look, and would be
asked every half minute."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What engines gave, and what they did not."""

    lists: Sequence[EngineList]
    failures: Sequence[EngineFailure]


async def fetch_lists(
    engines: Sequence[SearchEngine], queries: Sequence[EngineQuery], sampling: Sampling, clock: Clock
) -> Fetched:
    """Every engine's list of every query, engines beside each other, each at its own pace. An engine that is away for
    one query, after all its tries, is not asked for those that still wait: it would be away for each of them."""
    wanted = [_AskedEngine(engine, queries, sampling, clock) for engine in engines]
    parts = await asyncio.gather(*(each.ask() for each in wanted))
    return Fetched(
        [found for part in parts for found in part if isinstance(found, EngineList)],
        [found for part in parts for found in part if isinstance(found, EngineFailure)],
    )


class _AskedEngine:
    """One engine asked for all queries; its adapter holds them to its rate."""

    def __init__(self, engine: SearchEngine, queries: Sequence[EngineQuery], sampling: Sampling, clock: Clock) -> None:
        self._engine = engine
        self._queries = queries
        self._sampling = sampling
        self._clock = clock
        self._away = ""

    async def ask(self) -> list[EngineList | EngineFailure]:
        return list(await asyncio.gather(*(self._list(query) for query in self._queries)))

    async def _list(self, query: EngineQuery) -> EngineList | EngineFailure:
        if self._away:
            return self._failure(query, AWAY, self._away)
        if has_personal_data(query.text, query.market):
            return self._failure(query, PERSONAL_DATA, "the query holds personal data")
        try:
            windows = self._sampling.windows()
            pages = [await self._engine.search(query, size, offset) for offset, size in windows]
        except RetryLater as error:
            self._away = str(error)
            return self._failure(query, AWAY, str(error))
        except EngineRefused as error:
            return self._failure(query, error.kind, str(error))
        return EngineList(self._engine.name, query, self._clock.now(), self._sampling, joined(pages))

    def _failure(self, query: EngineQuery, kind: str, detail: str) -> EngineFailure:
        return EngineFailure(self._engine.name, query, kind, detail)


class SourcedSignals:
    """Port `SignalStore` whose result lists come from where the setting says: the log, engines, or both.

    An engine is asked again for a query when its list is older than `refresh`. Where it gives none, the one before
    stands; where there is none, the query has no results of this engine, which is told in the log and counted.
    """

    def __init__(
        self,
        inner: SignalStore,
        store: EngineStore,
        engines: Sequence[SearchEngine],
        clock: Clock,
        refresh: timedelta,
        *,
        with_log: bool,
    ) -> None:
        self._inner = inner
        self._store = store
        self._engines = engines
        self._clock = clock
        self._refresh = refresh
        self._with_log = with_log
        self._rests: dict[tuple[str, QueryKey], datetime] = {}

    async def shown(self, keys: Sequence[QueryKey], top: int, deep: Deep | None = None) -> list[ShownResults]:
        logged = await self._inner.shown(keys, top, deep) if self._with_log else []
        sampling = Sampling(top, deep)
        await self._ask(keys, sampling)
        found = await self._store.shown([engine.name for engine in self._engines], keys, sampling)
        return sorted([*logged, *found], key=lambda each: (each.application, each.market, each.query, each.engine))

    async def signals(self, days: int) -> list[QuerySignals]:
        return await self._inner.signals(days)

    async def members(self) -> frozenset[QueryKey]:
        return await self._inner.members()

    async def earlier(self, reason: str, keys: Sequence[QueryKey]) -> Mapping[QueryKey, Earlier]:
        return await self._inner.earlier(reason, keys)

    async def served_by(self) -> Mapping[QueryKey, str]:
        return await self._inner.served_by()

    async def record(
        self,
        chosen: Sequence[tuple[Selection, str, int]],
        members: Sequence[QueryKey],
        tasks: Sequence[NewTask],
        at: datetime,
    ) -> int:
        return await self._inner.record(chosen, members, tasks, at)

    async def _ask(self, keys: Sequence[QueryKey], sampling: Sampling) -> None:
        """Ask for what is missing or old, engine by engine, and keep it."""
        names = [engine.name for engine in self._engines]
        now = self._clock.now()
        held = await self._store.fetched(names, keys, sampling)
        self._rests = {asked: until for asked, until in self._rests.items() if until > now}
        languages = await self._store.languages(keys)
        for engine in self._engines:
            due = [
                EngineQuery(key[0], key[1], languages.get(key, ""), key[2])
                for key in keys
                if self._is_due(held.get((engine.name, key)), now) and (engine.name, key) not in self._rests
            ]
            fetched = await fetch_lists([engine], due, sampling, self._clock)
            await self._store.save_lists(fetched.lists)
            refused = [failure for failure in fetched.failures if failure.kind != AWAY]
            self._rests |= {(engine.name, failure.query.key): now + REFUSED_REST for failure in refused}
            _say(engine.name, fetched)

    def _is_due(self, asked: datetime | None, now: datetime) -> bool:
        return asked is None or now - asked >= self._refresh


def _say(engine: str, fetched: Fetched) -> None:
    if fetched.failures:
        first = fetched.failures[0]
        log.warning(
            "engine.no_lists",
            engine=engine,
            queries=len(fetched.failures),
            of=len(fetched.failures) + len(fetched.lists),
            kind=first.kind,
            error=first.detail,
        )
