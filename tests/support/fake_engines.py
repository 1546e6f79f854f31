"""Engines and what is kept of them, in memory: ports `SearchEngine` and `EngineStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.domain.engines import Candidate, EngineHit, EngineList, EngineQuery, Sampling, ranked
from core.domain.labels import LIVE_RUN
from core.domain.selection import Deep
from core.engine_ports import Comparison, TaskState
from core.errors import EngineRefused, RetryLater
from core.signal_ports import QueryKey, ShownResults
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import InMemoryInbox


@dataclass
class FakeEngine:
    """Shows `lists[query]`; raises what `refuses` says. `asked` is query, size and offset."""

    name: str
    lists: dict[str, list[str]]
    refuses: dict[str, EngineRefused | RetryLater] = field(default_factory=dict)
    listings: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        self.asked.append((query.text, size, offset))
        if error := self.refuses.get(query.text):
            raise error
        shown = self.lists.get(query.text, [])[offset : offset + size]
        return ranked([(each, self.listings.get(each)) for each in shown], offset)


@dataclass
class InMemoryEngineStore:
    """`EngineStore` over the fakes of streams and inbox; `labels` is what was judged, newest grade a pair."""

    streams: InMemoryStreamStore
    inbox: InMemoryInbox
    lists: list[EngineList] = field(default_factory=list)
    labels: dict[tuple[QueryKey, str, str], int] = field(default_factory=dict)
    members: list[Candidate] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    async def save_lists(self, lists: Sequence[EngineList]) -> None:
        self.lists += lists

    async def fetched(
        self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling
    ) -> Mapping[tuple[str, QueryKey], datetime]:
        return {key: each.fetched_at for key, each in self._newest(engines, keys, sampling).items()}

    async def shown(self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling) -> list[ShownResults]:
        newest = self._newest(engines, keys, sampling)
        found = [self._shown(each, sampling) for _, each in sorted(newest.items(), key=lambda e: (e[0][1], e[0][0]))]
        return [each for each in found if each.listings]

    async def languages(self, keys: Sequence[QueryKey]) -> Mapping[QueryKey, str]:
        lists = self.streams.result_lists.items()
        told = {(k.application, k.market, k.query): r.language for k, r in lists if k.run == LIVE_RUN and r.language}
        return {key: told[key] for key in keys if key in told}

    async def panel(self) -> list[Candidate]:
        return self.members

    async def grades(self, keys: Sequence[QueryKey]) -> Mapping[tuple[QueryKey, str, str], int]:
        return {pair: grade for pair, grade in self.labels.items() if pair[0] in set(keys)}

    async def task_states(self, task_keys: Sequence[str]) -> Mapping[str, TaskState]:
        rows = self.inbox.rows
        return {key: TaskState(rows[key].state, rows[key].reason) for key in task_keys if key in rows}

    async def save_comparison(self, comparison: Comparison) -> None:
        self.comparisons.append(comparison)

    def _newest(
        self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling
    ) -> dict[tuple[str, QueryKey], EngineList]:
        kept = [e for e in self.lists if e.engine in engines and e.query.key in keys and _covers(e.sampling, sampling)]
        return {(each.engine, each.query.key): each for each in sorted(kept, key=lambda each: each.fetched_at)}

    def _shown(self, each: EngineList, sampling: Sampling) -> ShownResults:
        deep = sampling.deep or Deep(0, 0)
        known = [
            (hit.rank, hit.listing_id, self.streams.listings[hit.listing_id][1].content_hash)
            for hit in each.hits
            if (hit.rank <= sampling.top or deep.first <= hit.rank < deep.first + deep.ranks)
            and hit.listing_id in self.streams.listings
            and self.streams.listings[hit.listing_id][1].event != "deleted"
        ]
        return ShownResults(*each.query.key, each.engine, each.query.language, known)


def _covers(held: Sampling, wanted: Sampling) -> bool:
    deep = wanted.deep is None or (
        held.deep is not None and held.deep.first == wanted.deep.first and held.deep.ranks >= wanted.deep.ranks
    )
    return held.top >= wanted.top and deep
