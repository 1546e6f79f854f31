"""The panes in the database beside those that the contract's text demands."""

from __future__ import annotations

from collections.abc import Iterable

from tests.e2e.conftest import Place
from tests.e2e.topics import Record
from tests.oracle.contract import COUNTERS, PaneKey, panes

Panes = dict[PaneKey, tuple[int, ...]]


async def live_panes(place: Place, run: str = "live") -> Panes:
    """The view's rows of a run."""
    columns = ", ".join(COUNTERS)
    found = await place.pool.fetch(
        f"SELECT run, application, market, query, hour, {columns} FROM assay.query_panes WHERE run = $1", run
    )
    return {tuple(row)[:5]: tuple(row)[5:] for row in found}


def oracle_panes(records: Iterable[Record], *, replay: bool = False) -> Panes:
    """The panes of a topic's records."""
    outcome = panes([record.log for record in records], replay=replay)
    return {key: tuple(counters[name] for name in COUNTERS) for key, counters in outcome.panes.items()}
