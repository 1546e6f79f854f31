"""What evaluation is about, as plain frozen records: datasets, judge versions, runs and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.domain.cascade import Cascade
from core.domain.labels import Mode

DatasetKind = Literal["relevance", "image"]
"""`relevance`: query and product, graded 0 to 2. `image`: a picture of a listing, scored 1 to 10."""

Split = Literal["tune", "test"]
"""Prompts are written with `tune` in view and measured on `test`. A query is in one of them, with all its items."""

JudgePrompt = Literal["guideline", "judgements", "picture_description", "picture_scores"]
"""Prompts that a judge version is made of."""

RunState = Literal["running", "done", "stopped", "over_cap"]
"""`stopped`: by a signal, a kill or an error, to be resumed; `over_cap`: the cap on its cost was reached."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """An immutable version of human-labelled data. `version` is a hash of its items, ratings and rule: the same content
    is the same version, whoever imports it."""

    name: str
    version: str
    kind: DatasetKind
    source: str
    licence: str
    rule: str
    """How grades of the file became ours, as it was stated: `0=0 1=1 2=1 3=2`."""
    anchors: bool
    """Anchors never enter a prompt, an example or a cache."""
    items: int
    queries: int
    raters: tuple[str, ...]
    made_at: datetime
    made_by: str

    @property
    def ref(self) -> str:
        """`name@version`, as commands and pages say it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One thing to grade, with what people said of it. Grades are 0 to 2, or 1 to 10 of an `image` dataset."""

    item_id: str
    split: Split
    application: str
    market: str
    language: str
    query: str
    """Normalised; of an `image` dataset the cluster that stands or falls together: the listing's id."""
    context: tuple[tuple[str, str], ...]
    listing_id: str
    listing: Mapping[str, object] | None
    """The product as the dataset brings it, in the shape of the topic `listings`; None: the catalogue's is taken."""
    image_url: str | None
    segment: Mapping[str, str]
    """`market`, `language`, `length` of the query, `volume`, `category`: those that are known."""
    ranks: Mapping[str, int]
    """Place among an engine's results for the query, from 1, by engine; empty where no engine is known."""
    truth: int | None
    """The grade that counts: adjudicated, else the median of the raters, rounded down. None: nobody graded it."""
    ratings: Mapping[str, int]
    """Grade by rater; a rater who did not see the item is absent."""


@dataclass(frozen=True, slots=True)
class JudgeVersion:
    """All that makes one judge: prompts, models, mode, cascade, parameters. `version` is its name and a hash of the
    rest, as labels carry it: `strict-brands@0f3a…`."""

    version: str
    name: str
    mode: Mode
    model: str
    vision_model: str
    products_per_call: int
    cascade: Cascade | None
    prompts: Mapping[JudgePrompt, str]
    """The text of each prompt."""


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
    """Its share of the calls made for it."""
    input_tokens: float
    output_tokens: float
    latency_ms: int
    """Of the call that graded it."""
    judged_at: datetime
    model: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """`fingerprint`, `prompt_version`: provenance a page shows."""
