"""The books of judges and gates and the shadow's answers, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from core.domain.access import AuditEntry
from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.evaluation.items import DatasetKind
from core.domain.judge_files import JudgeFile, refuse_anchors
from core.domain.judges import JudgeVersion, versioned
from core.eval_ports import SHADOW_ANSWERS, JudgeDeed, KeptJudge, ShadowCounts
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
        if not ref:
            return None
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

    async def counts(self, judge: str = "", newest: int = SHADOW_ANSWERS) -> Sequence[ShadowCounts]:
        labels = {fact.event_id: fact for fact in self.judgements.facts.values()}
        scores = {fact.event_id: fact for fact in self.judgements.scores.values()}
        found: dict[tuple[str, str, DatasetKind], Counter[tuple[str, int, int]]] = {}
        for (said_by, live), fact in _newest(self.labels, judge, newest):
            if live in labels:
                beside = labels[live]
                query = "\n".join((beside.application, beside.market, beside.query))
                counts = found.setdefault((said_by, beside.judge, "relevance"), Counter())
                counts[query, beside.label.grade, fact.label.grade] += 1
        for (said_by, live), said in _newest(self.scores, judge, newest):
            if live in scores:
                counts = found.setdefault((said_by, scores[live].judge, "image"), Counter())
                counts[scores[live].listing_id, scores[live].score, said.score] += 1
        return [ShadowCounts(*key, counts) for key, counts in found.items()]


Said = TypeVar("Said", LabelFact, ImageScoreFact)


def _newest(said: Mapping[tuple[str, UUID], Said], judge: str, newest: int) -> list[tuple[tuple[str, UUID], Said]]:
    """Of one judge or of each."""
    found: list[tuple[tuple[str, UUID], Said]] = []
    for name in sorted({by for by, _ in said if judge in ("", by)}):
        own = [each for each in said.items() if each[0][0] == name]
        found += sorted(own, key=lambda each: each[1].judged_at, reverse=True)[:newest]
    return found


def empty_desk() -> JudgeDesk:
    """A desk on which nothing was done yet."""
    inbox = InMemoryInbox(FakeClock())
    shadows = InMemoryShadows(InMemoryJudgements(inbox, InMemoryOutbox()), inbox)
    return JudgeDesk(InMemoryJudges(), FakeGates(), shadows, FakeClock(), settings_version)
