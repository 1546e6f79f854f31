"""The books of judges and gates and the shadow's answers, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from core.domain.access import AuditEntry
from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.judge_files import JudgeFile, refuse_anchors
from core.domain.judges import JudgeVersion, versioned
from core.eval_ports import JudgeDeed, KeptJudge, ShadowCounts
from core.judge_desk import JudgeDesk
from core.ports import ImageScoreFact, LabelFact
from core.settings import Settings
from core.stages.live_judge import judge_of_file, settings_judge
from tests.support.fake_audit import FakeAudit
from tests.support.fakes import FakeClock, InMemoryInbox, InMemoryJudgements, InMemoryOutbox


def judge(name: str = "strict", model: str = "judge-1", **changes: object) -> JudgeVersion:
    """A version with the built-in prompts."""
    return judge_of_file(JudgeFile.model_validate({"name": name, "model": model, **changes}), {})


def settings_version(**settings: object) -> JudgeVersion:
    """The settings' judge."""
    return settings_judge(Settings(_env_file=None, **{"llm_model": "judge-1", **settings}))


def reworded(version: JudgeVersion, **prompts: str) -> JudgeVersion:
    """The same judge with other prompts."""
    return versioned(replace(version, prompts={**version.prompts, **prompts}))


@dataclass
class InMemoryJudges:
    """`JudgeBook`."""

    anchors: list[AnchorText] = field(default_factory=list)
    kept: dict[str, KeptJudge] = field(default_factory=dict)
    noted: list[JudgeDeed] = field(default_factory=list)
    audit: FakeAudit = field(default_factory=FakeAudit)

    async def save(self, judge: JudgeVersion, by: str, at: datetime) -> bool:
        if judge.version in self.kept:
            return False
        refuse_anchors(judge, self.anchors)
        self.kept[judge.version] = KeptJudge(judge, by, at)
        return True

    async def find(self, ref: str) -> JudgeVersion | None:
        named = [each for each in await self.all() if each.judge.name == ref][:1]
        found = named or [each for each in self.kept.values() if each.judge.version.startswith(ref)]
        return found[0].judge if len(found) == 1 else None

    async def all(self) -> Sequence[KeptJudge]:
        return sorted(self.kept.values(), key=lambda each: each.at, reverse=True)

    async def live(self) -> JudgeVersion | None:
        named = [deed.version for deed in self.noted if deed.act in ("promote", "rollback")]
        kept = self.kept.get(named[-1]) if named else None
        return kept.judge if kept else None

    async def shadows(self) -> Sequence[tuple[JudgeVersion, float]]:
        newest = {deed.version: deed for deed in self.noted if deed.act in ("shadow", "unshadow")}
        return [(self.kept[each.version].judge, each.share) for each in newest.values() if each.act == "shadow"]

    async def note(self, deed: JudgeDeed, entry: AuditEntry | None = None) -> None:
        self.noted.append(deed)
        if entry is not None:
            await self.audit.note(entry)

    async def deeds(self) -> Sequence[JudgeDeed]:
        return self.noted[::-1]


@dataclass
class FakeGates:
    """`GateBook`: gates by judge version."""

    gates: dict[str, UUID] = field(default_factory=dict)

    async def passed(self, judge: str) -> UUID | None:
        return self.gates.get(judge)


@dataclass
class InMemoryShadows:
    """`ShadowStore` beside the labels of `judgements`."""

    judgements: InMemoryJudgements
    inbox: InMemoryInbox
    labels: dict[tuple[str, UUID], LabelFact] = field(default_factory=dict)
    scores: dict[tuple[str, UUID], ImageScoreFact] = field(default_factory=dict)

    async def save_labels(self, labels: Sequence[tuple[UUID, LabelFact]], done: Sequence[UUID], at: datetime) -> None:
        for live, fact in labels:
            self.labels.setdefault((fact.judge, live), fact)
        self.inbox.finish(done, at)

    async def save_scores(
        self, scores: Sequence[tuple[UUID, ImageScoreFact]], done: Sequence[UUID], at: datetime
    ) -> None:
        for live, fact in scores:
            self.scores.setdefault((fact.judge, live), fact)
        self.inbox.finish(done, at)

    async def counts(self) -> Sequence[ShadowCounts]:
        labels = {fact.event_id: fact for fact in self.judgements.facts.values()}
        scores = {fact.event_id: fact for fact in self.judgements.scores.values()}
        found: dict[tuple[str, str, str], Counter[tuple[int, int]]] = {}
        for (judge, live), fact in self.labels.items():
            if live in labels:
                pair = (labels[live].label.grade, fact.label.grade)
                found.setdefault((judge, labels[live].judge, "relevance"), Counter())[pair] += 1
        for (judge, live), said in self.scores.items():
            if live in scores:
                pair = (scores[live].score, said.score)
                found.setdefault((judge, scores[live].judge, "image"), Counter())[pair] += 1
        return [ShadowCounts(*key, counts) for key, counts in found.items()]


def empty_desk() -> JudgeDesk:
    """A desk on which nothing was done yet."""
    inbox = InMemoryInbox(FakeClock())
    shadows = InMemoryShadows(InMemoryJudgements(inbox, InMemoryOutbox()), inbox)
    return JudgeDesk(InMemoryJudges(), FakeGates(), shadows, FakeClock(), settings_version)
