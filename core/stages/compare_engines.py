"""Engines side by side: their lists, the judging of what has no label yet, and what the labels say of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.domain.engines import EngineHit, EngineList, EngineQuery, QueryKey, Sampling, union
from core.domain.fields import Unusable
from core.domain.labels import Lane
from core.domain.listings import listing_of
from core.domain.ranking import MEASURES, Measure, QueryFigures, difference, estimate, query_figures, values_of
from core.domain.task_keys import query_group, relevance_task_key
from core.domain.timestamps import FIRST_MS
from core.engine_ports import Comparison, EngineStore, EngineSummary, SearchEngine, TaskState
from core.ports import Catalogue, Clock, NewTask, TaskInbox
from core.stages.engine_lists import Fetched, fetch_lists

LOOK_S = 2.0
"""Seconds between two looks at the tasks: a call takes about as long."""

SHOWN_IDS = 5_000
"""Listings asked of the catalogue at once."""

Progress = Callable[[int, int, int], None]
"""Told of pairs judged, failed, and all of them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and a listing that some engine shows for it, as it is told now; `task_key` names its judging."""

    query: EngineQuery
    listing_id: str
    content_hash: str
    task_key: str
    listing: Mapping[str, object] | None
    """As the engine's document tells it; None where the catalogue knows it."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The union of the engines' results: each pair once, whoever shows it."""

    known: Sequence[Pair]
    unknown: Sequence[tuple[QueryKey, str]]
    """Neither catalogue nor engine tells of the listing, so nobody can judge it."""


@dataclass(frozen=True, slots=True)
class EngineComparer:
    """One comparison over its ports. `judge` names mode, model and prompt version."""

    engines: Sequence[SearchEngine]
    store: EngineStore
    catalogue: Catalogue
    inbox: TaskInbox
    clock: Clock
    judge: str

    async def fetch(self, queries: Sequence[EngineQuery], sampling: Sampling) -> Fetched:
        """The engines' lists, kept."""
        fetched = await fetch_lists(self.engines, queries, sampling, self.clock)
        await self.store.save_lists(fetched.lists)
        return fetched

    async def pairs(self, lists: Sequence[EngineList]) -> Pairs:
        """What there is to judge: the catalogue's word on a listing before the engine's."""
        results = union(lists)
        queries = {each.query.key: each.query for each in lists}
        ids = sorted({listing_id for hits in results.values() for listing_id in hits})
        hashes: dict[str, str] = {}
        for start in range(0, len(ids), SHOWN_IDS):
            told = await self.catalogue.listings(ids[start : start + SHOWN_IDS])
            hashes |= {listing_id: listing.content_hash for listing_id, listing in told.items()}
        found = [
            (key, hit.listing_id, self._pair(queries[key], hit, hashes.get(hit.listing_id)))
            for key, hits in results.items()
            for hit in hits.values()
        ]
        known = [pair for _, _, pair in found if pair is not None]
        return Pairs(known, [(key, listing_id) for key, listing_id, pair in found if pair is None])

    async def queue(self, pairs: Pairs, lane: Lane) -> int:
        """Queue what this judge has not judged; returns how many tasks are new. What it has judged is the same task
        and adds nothing; what only an earlier judge did is judged anew, so that one judge compares the engines."""
        return await self.inbox.add([task_of(pair, lane) for pair in pairs.known])

    async def wait(self, pairs: Pairs, seconds: float, progress: Progress) -> bool:
        """Until every pair has its label or its end; false when the time was over before."""
        until = self.clock.now().timestamp() + seconds
        while True:
            judged, waiting, failed = await self._standing(pairs)
            progress(len(judged), sum(failed.values()), len(pairs.known))
            if not waiting:
                return True
            if self.clock.now().timestamp() >= until:
                return False
            await self.clock.sleep(LOOK_S)

    async def report(self, run_id: UUID, fetched: Fetched, pairs: Pairs, k: int, seed: int) -> Comparison:
        """What the labels say now, kept as a run."""
        judged, waiting, failed = await self._standing(pairs)
        grades: dict[QueryKey, dict[str, int]] = {}
        for pair, grade in judged:
            grades.setdefault(pair.query.key, {})[pair.listing_id] = grade
        ranked = {(each.engine, each.query.key): [hit.listing_id for hit in each.hits] for each in fetched.lists}
        figures = query_figures(ranked, grades, k)
        names = [engine.name for engine in self.engines]
        made = Comparison(
            run_id,
            self.clock.now(),
            names,
            k,
            self.judge,
            seed,
            len({query for _, query in ranked}),
            len(pairs.known) + len(pairs.unknown),
            len(judged),
            len(pairs.unknown),
            dict(waiting + failed),
            dict(Counter(f"{each.engine}: {each.kind}" for each in fetched.failures)),
            summaries(figures, names, seed),
            figures,
        )
        await self.store.save_comparison(made)
        return made

    async def _standing(self, pairs: Pairs) -> tuple[list[tuple[Pair, int]], Counter[str], Counter[str]]:
        """Pairs with their grade; of the others how many wait and how many failed, by reason."""
        graded = await self.store.grades([pair.query.key for pair in pairs.known])
        states = await self.store.task_states([pair.task_key for pair in pairs.known])
        open_tasks = {key for key, end in states.items() if end.state in {"waiting", "running"}}
        judged = [p for p in pairs.known if _label(p) in graded and p.task_key not in open_tasks]
        left = {p.task_key for p in pairs.known} - {p.task_key for p in judged}
        waiting = Counter(_named(states[key]) for key in left & open_tasks)
        failed = Counter(_named(states.get(key, NOT_QUEUED)) for key in left - open_tasks)
        return [(pair, graded[_label(pair)]) for pair in judged], waiting, failed

    def _pair(self, query: EngineQuery, hit: EngineHit, content_hash: str | None) -> Pair | None:
        told = None
        if content_hash is None and hit.listing is not None:
            record = listing_of({**hit.listing, "timestamp": FIRST_MS}, -1)
            if not isinstance(record, Unusable):
                content_hash, told = record.content_hash, hit.listing
        if content_hash is None:
            return None
        key = relevance_task_key(query.key, hit.listing_id, content_hash, self.judge)
        return Pair(query, hit.listing_id, content_hash, key, told)


NOT_QUEUED = TaskState("not queued", "")


def task_of(pair: Pair, lane: Lane) -> NewTask:
    """The task of a pair; one that another engine, selection or person asked for is the same task."""
    application, market, query = pair.query.key
    payload: dict[str, object] = {"reason": "request", "language": pair.query.language}
    if pair.listing is not None:
        payload["listing"] = dict(pair.listing)
    return NewTask(
        pair.task_key,
        "relevance",
        lane,
        query_group(application, market, query),
        {"application": application, "market": market, "query": query, "listing_id": pair.listing_id},
        payload,
    )


def summaries(figures: Sequence[QueryFigures], engines: Sequence[str], seed: int) -> list[EngineSummary]:
    """Each engine's measures, and its differences from the first one's, paired by query."""
    return [_summary(figures, engines[0], engine, measure, seed) for engine in engines for measure in MEASURES]


def _summary(figures: Sequence[QueryFigures], baseline: str, engine: str, measure: Measure, seed: int) -> EngineSummary:
    values = values_of(figures, engine, measure)
    base = values_of(figures, baseline, measure)
    against = None if engine == baseline else difference(values, base, seed)
    return EngineSummary(engine, measure, estimate([values[query] for query in sorted(values)], seed), against)


def _label(pair: Pair) -> tuple[QueryKey, str, str]:
    return pair.query.key, pair.listing_id, pair.content_hash


def _named(state: TaskState) -> str:
    return f"{state.state}: {state.reason}" if state.reason else state.state
