"""Search engines by name of what they do for us: result lists, what is kept of them, comparisons of engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.engines import Candidate, EngineHit, EngineList, EngineQuery, Sampling
from core.domain.ranking import Difference, Estimate, Measure, QueryFigures
from core.signal_ports import QueryKey, ShownResults


class SearchEngine(Protocol):
    """One engine, behind its rate, its number of requests at once, time and size limits."""

    @property
    def name(self) -> str:
        """As the configuration names it."""
        ...

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        """Its results from rank `offset` + 1 on, at most `size`, in rank order, each id once.

        RetryLater when it is away or asks to slow down (tried several times already); EngineRefused when it will not
        or can't answer, or answers only in part.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineFailure:
    """A list that an engine did not give."""

    engine: str
    query: EngineQuery
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class TaskState:
    """Where the judging of one pair stands."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class EngineSummary:
    """One engine in one comparison: its measures over queries, and their difference from the baseline's."""

    engine: str
    measure: Measure
    estimate: Estimate
    difference: Difference | None
    """None for the baseline itself."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Engines side by side on the same queries, by the labels that there were then. The first engine is the baseline.

    `pairs` is the union of the engines' results; of them `judged` have a label, `unknown` can't be judged since
    neither catalogue nor engine tells of the listing; the others wait or failed, by state and reason in `missing`.
    """

    run_id: UUID
    at: datetime
    engines: Sequence[str]
    k: int
    judge: str
    seed: int
    queries: int
    pairs: int
    judged: int
    unknown: int
    missing: Mapping[str, int]
    failures: Mapping[str, int]
    """Lists that engines did not give, by engine and kind."""
    summaries: Sequence[EngineSummary]
    figures: Sequence[QueryFigures]


class EngineStore(Protocol):
    """What is kept of engines in Postgres."""

    async def save_lists(self, lists: Sequence[EngineList]) -> None:
        """Append; what is older than is kept goes."""
        ...

    async def fetched(
        self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling
    ) -> Mapping[tuple[str, QueryKey], datetime]:
        """When each engine was last asked for each query, for these ranks or more."""
        ...

    async def shown(self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling) -> list[ShownResults]:
        """The newest lists of these engines, those of their listings that the catalogue knows."""
        ...

    async def languages(self, keys: Sequence[QueryKey]) -> Mapping[QueryKey, str]:
        """The language in which each query was last searched, of those that the search log tells."""
        ...

    async def panel(self) -> list[Candidate]:
        """The panel's queries with the searches that chose them, and the engines that serve them by the log."""
        ...

    async def grades(self, keys: Sequence[QueryKey]) -> Mapping[tuple[QueryKey, str, str], int]:
        """The newest grade of every judged pair of these queries, by query, listing and content."""
        ...

    async def task_states(self, task_keys: Sequence[str]) -> Mapping[str, TaskState]:
        """Where these tasks stand; one that does not exist is left out."""
        ...

    async def save_comparison(self, comparison: Comparison) -> None:
        """Store whole, once."""
        ...
