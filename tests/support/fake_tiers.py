"""`TierStore` in memory. The contract suite runs on this and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.items import DatasetKind
from core.domain.judging import GuidelineReply
from core.tier_ports import Critique, LiveJudgement, ReviewedGrade


@dataclass
class InMemoryTiers:
    """What tests put into `bodies`, `people` and `judgements` is read as if others had stored it."""

    bodies: dict[str, GuidelineReply] = field(default_factory=dict)
    people: dict[str, ReviewedGrade] = field(default_factory=dict)
    judgements: list[tuple[datetime, LiveJudgement]] = field(default_factory=list)
    kept: dict[str, Critique] = field(default_factory=dict)
    made: list[tuple[TierReport, tuple[Flagged, ...]]] = field(default_factory=list)

    async def critiques(self, keys: Sequence[str]) -> Mapping[str, Critique]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    async def save_critiques(self, critiques: Sequence[Critique]) -> None:
        for each in critiques:
            self.kept.setdefault(each.key, each)

    async def guidelines(self, versions: Sequence[str]) -> Mapping[str, GuidelineReply]:
        return {version: self.bodies[version] for version in versions if version in self.bodies}

    async def reviewed(self, content_keys: Sequence[str]) -> Mapping[str, ReviewedGrade]:
        return {key: self.people[key] for key in content_keys if key in self.people}

    async def live(self, kind: DatasetKind, start: datetime, end: datetime, limit: int) -> Sequence[LiveJudgement]:
        found = [(at, each) for at, each in self.judgements if start <= at < end and each.kind == kind]
        return [each for _, each in sorted(found, key=lambda pair: pair[0])][:limit]

    async def save(self, report: TierReport, flagged: Sequence[Flagged]) -> None:
        self.made.append((report, tuple(flagged)))

    async def reports(self, subject: str) -> Sequence[TierReport]:
        of_subject = sorted((each for each, _ in self.made if each.subject == subject), key=lambda each: each.made_at)
        newest = {each.judge: each for each in of_subject}
        return [newest[judge] for judge in sorted(newest)]

    async def subjects(self, limit: int) -> Sequence[TierReport]:
        return sorted((each for each, _ in self.made), key=lambda each: each.made_at, reverse=True)[:limit]

    async def report(self, report_id: UUID) -> TierReport | None:
        return next((each for each, _ in self.made if each.report_id == report_id), None)

    async def flagged(self, report_id: UUID, limit: int) -> Sequence[Flagged]:
        return next((found[:limit] for each, found in self.made if each.report_id == report_id), ())
