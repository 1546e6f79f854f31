"""Candidates in the shadow: they judge what the live judge has just judged, and nobody outside sees what they say.

Each goes the very way of the live judge (`core.stages.judge_query`, `core.stages.score_picture`), in the lane
`backfill`; only where its answers are kept is another place. A task of a candidate that was taken out of the shadow, or
is live by now, ends without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.errors import StopProcess
from core.eval_facts import JudgeVersion
from core.eval_ports import ShadowStore
from core.ports import AnchorOutcome, ImageScoreFact, JudgementStore, LabelFact, NewTask, OutgoingEvent, Task
from core.stages.judge_query import QueryJudge
from core.stages.score_parts import no_student
from core.stages.score_picture import PictureScorer
from core.stages.shadow_tasks import JUDGE, LIVE_LABEL, Shadows

Beside = Mapping[tuple[str, str], UUID]
"""The live label that an answer stands beside, by listing and, of pictures, address."""


@dataclass(frozen=True, slots=True)
class ShadowedPairs:
    """What the process `relevance` does with its tasks: the live judge's, and the candidates'."""

    stage: QueryJudge
    store: ShadowStore

    async def judge(self, tasks: Sequence[Task]) -> None:
        """As `QueryJudge.judge`."""
        await self.stage.judge([task for task in tasks if task.kind != "shadow"])
        for version, group in _by_judge(tasks, "shadow").items():
            candidate = _candidate(self.stage.shadows(), version)
            if candidate is None:
                await self.store.save_labels([], [task.task_id for task in group], self.stage.clock.now())
            else:
                for part in _one_a_place(group):
                    await self._of(candidate, part).judge(list(part.values()))

    def _of(self, candidate: JudgeVersion, part: Mapping[tuple[str, str], Task]) -> QueryJudge:
        apart = _Apart(self.stage.store, self.store, _beside(part))
        return replace(self.stage, store=apart, live=lambda: candidate, shadows=tuple)


@dataclass(frozen=True, slots=True)
class ShadowedPictures:
    """The same for the process `image-score`."""

    stage: PictureScorer
    store: ShadowStore

    async def score(self, tasks: Sequence[Task]) -> None:
        """As `PictureScorer.score`."""
        await self.stage.score([task for task in tasks if task.kind != "shadow_image"])
        for version, group in _by_judge(tasks, "shadow_image").items():
            candidate = _candidate(self.stage.shadows(), version)
            if candidate is None:
                await self.store.save_scores([], [task.task_id for task in group], self.stage.clock.now())
            else:
                for part in _one_a_place(group):
                    await self._of(candidate, part).score(list(part.values()))

    def _of(self, candidate: JudgeVersion, part: Mapping[tuple[str, str], Task]) -> PictureScorer:
        apart = _Apart(self.stage.store, self.store, _beside(part))
        return replace(self.stage, store=apart, live=lambda: candidate, shadows=tuple, student=no_student)


@dataclass(frozen=True, slots=True)
class _Apart:
    """`JudgementStore` for a candidate: pictures in words are shared, since they are no judgement; every answer goes to
    the shadow and no event goes out."""

    shared: JudgementStore
    store: ShadowStore
    beside: Beside

    async def description(self, image_hash: str, prompt_version: str, model: str) -> str | None:
        return await self.shared.description(image_hash, prompt_version, model)

    async def save_description(self, image_hash: str, prompt_version: str, model: str, text: str) -> None:
        await self.shared.save_description(image_hash, prompt_version, model, text)

    async def labels(self, content_keys: Sequence[str]) -> set[str]:
        """None is known: a task of the shadow stands for one answer, and ends with it."""
        return set()

    async def image_score(self, image_hash: str, prompt_version: str, model: str) -> ImageScoreFact | None:
        """As `labels`."""
        return None

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        rows = [(self.beside[fact.listing_id, ""], fact) for fact in facts]
        await self.store.save_labels(rows, done, at)

    async def save_image_score(
        self,
        facts: Sequence[ImageScoreFact],
        events: Sequence[OutgoingEvent],
        done: Sequence[UUID],
        at: datetime,
        more: Sequence[NewTask] = (),
    ) -> None:
        rows = [(self.beside[fact.listing_id, fact.image_url], fact) for fact in facts]
        await self.store.save_scores(rows, done, at)

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        raise StopProcess("an anchor came to a candidate in the shadow: anchors are the live judge's; report this")


def _by_judge(tasks: Sequence[Task], kind: str) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in tasks:
        if task.kind == kind:
            found.setdefault(str(task.payload[JUDGE]), []).append(task)
    return found


def _candidate(shadows: Shadows, version: str) -> JudgeVersion | None:
    return next((judge for judge, _ in shadows if judge.version == version), None)


def _one_a_place(tasks: Sequence[Task]) -> list[dict[tuple[str, str], Task]]:
    """In parts that name no listing (or picture) twice: a listing that changed was judged twice by the live judge, and
    each answer stands beside its own label."""
    parts: list[dict[tuple[str, str], Task]] = []
    for task in tasks:
        place = (task.subject["listing_id"], task.subject.get("image_url", ""))
        free = next((part for part in parts if place not in part), None)
        if free is None:
            parts.append({place: task})
        else:
            free[place] = task
    return parts


def _beside(part: Mapping[tuple[str, str], Task]) -> Beside:
    return {place: UUID(str(task.payload[LIVE_LABEL])) for place, task in part.items()}
