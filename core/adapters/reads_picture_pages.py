"""`core.picture_reads.PictureReads` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from core.adapters import (
    reads_duplicates,
    reads_listing_pictures,
    reads_picture_failures,
    reads_picture_watches,
    reads_pictures,
    reads_students,
)
from core.adapters.postgres import Connection
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
from core.ports import Clock


class PictureReader:
    """Each question on a connection of its own, which `held` lends."""

    def __init__(self, held: Callable[[], AbstractAsyncContextManager[Connection]], clock: Clock) -> None:
        self._held = held
        self._clock = clock

    async def report(self, wanted: PictureFilter) -> PictureReport:
        """Distribution by segment, the worst and the best."""
        async with self._held() as held:
            return await reads_pictures.report(held, self._clock.now(), wanted)

    async def page_of(
        self, wanted: PictureFilter, order: PictureOrder, page: int
    ) -> tuple[Sequence[PictureView], bool]:
        """A page from 1 of the worst or best ones, and whether another follows."""
        async with self._held() as held:
            return await reads_pictures.page_of(held, self._clock.now(), wanted, order, page)

    async def listing(self, listing_id: str) -> ListingPictures | None:
        """One listing's pictures; None where nothing is known of it."""
        async with self._held() as held:
            return await reads_listing_pictures.listing(held, listing_id)

    async def failures(self, wanted: FailureFilter) -> FailureReport:
        """What could not be judged, and why."""
        async with self._held() as held:
            return await reads_picture_failures.failures(held, self._clock.now(), wanted)

    async def alerts(self) -> Sequence[PictureAlertView]:
        """The newest alerts about picture scores, newest first."""
        async with self._held() as held:
            return await reads_picture_watches.alerts(held)

    async def flags(self, days: int, market: str) -> FlagReport:
        """What the judge saw beside the scores, by day and segment; of one market, or of all."""
        async with self._held() as held:
            return await reads_picture_watches.flags(held, self._clock.now(), days, market)

    async def buyers(self, wanted: BuyerFilter) -> BuyerReport:
        """How far the scores agree with what buyers did."""
        async with self._held() as held:
            return await reads_picture_watches.buyers(held, self._clock.now(), wanted)

    async def students(self, days: int, market: str) -> StudentReport:
        """Students, and how they and the judge agree; the latter of one market, or of all."""
        async with self._held() as held:
            return await reads_students.students(held, self._clock.now(), days, market)

    async def duplicates(self, wanted: DuplicateFilter) -> DuplicateReport:
        """Pictures that look alike and that several sellers show."""
        async with self._held() as held:
            return await reads_duplicates.duplicates(held, self._clock.now(), wanted)
