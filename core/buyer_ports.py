"""What the look at buyers reads and keeps: the search log by days, sums by place, propensities, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from core.domain.images.buyers.cells import Done
from core.domain.images.buyers.exposures import Bounds, DaySums, Market
from core.domain.images.buyers.propensities import Curve, Pairs

Tier = Literal["llm", "student"]
Measure = Literal["main", "listing"]
"""The score of the picture that a results page shows, or that of the listing, made of all its pictures'."""
Action = Literal["click", "add_to_cart", "purchase"]


@dataclass(frozen=True, slots=True)
class LogDays:
    """Days of the search log, folded. `note` says what of them was not there any more; empty when all was."""

    sums: Mapping[date, DaySums]
    note: str


@dataclass(frozen=True, slots=True)
class BuyerDay:
    """A day as it was read. `is_whole`: the day and its last sessions were over."""

    day: date
    read_at: datetime
    is_whole: bool
    searches: int
    impressions: int
    automated: int
    unmatched: int
    note: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A listing's scores of one tier as they stood at a moment: `main` of its first picture, `listing` of all."""

    listing_id: str
    tier: Tier
    main: float
    listing: float


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """A row of `assay.buyer_agreement_windows`: the `days` days that end with `day`. Empty `category`: all of them."""

    day: date
    days: int
    application: str
    market: str
    category: str
    tier: Tier
    measure: Measure
    action: Action
    listings: int
    impressions: int
    correlation: float | None
    low: float | None
    high: float | None
    kendall: float | None
    lift_per_point: float | None
    lift_low: float | None
    lift_high: float | None
    method: str
    note: str


class ExposureLog(Protocol):
    """The search log."""

    async def read(self, days: Sequence[date], bounds: Bounds) -> LogDays:
        """The sums of these UTC days, from what the log holds now; RetryLater where it can't be reached."""
        ...


class Buyers(Protocol):
    """What buyers did, by day."""

    async def days(self, first: date, last: date) -> list[BuyerDay]:
        """Those that were read, oldest first."""
        ...

    async def save_day(self, day: BuyerDay, sums: DaySums, forget_before: date) -> None:
        """Put the day in place of what there is of it, and let go of older days, in one transaction."""
        ...

    async def markets(self, first: date, last: date) -> list[Market]:
        """Markets with impressions in these days, in order."""
        ...

    async def pairs(self, market: Market, first: date, last: date) -> Pairs:
        """What came of queries' listings by place, over these days, of those that stood in two places at least and were
        clicked: the others say nothing of places."""
        ...

    async def save_curve(self, day: date, market: Market, curve: Curve) -> None:
        """Put the day's propensities of a market in place of what there is."""
        ...

    async def curve(self, day: date, market: Market) -> Curve | None:
        """The day's propensities of a market."""
        ...

    async def bought(self, market: Market, first: date, last: date, curve: Curve) -> list[Done]:
        """Listings of the catalogue that were shown in these days, by listing; places past the curve's end left out."""
        ...

    async def scored(self, listing_ids: Sequence[str], before: datetime) -> list[Scored]:
        """The newest scores given before a moment, of listings whose main picture has one."""
        ...

    async def save_agreement(self, day: date, rows: Sequence[AgreementRow]) -> None:
        """Put a day's rows in place of what there is of it."""
        ...

    async def agreement(self, first: date, last: date) -> list[AgreementRow]:
        """Rows of these days, in the order of their columns."""
        ...
