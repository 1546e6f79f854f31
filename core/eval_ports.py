"""Where datasets, judge versions and runs are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from core.domain.access import AuditEntry
from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.evaluation.costing import CallHabits
from core.eval_facts import Dataset, EvalItem, EvalResult, EvalRun, JudgeVersion, RunState
from core.facts import ImageScoreFact, LabelFact

LEAST_PREFIX = 6
"""Characters of a version that name it: of some thousand versions two begin alike with a chance of one in a hundred."""


class DatasetStore(Protocol):
    """Immutable dataset versions."""

    async def save(self, dataset: Dataset, items: Sequence[EvalItem]) -> bool:
        """Store all of it or nothing; False where this version is there already."""
        ...

    async def find(self, ref: str) -> Dataset | None:
        """By `name` (its newest version), `name@version` or a beginning of the version of at least 6 characters."""
        ...

    async def all(self) -> Sequence[Dataset]:
        """Every version, newest first."""
        ...

    async def items(self, dataset: Dataset) -> Sequence[EvalItem]:
        """Its items, in the order of the file."""
        ...

    async def anchor_texts(self) -> Sequence[AnchorText]:
        """Every anchor there is, of datasets and of `assay anchors`, as a prompt could show it."""
        ...


JudgeAct = Literal["promote", "rollback", "shadow", "unshadow"]


@dataclass(frozen=True, slots=True)
class JudgeDeed:
    """Who did what with a judge version, when and why; nothing of it is ever taken back."""

    act: JudgeAct
    version: str
    share: float
    """Of a shadow: part of the live tasks that it judges too, 0 to 1. Else 1."""
    by: str
    why: str
    at: datetime
    gate_id: UUID | None = None
    """The passed gate that allowed a promotion; None of one that was forced (`why` is the reason) or asks for none."""


@dataclass(frozen=True, slots=True)
class KeptJudge:
    """A version as it stands in the book."""

    judge: JudgeVersion
    by: str
    at: datetime


class JudgeBook(Protocol):
    """Judge versions and which of them is live."""

    async def save(self, judge: JudgeVersion, by: str, at: datetime) -> bool:
        """Store; False where it is known already. UsageError where a prompt shows an anchor: nothing is stored."""
        ...

    async def find(self, ref: str) -> JudgeVersion | None:
        """By version, name (its newest version) or a beginning of `name@hash` that fits one only."""
        ...

    async def all(self) -> Sequence[KeptJudge]:
        """Every version, newest first."""
        ...

    async def live(self) -> JudgeVersion | None:
        """The promoted one; None before the first promotion: the settings' judge then judges."""
        ...

    async def shadows(self) -> Sequence[tuple[JudgeVersion, float]]:
        """Candidates that judge a share of live tasks too, each with its share."""
        ...

    async def note(self, deed: JudgeDeed, entry: AuditEntry | None = None) -> None:
        """Keep the deed; a promotion or rollback makes its version the live one in the same transaction, which keeps
        the console's audit `entry` too."""
        ...

    async def deeds(self) -> Sequence[JudgeDeed]:
        """All, newest first."""
        ...


class GateBook(Protocol):
    """Gates that were passed."""

    async def passed(self, judge: str) -> UUID | None:
        """The id of the newest gate that this judge version passed on the current dataset; None where it passed none,
        or the dataset or the live judge is another since."""
        ...


@dataclass(frozen=True, slots=True)
class RunTally:
    """How far one judge has come in a run, and what it took: dollars are what the run paid for it."""

    judge: str
    answers: int
    reused: int
    failures: Mapping[str, int]
    """By kind."""
    cost_usd: float
    latency_ms: float | None
    """Median of the calls that graded; None where every answer was reused."""


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """How a candidate's answers stand beside the live ones of the same pairs or pictures."""

    judge: str
    live: str
    """The judge that gave the live ones."""
    kind: Literal["relevance", "image"]
    counts: Mapping[tuple[str, int, int], int]
    """How many had (query, live grade, candidate's grade): 0 to 2, or scores 1 to 10. The query is told with its
    application and market; of a picture it is the listing."""


SHADOW_ANSWERS = 5_000
"""Answers of a candidate that are compared: the share that both grade alike is known to one or two hundredths by then,
and a quarter of a second is enough to draw from them a thousand times."""


class ShadowStore(Protocol):
    """Answers of candidates in the shadow: no label, no score and no event that anybody outside sees."""

    async def save_labels(self, labels: Sequence[tuple[UUID, LabelFact]], done: Sequence[UUID], at: datetime) -> None:
        """Each beside the live label with that event id, and the end of their tasks, in one transaction."""
        ...

    async def save_scores(
        self, scores: Sequence[tuple[UUID, ImageScoreFact]], done: Sequence[UUID], at: datetime
    ) -> None:
        """The same of pictures."""
        ...

    async def counts(self, judge: str = "", newest: int = SHADOW_ANSWERS) -> Sequence[ShadowCounts]:
        """By candidate, live judge and kind, of one candidate or (empty) all: of the `newest` answers of each kind that
        each candidate gave, as far as the live labels are still there."""
        ...


class RunStore(Protocol):
    """Evaluation runs and what came of them."""

    async def begin(self, run: EvalRun) -> None:
        """Store it as running; one that is there is set to running again, with the cap given now."""
        ...

    async def end(self, run_id: UUID, state: RunState, at: datetime) -> None:
        """Its end, or its stop."""
        ...

    async def save(self, results: Sequence[EvalResult]) -> None:
        """Store; an answer replaces an earlier failure of the same (run, judge, item), never another answer."""
        ...

    async def find(self, ref: str) -> EvalRun | None:
        """By name (its newest), id or a beginning of the id of at least 6 characters."""
        ...

    async def all(self, limit: int) -> Sequence[EvalRun]:
        """Newest first."""
        ...

    async def results(self, run_id: UUID, judge: str) -> Sequence[EvalResult]:
        """Of one judge in a run."""
        ...

    async def answered(self, run_id: UUID, judge: str) -> frozenset[str]:
        """Ids of the items that the judge has answered; those that failed are not among them."""
        ...

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, EvalResult]:
        """Answers of any run by content key, the first there was; none of a run on anchors."""
        ...

    async def tallies(self, run_id: UUID) -> Sequence[RunTally]:
        """By judge, in the order of the names; judges without a result are left out."""
        ...

    async def spent(self, run_id: UUID) -> float:
        """US dollars of all calls made for the run, failed ones too; those under way at their worst case."""
        ...


class CallHistory(Protocol):
    """What calls took lately, to reckon what such calls will take."""

    async def habits(self, purpose: str, prompt_version: str, model: str) -> CallHabits | None:
        """Of this prompt version, else of the purpose and model alone; None where there were too few."""
        ...
