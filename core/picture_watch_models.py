"""What watches over picture scores see over time: flags, agreement with buyers, agreement of the student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.read_models import Json


@dataclass(frozen=True, slots=True)
class PictureAlertView:
    """One alert about picture scores; `kind` is `buyers`, `student` or `flags`."""

    alert_id: str
    kind: str
    segment: Mapping[str, Json]
    metric: str
    before: float
    after: float
    detected_at: datetime
    evidence: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class FlagCount:
    """Different pictures that the judge scored, and how many of them carry each flag."""

    pictures: int
    flagged: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FlagReport:
    """Flags of the last `days`: by UTC day, by segment (market, category; largest first)."""

    days: int
    market: str
    by_day: Sequence[tuple[date, FlagCount]]
    by_segment: Sequence[tuple[str, str, FlagCount]]
    alerts: Sequence[PictureAlertView]
    markets: Sequence[str]

    @property
    def whole(self) -> FlagCount:
        """The window in one."""
        names = sorted({name for _, found in self.by_day for name in found.flagged})
        return FlagCount(
            sum(found.pictures for _, found in self.by_day),
            {name: sum(found.flagged.get(name, 0) for _, found in self.by_day) for name in names},
        )


@dataclass(frozen=True, slots=True)
class BuyerFilter:
    """Which agreements with buyers to look at. Empty text means all; `over`: days of each estimate, 1 or 7; `measure`:
    the main picture's score or the listing's."""

    days: int = 56
    application: str = ""
    market: str = ""
    tier: str = ""
    action: str = ""
    over: int = 7
    measure: str = "main"


@dataclass(frozen=True, slots=True)
class BuyerAgreement:
    """A row of `assay.buyer_agreement_windows`."""

    application: str
    market: str
    day: date
    category: str
    tier: str
    action: str
    listings: int
    impressions: int
    correlation: float | None
    low: float | None
    high: float | None
    lift_per_point: float | None
    lift_low: float | None
    lift_high: float | None
    method: str
    note: str

    @property
    def segment(self) -> tuple[str, str, str, str]:
        """What one line of a plot is of."""
        return self.application, self.market, self.tier, self.action


@dataclass(frozen=True, slots=True)
class BuyerReport:
    """Agreement of scores with what buyers did: every segment over time, and each category on the newest day."""

    wanted: BuyerFilter
    rows: Sequence[BuyerAgreement]
    categories: Sequence[BuyerAgreement]
    alerts: Sequence[PictureAlertView]
    applications: Sequence[str]
    markets: Sequence[str]


@dataclass(frozen=True, slots=True)
class StudentView:
    """A row of `assay.image_students`."""

    version: str
    name: str
    extractor: str
    judge: str | None
    trained_at: datetime
    trained_by: str
    pictures: int | None
    held_back: int | None
    rank_correlation: float | None
    rank_low: float | None
    rank_high: float | None
    quadratic_kappa: float | None
    mean_bias: float | None
    within_one: float | None
    coverage: float | None
    unsure_above: float | None
    bytes: int
    live: bool
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StudentDay:
    """How one version and the judge agreed on pictures labelled on a UTC day after the student's score. `why`: `random`
    (holds of all pictures), `unsure` (the hardest ones). None: not defined, such as of pictures of one score."""

    day: date
    version: str
    why: str
    pictures: int
    rank_correlation: float | None
    quadratic_kappa: float | None
    mean_bias: float
    within_one: int


@dataclass(frozen=True, slots=True)
class StudentReport:
    """Students: versions newest first, deeds, agreement by day."""

    days: int
    market: str
    versions: Sequence[StudentView]
    deeds: Sequence[tuple[datetime, str, str, str, str]]
    """(at, act, version, by, why)"""
    agreement: Sequence[StudentDay]
    scored: Mapping[str, int]
    """Pictures scored in the last 24 hours by tier."""
    waiting: int
    """Pictures with the student's score that wait for the judge's."""
    alerts: Sequence[PictureAlertView]
    markets: Sequence[str]

    @property
    def live(self) -> StudentView | None:
        """The version that scores now."""
        return next((each for each in self.versions if each.live), None)
