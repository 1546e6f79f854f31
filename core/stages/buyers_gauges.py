"""What buyers did as gauges: the agreement of the last week, and which day of the log was read last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from core.buyer_ports import AgreementRow, Tier
from core.domain.images.buyers.days import midnight
from core.telemetry import Metrics

SHOWN = ("", "main", "click")
"""Category, measure and action of the rows that gauges show: the one that alerts are about."""


class BuyersGauges:
    """Gauges `assay_buyers_*` of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown: set[tuple[str, str, Tier]] = set()
        self._first_asked: date | None = None

    def asked(self, day: date, newest: date | None) -> None:
        """That a day is to be read now; `newest` is the newest one there is of those before. A process that never
        succeeds shows how long it has not, and one with an empty store the day before the first that it was to read."""
        self._first_asked = self._first_asked or day
        self.read(newest or self._first_asked - timedelta(days=1))

    def read(self, day: date) -> None:
        """That this day was read, and none after it."""
        self._metrics.set("assay_buyers_day_seconds", midnight(day).timestamp())

    def agreed(self, rows: Sequence[AgreementRow], days: int) -> None:
        """Of the rows of a day those over so many days; a figure that is not defined any more, or whose market is not
        there any more, is shown no longer."""
        kept = [row for row in rows if (row.days, row.category, row.measure, row.action) == (days, *SHOWN)]
        now = {(row.application, row.market, row.tier) for row in kept}
        for gone in self._shown - now:
            self._correlation(gone, None)
            self._lift(gone, None)
        for row in kept:
            key = (row.application, row.market, row.tier)
            self._correlation(key, row.correlation)
            self._lift(key, row.lift_per_point)
        self._shown = now

    def _correlation(self, key: tuple[str, str, Tier], value: float | None) -> None:
        application, market, tier = key
        if value is None:
            self._metrics.forget("assay_buyers_correlation", application=application, market=market, tier=tier)
        else:
            self._metrics.set("assay_buyers_correlation", value, application=application, market=market, tier=tier)

    def _lift(self, key: tuple[str, str, Tier], value: float | None) -> None:
        application, market, tier = key
        if value is None:
            self._metrics.forget("assay_buyers_lift_per_point", application=application, market=market, tier=tier)
        else:
            self._metrics.set("assay_buyers_lift_per_point", value, application=application, market=market, tier=tier)
