"""What selection reads and writes, in memory: port `SignalStore` over the fakes of streams and inbox.

`told` writes traffic, result lists and listings through any `StreamStore`, so that tests fill the fake and PostgreSQL
with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.domain.effects import Effects, ResultList, ResultListKey
from core.domain.friction import QuerySignals
from core.domain.labels import LIVE_RUN
from core.domain.listings import ListingEvent, ListingRecord
from core.domain.panes import Counters, PaneKey, Panes
from core.domain.selection import Deep, Earlier, Selection
from core.domain.timestamps import HOUR_MS, to_milliseconds
from core.ports import NewTask
from core.signal_ports import QueryKey, ShownResults
from core.stream_ports import Partition, Progress, StreamCommit, StreamStore
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, InMemoryInbox


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of the selections."""

    selection: Selection
    results_hash: str
    pairs: int
    at: datetime


@dataclass
class InMemorySignals:
    """Port `SignalStore`. `choices` oldest first; `panel` with the time of joining."""

    streams: InMemoryStreamStore
    inbox: InMemoryInbox
    choices: list[Choice] = field(default_factory=list)
    panel: dict[QueryKey, datetime] = field(default_factory=dict)

    async def signals(self, days: int) -> list[QuerySignals]:
        return [QuerySignals(*key, *counters) for key, counters in last_days(self.streams.panes, days).items()]

    async def shown(self, keys: Sequence[QueryKey], top: int, deep: Deep | None = None) -> list[ShownResults]:
        wanted = set(keys)
        lists = sorted(self.streams.result_lists.items())
        results = [
            ShownResults(*key[1:], results.language, self._known(results.hits, top, deep or Deep(top + 1, 0)))
            for key, results in lists
            if key.run == LIVE_RUN and (key.application, key.market, key.query) in wanted
        ]
        return [each for each in results if each.listings]

    def _known(self, hits: Sequence[str], top: int, deep: Deep) -> list[tuple[int, str, str]]:
        last = deep.first + deep.ranks
        wanted = [(rank, i) for rank, i in enumerate(hits, 1) if rank <= top or deep.first <= rank < last]
        ranks = {listing_id: rank for rank, listing_id in reversed(wanted)}
        told = {listing_id: self.streams.listings[listing_id][1] for listing_id in ranks if self._is_known(listing_id)}
        return sorted((ranks[listing_id], listing_id, listing.content_hash) for listing_id, listing in told.items())

    def _is_known(self, listing_id: str) -> bool:
        return listing_id in self.streams.listings and self.streams.listings[listing_id][1].event != "deleted"

    async def served_by(self) -> Mapping[QueryKey, str]:
        found: dict[QueryKey, list[str]] = {}
        for key in self.streams.result_lists:
            if key.run == LIVE_RUN:
                found.setdefault((key.application, key.market, key.query), []).append(key.engine)
        return {key: ",".join(sorted(engines)) for key, engines in found.items()}

    async def members(self) -> frozenset[QueryKey]:
        return frozenset(self.panel)

    async def earlier(self, reason: str, keys: Sequence[QueryKey]) -> Mapping[QueryKey, Earlier]:
        made = sorted(self.choices, key=lambda choice: choice.at)
        return {
            key: Earlier(choice.at, choice.results_hash)
            for choice in made
            if choice.selection.reason == reason and (key := key_of(choice.selection)) in keys
        }

    async def record(
        self,
        chosen: Sequence[tuple[Selection, str, int]],
        members: Sequence[QueryKey],
        tasks: Sequence[NewTask],
        at: datetime,
    ) -> int:
        self.choices += [Choice(*each, at) for each in chosen]
        for key in members:
            self.panel.setdefault(key, at)
        return await self.inbox.add(tasks)


def last_days(panes: Panes, days: int) -> dict[QueryKey, Counters]:
    """Live panes of each application's last days, added up by query."""
    newest: dict[str, int] = {}
    for key in panes:
        if key.run == LIVE_RUN:
            newest[key.application] = max(key.hour, newest.get(key.application, key.hour))
    totals = Panes()
    for key, counters in panes.items():
        if key.run == LIVE_RUN and key.hour > newest[key.application] - days * 24 * HOUR_MS:
            totals.count(key._replace(hour=0), counters)
    return {(key.application, key.market, key.query): counters for key, counters in totals.items()}


def key_of(selection: Selection) -> QueryKey:
    return selection.application, selection.market, selection.query


# --- Words to tell a stream store ------------------------------------------------------------------------

SHOP = ("shop", "de")


def pane(
    effects: Effects,
    query: str,
    searches: int,
    *,
    sessions: int | None = None,
    struggles: int = 0,
    market: tuple[str, str] = SHOP,
    at: datetime = NOON,
    run: str = LIVE_RUN,
) -> None:
    """An hour of a query's traffic. `struggles` are reformulations; `sessions` as many as searches unless told."""
    hour = to_milliseconds(at) // HOUR_MS * HOUR_MS
    counters = Counters(searches, searches if sessions is None else sessions, searches - struggles, struggles)
    effects.panes.count(PaneKey(run, *market, query, hour), counters)


def results(
    effects: Effects,
    query: str,
    hits: Sequence[str],
    *,
    engine: str = "bm25",
    market: tuple[str, str] = SHOP,
    at: datetime = NOON,
    run: str = LIVE_RUN,
) -> None:
    """What an engine shows for a query."""
    effects.saw_results(ResultListKey(run, *market, query, engine), ResultList(to_milliseconds(at), "de", list(hits)))


def listing(
    effects: Effects,
    listing_id: str,
    title: str = "A sofa",
    *,
    at: datetime = NOON,
    event: ListingEvent = "new",
) -> None:
    """What the catalogue tells of a listing."""
    record = ListingRecord(
        listing_id, to_milliseconds(at), event, "de", "de", title, None, None, None, None, None, {}, []
    )
    effects.saw_listing(LIVE_RUN, record)


async def told(store: StreamStore, effects: Effects) -> None:
    """Write effects as the owner of a partition does."""
    partition = Partition("search-log", 0)
    start = await store.take(partition, "test")
    applied = start.applied + 1
    progress = Progress(partition, start.epoch, start.turn + 1, applied, applied + 1, 0, NOON)
    await store.commit(StreamCommit([progress], effects))


def asked(
    queries: Iterable[tuple[str, int, int]], *, shows: int = 2, at: datetime = NOON, catalogue: bool = True
) -> Effects:
    """Traffic of (query, searches, struggles), each with `shows` listings of its own, in the catalogue unless told."""
    effects = Effects()
    for query, searches, struggles in queries:
        hits = [f"{query}-{n}" for n in range(shows)]
        pane(effects, query, searches, struggles=struggles, at=at)
        results(effects, query, hits, at=at)
        for hit in hits if catalogue else ():
            listing(effects, hit, at=at - timedelta(days=1))
    return effects
