"""What the read side answers about queries, pictures, alerts and dead letters: rows as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Row = Mapping[str, Json]
"""One row of a public view, ready for JSON: times are ISO 8601 in UTC, ids are text."""

QuerySort = Literal["priority", "searches", "engaged", "reformulated", "exits", "zero_results"]


@dataclass(frozen=True, slots=True)
class Counters:
    """The six counters of panes, added up."""

    searches: int
    sessions: int
    engaged: int
    reformulated: int
    exits: int
    zero_results: int


@dataclass(frozen=True, slots=True)
class DayCounters:
    """Counters of one UTC day."""

    day: date
    counters: Counters


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span of panes, ending with the newest pane's hour; `days` long."""

    start: datetime
    end: datetime
    days: int


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which queries to list. Empty text means all; `min_sessions` hides rare queries (they carry personal data)."""

    application: str = ""
    market: str = ""
    text: str = ""
    days: int = 14
    min_sessions: int = 20
    sort: QuerySort = "priority"


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One query over a window, with its friction as `core.domain.friction` defines it: rates are shares of searches."""

    application: str
    market: str
    query: str
    counters: Counters
    lower_bound: float
    baseline: float
    excess: float
    priority: float
    days: Sequence[DayCounters]
    mean_grade: float | None
    labels: int
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class QueryList:
    """Queries with most to gain first; `total` counts those that match, listed or not."""

    window: Window | None
    rows: Sequence[QueryRow]
    total: int
    applications: Sequence[str]
    markets: Sequence[str]


@dataclass(frozen=True, slots=True)
class LabelView:
    """One label as a person reads it."""

    listing_id: str
    label: str
    grade: int
    confidence: float
    reasoning: str
    reason: str
    mode: str
    model: str
    prompt_version: str
    guideline_version: str
    judged_at: datetime
    call_id: UUID
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Product:
    """One result: what the catalogue says of it (None: it was never told), its picture and its labels, newest first."""

    listing_id: str
    title: str | None
    brand: str | None
    category: str | None
    price_amount: float | None
    price_currency: str | None
    image_url: str | None
    image_hash: str | None
    labels: Sequence[LabelView]
    task: str
    """State of its newest judge task and the reason of it, such as `failed: refused`; empty when none is known."""


@dataclass(frozen=True, slots=True)
class EngineResults:
    """The newest list one engine showed, in rank order."""

    engine: str
    language: str
    seen_at: datetime
    total: int
    products: Sequence[Product]


@dataclass(frozen=True, slots=True)
class SelectionView:
    """Why a query was chosen, once."""

    reason: str
    priority: float
    pairs: int
    evidence: Mapping[str, Json]
    selected_at: datetime


@dataclass(frozen=True, slots=True)
class RequirementView:
    """One thing the shopper asks for."""

    requirement: str
    importance: str
    why: str


@dataclass(frozen=True, slots=True)
class GuidelineView:
    """One version of a query's guideline; `guides` maps each label to when it applies."""

    version: str
    language: str
    author: str
    model: str
    created_at: datetime
    translation: str
    specificity: str
    requirements: Sequence[RequirementView]
    guides: Mapping[str, str]
    context: str = ""
    """The filters it is written for, as a JSON object; empty where there are none."""


@dataclass(frozen=True, slots=True)
class QueryStory:
    """Everything known of one query. Days without a search are missing in `days`."""

    application: str
    market: str
    query: str
    window: Window | None
    counters: Counters
    market_counters: Counters
    days: Sequence[DayCounters]
    selections: Sequence[SelectionView]
    engines: Sequence[EngineResults]
    others: Sequence[Product]
    """Labelled products that no engine's newest list shows."""
    guidelines: Sequence[GuidelineView]


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert that relevance drifted; `segment` and `evidence` are the detector's own words.

    `status` is `provisional` until the verdict's last look, then `final`.
    """

    alert_id: str
    segment: Mapping[str, Json]
    cause: str
    metric: str
    before: float
    after: float
    detected_at: datetime
    status: str
    evidence: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class NightValue:
    """The alert's metric on one night: mean over `n` queries (or anchors) and its 95 % interval."""

    night: date
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class AlertStory:
    """One alert and its metric on the nights around it."""

    alert: AlertView
    nights: Sequence[NightValue]
