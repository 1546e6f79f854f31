"""Labels that stand apart from those of rankers: what is kept of a comparison of modes, and the port that keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.labels import Label, Mode
from core.domain.relevance import Search


@dataclass(frozen=True, slots=True)
class PairLabel:
    """What a judge said of a pair. Tokens and dollars are its part of the call that graded it, and `latency_ms` is that
    call's; None where the call is told elsewhere, or no longer."""

    content_key: str
    label: Label
    confidence: float
    reasoning: str
    verdicts: str
    guideline_version: str
    prompt_version: str
    model: str
    fingerprint: str
    call_id: UUID
    judged_at: datetime
    input_tokens: float | None
    output_tokens: float | None
    cost_usd: float | None
    latency_ms: int | None


class ModeStore(Protocol):
    """Labels of comparisons. They stand beside the labels that rankers see, and never among them."""

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, PairLabel]:
        """Those of the keys that have a label: of the service's own work, an earlier comparison of modes or an
        evaluation. What was judged for a dataset of anchors is not among them."""
        ...

    async def save(self, search: Search, mode: Mode, labels: Mapping[str, PairLabel]) -> None:
        """Store a query's labels, by listing; a known key stays as it is."""
        ...
