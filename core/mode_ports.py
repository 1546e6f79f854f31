"""Labels of modes beside one another: what is kept of a comparison, and the port that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.labels import Label, Mode


@dataclass(frozen=True, slots=True)
class ModeLabel:
    """One pair's label in one mode. Tokens and dollars are its part of the call that graded it; None where the label
    was given to rankers before and its call is told elsewhere."""

    content_key: str
    application: str
    market: str
    query: str
    listing_id: str
    mode: Mode
    label: Label
    confidence: float
    reasoning: str
    model: str
    call_id: UUID
    judged_at: datetime
    input_tokens: float | None
    output_tokens: float | None
    cost_usd: float | None


class ModeStore(Protocol):
    """Labels of comparisons. They stand beside the labels that rankers see, and never among them."""

    async def known(self, content_keys: Sequence[str]) -> dict[str, ModeLabel]:
        """Those of the keys that have a label, of an earlier comparison or of the service's own work."""
        ...

    async def save(self, labels: Sequence[ModeLabel]) -> None:
        """Store; a known key stays as it is."""
        ...
