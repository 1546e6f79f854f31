"""What the tiers say of a judge, and what each said of the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.domain.evaluation.checks.facts import Finding
from core.domain.evaluation.items import DatasetKind

Tier = Literal["checks", "critique", "people"]
"""Cheap first: rules, a model, people."""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n` judgements of `queries` queries; `value` is weighted by how they were drawn, with its 95 %
    interval. None where there is no judgement at all."""

    hits: int
    n: int
    queries: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Overturn:
    """What a later tier made of what an earlier one said, of those that both have seen."""

    by: Tier
    missed: Share
    """Of the judgements that passed, those whose label the later tier changes."""
    false_alarms: Share
    """Of those objected to, the ones that the later tier lets stand. A person says nothing of a reason: there, a right
    label with a wrong reason counts here."""
    reasons: Share | None = None
    """By a critique: of those that passed, the ones whose reason does not hold. None by people."""


@dataclass(frozen=True, slots=True)
class TierRow:
    """One tier: how many judgements it has seen, and to how many it objects."""

    tier: Tier
    seen: int
    objected: int
    overturned: tuple[Overturn, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Of the sample, pictures that could not be looked at again, by the reason."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: how often it objects, and which of its alarms later tiers let stand."""

    check: str
    flagged: int
    by_critique: Share
    by_people: Share


@dataclass(frozen=True, slots=True)
class TierReport:
    """Of one judge's answers: in a run, or live ones of a period."""

    report_id: UUID
    subject: str
    """`run:` and the run's id, or `live:` and the days."""
    told: str
    """The run's name or the period, for people."""
    kind: DatasetKind
    judge: str
    items: int
    tiers: tuple[TierRow, ...]
    checks: tuple[CheckRow, ...]
    """In the order of `core.domain.evaluation.checks`; those that found nothing too."""
    habits: tuple[Finding, ...]
    critic: str
    """The model that was asked; empty: none."""
    critic_prompt: str
    share: float
    """Part of what passes the checks that the critique sees, 0 to 1, drawn by a hash."""
    cost_usd: float
    complete: bool
    """False: the cap was reached, or calls failed, before the critique had seen its sample."""
    made_at: datetime
    unchecked: int = 0
    """Judgements whose product or guideline is not known any more: what needs them was not checked."""

    def of(self, tier: Tier) -> TierRow:
        """A tier's row; KeyError where the report has none."""
        for row in self.tiers:
            if row.tier == tier:
                return row
        raise KeyError(tier)


@dataclass(frozen=True, slots=True)
class Flagged:
    """A judgement that some tier objects to, with all that was said of it."""

    key: str
    item_id: str
    query: str
    listing_id: str
    title: str
    grade: int
    reasoning: str
    findings: tuple[Finding, ...]
    better: int | None
    """The critique's grade where it sees another one."""
    why: str
    """What the critique says; empty where it was not asked."""
    people: int | None


@dataclass(frozen=True, slots=True)
class TierStory:
    """Reports of one subject with what they object to, as a page shows them."""

    subject: str
    told: str
    reports: tuple[tuple[TierReport, tuple[Flagged, ...]], ...]

    @property
    def run_id(self) -> str:
        """Of a run; empty for live judgements."""
        kind, _, name = self.subject.partition(":")
        return name if kind == "run" else ""
