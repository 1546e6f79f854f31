"""Where drift's nights are kept, in memory: port `DriftStore` over the fakes of inbox, judgements and signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

import msgspec

from core.domain.drift.anchors import AnchorGrade
from core.domain.drift.nightly import DriftState
from core.domain.drift.panel import NightAccount, PanelNight, PanelSlot, Segment
from core.domain.drift.verdict import Alert
from core.drift_ports import Anchor, ClosedNight, FrozenSlot, OpenNight
from core.ports import LabelFact, NewTask
from tests.support.fake_signals import InMemorySignals, last_days
from tests.support.fakes import InMemoryInbox, InMemoryJudgements, InMemoryOutbox


@dataclass
class NightRow:
    """A night as the tables have it."""

    frozen_at: datetime
    slots: list[FrozenSlot]
    done_at: datetime | None = None
    state: bytes = b""
    accounts: Mapping[str, NightAccount] = field(default_factory=dict)


@dataclass
class InMemoryDrift:
    """Port `DriftStore`. `nights` by date, `alerts` by id as they were announced last."""

    inbox: InMemoryInbox
    outbox: InMemoryOutbox
    judgements: InMemoryJudgements
    traffic: InMemorySignals
    nights: dict[date, NightRow] = field(default_factory=dict)
    anchors: dict[str, Anchor] = field(default_factory=dict)
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)

    async def last_night(self) -> date | None:
        return max(self.nights, default=None)

    async def open_night(self) -> OpenNight | None:
        waiting = sorted(night for night, row in self.nights.items() if row.done_at is None)
        if not waiting:
            return None
        return OpenNight(waiting[0], self.nights[waiting[0]].frozen_at, self._judged(waiting[0]))

    def _judged(self, night: date) -> bool:
        slots = {slot.task_key for slot in self.nights[night].slots}
        still = [row for row in self.inbox.rows.values() if row.state in {"waiting", "running"}]
        return not any(
            row.new.task_key in slots or (row.new.kind == "anchor" and row.new.payload["night"] == str(night))
            for row in still
        )

    async def weights(self) -> Mapping[tuple[str, str, str], float]:
        return {key: float(counters.searches) for key, counters in last_days(self.traffic.streams.panes, 1).items()}

    async def next_anchors(self, count: int) -> list[Anchor]:
        return sorted(self.anchors.values(), key=lambda a: (self.asked.get(a.anchor_id, ""), a.anchor_id))[:count]

    async def freeze(self, night: date, slots: Sequence[FrozenSlot], tasks: Sequence[NewTask], at: datetime) -> None:
        self.nights[night] = NightRow(at, list(slots))
        await self.inbox.add(tasks)
        self.asked.update({str(t.payload.get("anchor_id", "")): str(night) for t in tasks if t.kind == "anchor"})

    async def panels(self, night: date) -> list[PanelNight]:
        slots = sorted(self.nights[night].slots, key=lambda s: (*_segment_of(s), s.query, s.rank))
        groups = [(key, list(group)) for key, group in groupby(slots, key=_segment_of)]
        return [
            PanelNight(
                Segment(application=key[0], market=key[1], engine=key[2]),
                night,
                tuple(self._labelled(slot) for slot in group),
                {slot.query: slot.weight for slot in group},
            )
            for key, group in groups
        ]

    def _labelled(self, slot: FrozenSlot) -> PanelSlot:
        fact = self._newest_label(slot)
        place = (slot.query, slot.rank, slot.listing_id, slot.content_hash)
        if fact is None:
            return PanelSlot(*place, None, None, "")
        return PanelSlot(
            *place, fact.label.grade, fact.content_key, f"{fact.model} {fact.fingerprint} {fact.prompt_version}"
        )

    def _newest_label(self, slot: FrozenSlot) -> LabelFact | None:
        pair = (slot.application, slot.market, slot.query, slot.listing_id, slot.content_hash)
        facts = [
            fact
            for fact in self.judgements.facts.values()
            if (fact.application, fact.market, fact.query, fact.listing_id, fact.content_hash) == pair
        ]
        return max(reversed(facts), key=lambda fact: fact.judged_at, default=None)

    async def anchor_grades(self, night: date) -> list[AnchorGrade]:
        outcomes = self.judgements.outcomes.items()
        return [AnchorGrade(anchor_id, o.label.grade) for (anchor_id, of), o in outcomes if of == str(night)]

    async def state(self) -> DriftState:
        closed = [night for night, row in self.nights.items() if row.done_at is not None]
        return msgspec.msgpack.decode(self.nights[max(closed)].state, type=DriftState) if closed else DriftState()

    async def close(self, closed: ClosedNight, at: datetime) -> None:
        row = self.nights[closed.night]
        row.done_at, row.accounts = at, closed.accounts
        row.state = msgspec.msgpack.encode(closed.state)
        self.alerts.update(closed.alerts)
        self.outbox.events += closed.events

    async def add_anchors(self, anchors: Sequence[Anchor], at: datetime) -> int:
        new = {anchor.anchor_id: anchor for anchor in reversed(anchors) if anchor.anchor_id not in self.anchors}
        self.anchors |= new
        return len(new)


def _segment_of(slot: FrozenSlot) -> tuple[str, str, str]:
    return slot.application, slot.market, slot.engine
