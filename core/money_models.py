"""What the read side answers about money and calls: budgets, costs by segment, one call's whole story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.read_models import Json


@dataclass(frozen=True, slots=True)
class LaneSpend:
    """One lane's UTC day, in US dollars. `budget_usd` None: the lane has no cap of its own.

    `waiting` tasks wait for money, because of `reason` (`over_budget`: the day's cap; `lane_budget`: the lane's),
    `until` then.
    """

    lane: str
    usd: float
    reserved_usd: float
    budget_usd: float | None
    waiting: int = 0
    reason: str = ""
    until: datetime | None = None

    @property
    def used(self) -> float | None:
        """Share of the lane's own cap, 0 to 1; None without one."""
        taken = self.usd + self.reserved_usd
        if self.budget_usd is None:
            return None
        return taken / self.budget_usd if self.budget_usd else float(taken > 0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Ended calls of one name (a model, a purpose, a lane, a segment, a status), in US dollars and tokens."""

    name: str
    calls: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usd: float
    batch_calls: int
    batch_usd: float


@dataclass(frozen=True, slots=True)
class DayCost:
    """What a UTC day cost by lane (lane to US dollars), and the labels made on it."""

    day: date
    lanes: Mapping[str, float]
    labels: int
    labels_usd: float
    """Of the calls that labels come from: guidelines, judgements, descriptions of pictures."""

    @property
    def usd(self) -> float:
        """All lanes."""
        return sum(self.lanes.values())

    @property
    def usd_per_label(self) -> float | None:
        """The full cost of a label; None on a day without any."""
        return self.labels_usd / self.labels if self.labels else None


@dataclass(frozen=True, slots=True)
class LabelCost:
    """Labels of one segment or reason and what they cost."""

    name: str
    labels: int
    usd: float

    @property
    def usd_per_label(self) -> float | None:
        """None without labels."""
        return self.usd / self.labels if self.labels else None


@dataclass(frozen=True, slots=True)
class Spending:
    """The spending page: `days` oldest first, without gaps; the rest is of the same days, or of `day` alone, dearest
    first."""

    days: Sequence[DayCost]
    total: Cost
    models: Sequence[Cost]
    purposes: Sequence[Cost]
    lanes: Sequence[Cost]
    segments: Sequence[Cost]
    statuses: Sequence[Cost]
    label_segments: Sequence[LabelCost]
    """By application and market, all that labels need."""
    label_reasons: Sequence[LabelCost]
    """By why they were asked for: the labels' own calls alone."""
    reasons_since: date
    day: date | None = None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list: of each field that is not empty, those that have it. `query`: as normalised; `judge`: a
    version or a name; `run`: an evaluation's id or name; `listing`: calls that were for it or gave it something."""

    lane: str = ""
    status: str = ""
    model: str = ""
    purpose: str = ""
    query: str = ""
    day: date | None = None
    task: str = ""
    listing: str = ""
    judge: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class CallView:
    """One request to the LLM; a running one has its cost at the worst case."""

    call_id: str
    lane: str
    model: str
    status: str
    http_status: int | None
    started_at: datetime
    latency_ms: int | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    cost_usd: float
    purpose: str
    subject: Mapping[str, str]
    batch: bool = False

    @property
    def cached(self) -> float | None:
        """Share of the input that the provider had in its prompt cache, 0 to 1; None where it said nothing."""
        return self.cached_tokens / self.input_tokens if self.input_tokens and self.cached_tokens is not None else None


@dataclass(frozen=True, slots=True)
class CallTask:
    """A task that a call was made for, as it stands now."""

    task_id: str
    kind: str
    lane: str
    subject: Mapping[str, str]
    state: str
    reason: str
    attempts: int
    created_at: datetime
    not_before: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of a call, by `kind`: a `label`, a picture's `score`, an `anchor`'s grade, an `evaluation`'s grade, a
    label in the `shadow`. `confidence` None where there is none; `event_id` empty but for labels and scores."""

    listing_id: str
    title: str
    application: str
    market: str
    query: str
    label: str
    score: int
    confidence: float | None
    reasoning: str
    kind: str = "label"
    event_id: str = ""
    judge: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallStory:
    """One call from end to end: the rules (`system`), the data, what came back, by whom, what it cost by which price
    list (`price_version`), for which tasks, what came of it, and the other calls for the same tasks (`tries`)."""

    call: CallView
    prompt_version: str
    system: str
    request: Json
    reply: str
    answered_by: str
    fingerprint: str
    error: str
    endpoint: str = ""
    price_version: str = ""
    reserved_usd: float = 0.0
    reserved_tokens: int = 0
    tasks: Sequence[CallTask] = ()
    results: Sequence[CallResult] = ()
    tries: Sequence[CallView] = ()
