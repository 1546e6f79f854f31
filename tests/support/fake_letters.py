"""Dead letters in memory, and a log whose records are read by offset: what `producers.requeue` sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.adapters.kafka_lookup import FoundRecord
from core.letter_models import DeadLetterView, LetterPlace
from tests.support.fakes import NOON


def letter(offset: int = 7, payload: bytes | None = b"{", topic: str = "search-log", **more: object) -> DeadLetterView:
    """A dead letter nobody has dealt with."""
    plain = DeadLetterView(
        "live", topic, 0, offset, "not_json", "at 1", payload, None if payload is None else len(payload), NOON
    )
    return replace(plain, **more)


@dataclass
class MemoryLetters:
    """`producers.requeue.Letters`. `said` is what was asked of it, in order, shared with the sink's; `as_seen` is read
    in place of the rows, as by one who reads before another writes."""

    rows: dict[LetterPlace, DeadLetterView] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    as_seen: list[DeadLetterView] | None = None

    def add(self, *letters: DeadLetterView) -> None:
        self.rows |= {each.place: each for each in letters}

    async def whole(self, topic: str, partition: int, offsets: Sequence[int]) -> list[DeadLetterView]:
        if self.as_seen is not None:
            return self.as_seen
        places = [LetterPlace(topic, partition, offset) for offset in sorted(offsets)]
        return [self.rows[place] for place in places if place in self.rows]

    async def claim(self, letters: Sequence[DeadLetterView], at: datetime) -> set[LetterPlace]:
        self.said.append("claim")
        mine = [seen for seen in letters if self.rows[seen.place].requeued_at == seen.requeued_at]
        for seen in mine:
            self.rows[seen.place] = replace(self.rows[seen.place], requeued_at=at, requeue_confirmed_at=None)
        return {seen.place for seen in mine}

    async def confirm(self, places: Sequence[LetterPlace], claimed_at: datetime, at: datetime) -> None:
        self.said.append("confirm")
        for place in places:
            if self.rows[place].requeued_at == claimed_at:
                self.rows[place] = replace(self.rows[place], requeue_confirmed_at=at)


@dataclass
class MemoryLog:
    """`producers.requeue.Lookup` of one topic."""

    records: dict[int, FoundRecord] = field(default_factory=dict)
    there: Sequence[int] = (0, 1)

    def partitions(self, topic: str) -> list[int]:
        return list(self.there)

    def at(self, topic: str, partition: int, offsets: Collection[int]) -> Mapping[int, FoundRecord]:
        return {offset: self.records[offset] for offset in offsets if offset in self.records}
