"""Runs of judges on datasets, and what came of them. Here, and not beside the other facts of evaluation, because
reports are made of them by pure functions; `core.eval_facts` offers them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.domain.evaluation.items import DatasetKind, Split

RunState = Literal["running", "done", "stopped", "over_cap"]
"""`stopped`: by a signal, a kill or an error, to be resumed; `over_cap`: the cap on its cost was reached."""


@dataclass(frozen=True, slots=True)
class EvalRun:
    """Judges on one dataset. `cap_usd` bounds what the run may cost, cached results aside."""

    run_id: UUID
    name: str
    dataset: str
    """`name@version`."""
    kind: DatasetKind
    split: Split | None
    """The split that is judged; None: both."""
    judges: tuple[str, ...]
    state: RunState
    cap_usd: float
    estimated_usd: float
    started_at: datetime
    ended_at: datetime | None
    started_by: str
    items: int = 0
    """How many items every judge is asked about."""
    limit: int = 0
    """Only so many of the split's items, the first of the file; 0: all."""
    sample: int = 0
    """Only so many, of queries drawn at random; 0: all."""
    anchors: bool = False
    """The dataset is of anchors: nothing is taken from an earlier judgement, and nobody takes anything from here."""


@dataclass(frozen=True, slots=True)
class EvalResult:
    """What a judge said of an item in a run, or why it said nothing. One a (run, judge, item)."""

    run_id: UUID
    judge: str
    item_id: str
    grade: int | None
    confidence: float | None
    reasoning: str
    verdicts: str
    """One letter a requirement of the guideline, in its order: `y` met, `n` not met, `?` not told; empty where the
    judge gave none."""
    aspects: Mapping[str, int]
    """Of pictures: score by aspect."""
    guideline_version: str
    content_key: str
    call_id: UUID | None
    failure: str
    """The kind of failure; empty for an answer."""
    reused: bool
    """Taken from an earlier judgement of the same content key: nothing was paid."""
    cost_usd: float
    """Its share of the calls that this run made for it: guideline, picture in words, every step of a cascade; 0 where
    `reused`."""
    input_tokens: float
    output_tokens: float
    latency_ms: int
    """Of the call that graded it."""
    judged_at: datetime
    model: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """`fingerprint`, `prompt_version`: provenance a page shows."""
    call_usd: float | None = None
    """Its share of the call that graded it, whoever paid for that; None where nobody knows any more."""
