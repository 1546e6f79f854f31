"""Where datasets, judge versions and runs are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from core.eval_facts import Dataset, EvalItem, EvalResult, EvalRun, JudgeVersion, RunState


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


class JudgeBook(Protocol):
    """Judge versions and which of them is live."""

    async def save(self, judge: JudgeVersion, by: str, at: datetime) -> bool:
        """Store; False where it is known already."""
        ...

    async def find(self, ref: str) -> JudgeVersion | None:
        """By version, name (its newest version) or a beginning of `name@hash` that fits one only."""
        ...

    async def all(self) -> Sequence[JudgeVersion]:
        """Newest first."""
        ...

    async def live(self) -> JudgeVersion | None:
        """The promoted one; None before the first promotion: the settings' judge then judges."""
        ...

    async def shadows(self) -> Sequence[tuple[JudgeVersion, float]]:
        """Candidates that judge a share of live tasks too, each with its share."""
        ...

    async def note(self, deed: JudgeDeed) -> None:
        """Keep the deed; a promotion or rollback makes its version the live one in the same transaction."""
        ...

    async def deeds(self) -> Sequence[JudgeDeed]:
        """All, newest first."""
        ...


class RunStore(Protocol):
    """Evaluation runs and what came of them."""

    async def begin(self, run: EvalRun) -> None:
        """Store it as running; a run that is there is only set to running again."""
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
