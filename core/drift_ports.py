"""Drift's effects by name: nights that are frozen, judged and closed, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from core.domain.drift.anchors import AnchorGrade
from core.domain.drift.nightly import DriftState
from core.domain.drift.panel import NightAccount, PanelNight
from core.domain.drift.verdict import Alert
from core.ports import NewTask, OutgoingEvent


@dataclass(frozen=True, slots=True)
class Anchor:
    """A human-labelled pair that the judge is asked about again and again. `listing` as a task's payload has it."""

    anchor_id: str
    application: str
    market: str
    language: str
    query: str
    listing: Mapping[str, object]
    human_grade: int


@dataclass(frozen=True, slots=True)
class FrozenSlot:
    """One place of a panel query's results as it is tonight, before its label is known."""

    application: str
    market: str
    language: str
    engine: str
    volume_band: str
    query: str
    weight: float
    rank: int
    listing_id: str
    content_hash: str
    task_key: str


@dataclass(frozen=True, slots=True)
class OpenNight:
    """A night that is frozen and not yet closed. `judged`: nothing of it can still be judged."""

    night: date
    frozen_at: datetime
    judged: bool


@dataclass(frozen=True, slots=True)
class ClosedNight:
    """What a night leaves: the detectors' state, the accounts by segment, alerts with their ids and events."""

    night: date
    state: DriftState
    accounts: Mapping[str, NightAccount]
    alerts: Sequence[tuple[UUID, Alert]]
    events: Sequence[OutgoingEvent]


class DriftStore(Protocol):
    """Where nights are kept."""

    async def last_night(self) -> date | None:
        """The newest night that was frozen."""
        ...

    async def open_night(self) -> OpenNight | None:
        """The oldest night that is not closed."""
        ...

    async def weights(self) -> Mapping[tuple[str, str, str], float]:
        """Searches of each live query in the last day of its application's traffic."""
        ...

    async def next_anchors(self, count: int) -> list[Anchor]:
        """The anchors that were asked about longest ago; one that is always refused takes its turn like any other."""
        ...

    async def freeze(self, night: date, slots: Sequence[FrozenSlot], tasks: Sequence[NewTask], at: datetime) -> None:
        """Write a night's slots, queue what it needs judged and note which anchors were asked, in one transaction."""
        ...

    async def panels(self, night: date) -> list[PanelNight]:
        """Give the night's slots the labels there are now, and return them by segment."""
        ...

    async def anchor_grades(self, night: date) -> list[AnchorGrade]:
        """What the judge said of the night's anchors."""
        ...

    async def state(self) -> DriftState:
        """The state after the last closed night."""
        ...

    async def close(self, closed: ClosedNight, at: datetime) -> None:
        """Everything of the night in one transaction."""
        ...

    async def add_anchors(self, anchors: Sequence[Anchor], at: datetime) -> int:
        """Add anchors; those known by id stay as they are. Returns how many are new."""
        ...
