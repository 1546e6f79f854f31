"""What the read side answers about pictures that look alike: rows as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DuplicateFilter:
    """Which groups to look at: those that got a picture in the last `days`, of this market, with this seller among
    them; or the one of this id, whenever it was. Empty text means all. `page` counts groups, or the copies of the one
    group, from 1."""

    days: int = 28
    market: str = ""
    seller: str = ""
    group: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture as a listing shows it. `seen_at`: when the listing was told in the form in which the picture was first
    judged; `distance`: bits of 64 in which it differs from the first of its group."""

    listing_id: str
    title: str | None
    market: str
    seller: str
    image_url: str
    image_hash: str
    has_thumbnail: bool
    seen_at: datetime
    distance: int
    on_sale: bool


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that look alike and that several sellers show."""

    group_id: str
    sellers: int
    listings: int
    pictures: int
    """Different files among them."""
    markets: Sequence[str]
    newest_at: datetime
    first: SeenPicture
    copies: Sequence[SeenPicture]
    """Of other sellers than the first one's, the oldest first; a part of them where they are many."""
    copies_in_all: int


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """A page of groups, those with the newest picture first, and the markets there are to choose from."""

    wanted: DuplicateFilter
    groups: Sequence[DuplicateGroup]
    more: bool
    """Whether another page follows."""
    markets: Sequence[str] = field(default_factory=tuple)
