"""What the read side answers about scores of pictures: rows as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from core.read_models import Json

BAD_SCORE = 4
"""Up to it a picture counts as a bad one, as the pages colour it: below the middle of the scale."""

PictureOrder = Literal["worst", "best"]


@dataclass(frozen=True, slots=True)
class PictureFilter:
    """Which scores to look at: the newest of each picture of a listing, given in the last `days`. Empty text means all;
    a picture carries `flag` when the judge saw it there, `judge` is a judge version (`name@hash`)."""

    days: int = 28
    market: str = ""
    category: str = ""
    tier: str = ""
    flag: str = ""
    judge: str = ""


@dataclass(frozen=True, slots=True)
class PictureView:
    """One scored picture. `call_id` and `judge` are empty for a student's score, `spread` is None for a judge's."""

    event_id: str
    listing_id: str
    title: str | None
    market: str
    category: str
    image_url: str
    image_hash: str
    has_thumbnail: bool
    score: int
    aspects: Mapping[str, int]
    reasoning: str
    flags: Sequence[str]
    tier: str
    spread: float | None
    model: str
    prompt_version: str
    judge: str
    judged_at: datetime
    call_id: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many pictures have each score 1 to 10."""

    counts: Sequence[int]

    @property
    def pictures(self) -> int:
        """All of them."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Their mean score; None of nothing."""
        total = sum(score * count for score, count in enumerate(self.counts, start=1))
        return total / self.pictures if self.pictures else None

    @property
    def bad(self) -> int:
        """Those at or below `BAD_SCORE`."""
        return sum(self.counts[:BAD_SCORE])


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """Scores in one category of one market; a listing that names none has the category ''."""

    market: str
    category: str
    scores: Distribution


@dataclass(frozen=True, slots=True)
class PictureReport:
    """Scores that a filter takes in: overall, by tier, by segment (largest first), the worst and the best."""

    wanted: PictureFilter
    scores: Distribution
    tiers: Mapping[str, int]
    waiting: Mapping[str, int]
    """Pictures that wait, of whatever segment: `image` for their first score, `image_label` for the judge's after the
    student's."""
    segments: Sequence[SegmentScores]
    segments_in_all: int
    worst: Sequence[PictureView]
    best: Sequence[PictureView]
    failures: Sequence[tuple[str, int]]
    """(reason, pictures) of those that could not be judged in the window, in the filter's market."""
    markets: Sequence[str]
    categories: Sequence[str]
    judges: Sequence[str]


@dataclass(frozen=True, slots=True)
class PictureTask:
    """A task of one picture."""

    task_id: str
    kind: str
    lane: str
    image_url: str
    state: str
    reason: str
    attempts: int
    created_at: datetime
    not_before: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlikePicture:
    """A listing that shows the same picture, or one that looks like it (`distance`: bits of 64 in
    which their perceptual hashes differ). `seller` is empty where it is not known."""

    listing_id: str
    title: str | None
    image_url: str
    image_hash: str
    has_thumbnail: bool
    seller: str
    distance: int


@dataclass(frozen=True, slots=True)
class PictureStory:
    """One picture of a listing. `scores` are all of it, newest first; `place` is its place in the listing from 0, None
    for one that the listing no longer shows. What is None or empty in the technical part was never fetched."""

    image_url: str
    place: int | None
    image_hash: str
    has_thumbnail: bool
    width: int | None
    height: int | None
    byte_size: int | None
    media_type: str
    fetched_at: datetime | None
    measures: Mapping[str, float]
    scores: Sequence[PictureView]
    alike: Sequence[AlikePicture] = ()

    @property
    def newest(self) -> PictureView | None:
        """The score that counts."""
        return self.scores[0] if self.scores else None

    def of_tier(self, tier: str) -> PictureView | None:
        """The newest score of a tier, of the picture that the newest score is of."""
        now = self.newest
        return next((each for each in self.scores if now and each.tier == tier and same(each, now)), None)


def same(one: PictureView, other: PictureView) -> bool:
    """Whether two scores are of the very same picture."""
    return one.image_hash == other.image_hash


@dataclass(frozen=True, slots=True)
class BuyerDay:
    """What buyers did with a listing on a day: a row of `assay.buyer_rates`. `examined`: impressions, each counted by
    how much its place is looked at."""

    application: str
    market: str
    day: date
    impressions: int
    examined: float
    clicks: int
    carts: int
    purchases: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class ListingPictures:
    """A listing's pictures side by side. `known`: the catalogue has the listing; its words are empty else."""

    listing_id: str
    known: bool
    deleted: bool
    title: str
    market: str
    category: str
    brand: str
    price_amount: float | None
    price_currency: str
    pictures: Sequence[PictureStory]
    tasks: Sequence[PictureTask]
    score: Mapping[str, Json] = field(default_factory=dict)
    """Row of `assay.listing_image_scores`, empty without one."""
    buyers: Sequence[BuyerDay] = ()
    """Newest day first."""


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures to look at: those of the last `days`. Empty text means all."""

    days: int = 7
    market: str = ""
    reason: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class FailedPicture:
    """A picture that could not be judged, or (`state` waiting) has not been yet."""

    task_id: str
    kind: str
    listing_id: str
    title: str | None
    market: str
    image_url: str
    state: str
    reason: str
    attempts: int
    at: datetime
    """When it ended; of one that waits, when it is tried again."""


@dataclass(frozen=True, slots=True)
class FailedHost:
    """Host of pictures that could not be judged, as their URLs name it; empty where they name none."""

    host: str
    pictures: int
    reasons: Sequence[str]
    """The most frequent ones."""
    last: datetime


@dataclass(frozen=True, slots=True)
class FailureReport:
    """What failed in the window, by reason and by host, and what waits to be tried again."""

    wanted: FailureFilter
    reasons: Sequence[tuple[str, int]]
    retried: Sequence[tuple[str, int, datetime]]
    """(reason, pictures, first next try) of those that wait after a failure."""
    hosts: Sequence[FailedHost]
    examples: Sequence[FailedPicture]
    waiting: Sequence[FailedPicture]
    more: bool
    """Whether another page of examples follows."""
    done: int
    """Pictures that were scored in the window, to compare with."""
    markets: Sequence[str]
