"""Where the tiers find what was judged and what people say of it, and where their reports are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.items import DatasetKind
from core.domain.guidelines import Context
from core.domain.judging import GuidelineReply


@dataclass(frozen=True, slots=True)
class Critique:
    """What a critic said of one judgement; found again by its key, so that it is paid once."""

    key: str
    grade: int
    reason_holds: bool
    why: str
    model: str
    prompt_version: str
    call_id: UUID
    made_at: datetime


@dataclass(frozen=True, slots=True)
class LiveJudgement:
    """A label or score that rankers see, with what its judge was given as far as that is known still."""

    kind: DatasetKind
    event_id: UUID
    content_key: str
    judge: str
    """The judge version; of labels from before there were any, model and prompt version."""
    application: str
    market: str
    language: str
    query: str
    context: Context
    listing_id: str
    listing: Mapping[str, object] | None
    """In the shape of the topic `listings`; None where the catalogue has another version of it now."""
    guideline: GuidelineReply | None
    grade: int
    confidence: float | None
    reasoning: str
    verdicts: str
    aspects: Mapping[str, int]
    mode: str
    image_url: str
    image_hash: str


@dataclass(frozen=True, slots=True)
class ReviewedGrade:
    """What people said of a judged thing in the review queue, blind: the decision, else the median of the answers,
    rounded down. `probability`: that of its random draw; None where it was chosen for what it teaches."""

    grade: int
    probability: float | None


class TierStore(Protocol):
    """Critiques and reports, and what the tiers read."""

    async def critiques(self, keys: Sequence[str]) -> Mapping[str, Critique]:
        """Those there are, by key."""
        ...

    async def save_critiques(self, critiques: Sequence[Critique]) -> None:
        """Store; a known key stays as it is."""
        ...

    async def guidelines(self, versions: Sequence[str]) -> Mapping[str, GuidelineReply]:
        """Guideline bodies by version; those that are not kept are absent."""
        ...

    async def reviewed(self, content_keys: Sequence[str]) -> Mapping[str, ReviewedGrade]:
        """What people said of judgements in the review queue, by content key."""
        ...

    async def live(self, kind: DatasetKind, start: datetime, end: datetime, limit: int) -> Sequence[LiveJudgement]:
        """Given from `start` up to `end`, oldest first; at most `limit`."""
        ...

    async def save(self, report: TierReport, flagged: Sequence[Flagged]) -> None:
        """Store a report with the judgements that some tier objects to."""
        ...

    async def reports(self, subject: str) -> Sequence[TierReport]:
        """The newest of each judge on a subject, by the judges' names."""
        ...

    async def subjects(self, limit: int) -> Sequence[TierReport]:
        """The newest reports of all, newest first."""
        ...

    async def report(self, report_id: UUID) -> TierReport | None:
        """One; None where there is none."""
        ...

    async def flagged(self, report_id: UUID, limit: int) -> Sequence[Flagged]:
        """The judgements a report objects to, those first to which most tiers do."""
        ...
