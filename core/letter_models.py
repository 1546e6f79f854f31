"""Dead letters as a person finds them, and how he names those he means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

RequeueState = Literal["new", "requeued", "in_doubt"]
"""Whether a letter's record was sent again; in doubt: it was about to be, and nobody knows whether it was."""


class LetterPlace(NamedTuple):
    """Where an unusable record stands; the topic's full name, prefix included."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} {self.partition} {self.offset}"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters; None: whatever it is. `topics` are full names."""

    reason: str | None = None
    topics: Sequence[str] | None = None
    run: str | None = None
    partition: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """One unusable record; `payload` is its beginning, `size` its stored length in bytes (None: nothing stored)."""

    run: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    payload: bytes | None
    size: int | None
    received_at: datetime
    requeued_at: datetime | None = None
    """When a person last had it sent again; written before the sending."""
    requeue_confirmed_at: datetime | None = None
    """When Kafka confirmed that."""

    @property
    def place(self) -> LetterPlace:
        """Where the record stands."""
        return LetterPlace(self.topic, self.partition, self.offset)

    @property
    def requeue_state(self) -> RequeueState:
        """Whether its record was sent again."""
        if self.requeued_at is None:
            return "new"
        return "in_doubt" if self.requeue_confirmed_at is None else "requeued"
