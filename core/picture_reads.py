"""The read side of pictures: what the console's pages of them ask of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.duplicate_models import DuplicateFilter, DuplicateReport
from core.picture_models import (
    FailureFilter,
    FailureReport,
    ListingPictures,
    PictureFilter,
    PictureOrder,
    PictureReport,
    PictureView,
)
from core.picture_watch_models import BuyerFilter, BuyerReport, FlagReport, PictureAlertView, StudentReport


class PictureReads(Protocol):
    """All questions; they raise as those of `core.read_ports.Reads` do."""

    async def report(self, wanted: PictureFilter) -> PictureReport:
        """Distribution by segment, the worst and the best."""
        ...

    async def page_of(
        self, wanted: PictureFilter, order: PictureOrder, page: int
    ) -> tuple[Sequence[PictureView], bool]:
        """A page from 1 of the worst or best ones, and whether another follows."""
        ...

    async def listing(self, listing_id: str) -> ListingPictures | None:
        """One listing's pictures; None where nothing is known of it."""
        ...

    async def failures(self, wanted: FailureFilter) -> FailureReport:
        """What could not be judged, and why."""
        ...

    async def alerts(self) -> Sequence[PictureAlertView]:
        """The newest alerts about picture scores, newest first."""
        ...

    async def flags(self, days: int, market: str) -> FlagReport:
        """What the judge saw beside the scores, by day and segment; of one market, or of all."""
        ...

    async def buyers(self, wanted: BuyerFilter) -> BuyerReport:
        """How far the scores agree with what buyers did."""
        ...

    async def students(self, days: int, market: str) -> StudentReport:
        """Students, and how they and the judge agree; the latter of one market, or of all."""
        ...

    async def duplicates(self, wanted: DuplicateFilter) -> DuplicateReport:
        """Pictures that look alike and that several sellers show."""
        ...
