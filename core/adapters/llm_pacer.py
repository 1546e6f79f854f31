"""The pace of one process at one endpoint: its share of the limits, what the provider said, the calls under way.

Decides without waiting; `core.adapters.llm_gate` asks it before each call and tells it of each end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.domain import flight, pacing
from core.domain.flight import Flight
from core.domain.pacing import Limits, Said
from core.domain.shares import NOTHING, Share
from core.ports import Clock
from core.telemetry import Metrics

NO_PLACE_SECONDS: Final = 2.0
"""Wait where all places are taken: a call that ends wakes the pump before, and shares are renewed as often."""

Heard = tuple[Said | None, Said | None]
"""What an answer's headers said of the provider's requests and tokens."""

NO_NEWS: Final[Heard] = (None, None)
"""Of an answer whose headers say nothing of the limits."""


@dataclass(frozen=True, slots=True)
class _Going:
    """A call that has its place: what it was estimated at, and since when."""

    tokens: int
    since: float


class Pacer:
    """`wall` is real time; nothing may go before the first `use`."""

    def __init__(self, limits: Limits, wall: Clock) -> None:
        self.limits = limits
        self._wall = wall
        self._pace = pacing.fresh(limits, self.now())
        self._flight = Flight()
        self._share: Share = NOTHING
        self._share_until = 0.0
        self._probing = False
        self._going: dict[UUID, _Going] = {}

    @property
    def under_way(self) -> int:
        """Calls that have their place."""
        return len(self._going)

    def now(self) -> float:
        """Real time, seconds since 1970."""
        return self._wall.now().timestamp()

    def use(self, share: Share, until: float) -> None:
        """The share of the limits until then, seconds since 1970."""
        self._share, self._share_until = share, until
        self._pace = pacing.shared(self._pace, share.part, self.now())

    def share_is_over(self) -> bool:
        """Whether another has to be asked for."""
        return self.now() >= self._share_until

    def starves(self) -> bool:
        """Whether the share is none at all."""
        return self._share.in_flight == 0 or self._share.part <= 0.0

    def wait(self, tokens: int) -> float:
        """Seconds until a call of so many tokens may go; 0 when it may go now."""
        now = self.now()
        return NO_PLACE_SECONDS if self.under_way >= self._places(now) else pacing.wait(self._pace, tokens, now)

    def go(self, call_id: UUID, tokens: int) -> None:
        """The call takes its place."""
        now = self.now()
        self._pace = pacing.granted(self._pace, tokens, now)
        self._going[call_id] = _Going(tokens, now)

    def sent(self, call_id: UUID) -> None:
        """The call, which has its place, leaves now."""
        self._going[call_id] = _Going(self._going[call_id].tokens, self.now())

    def back(self, call_id: UUID) -> None:
        """The call is not sent."""
        going = self._going.pop(call_id, None)
        if going is not None:
            self._pace = pacing.returned(self._pace, going.tokens, self.now())

    def landed(self, call_id: UUID, tokens: int | None, hold: float | None, *, bad: bool, heard: Heard) -> None:
        """The call has ended. `tokens` it took, if known; `hold` seconds in which the provider wants none; `bad`: an
        answer that speaks of the provider's load."""
        going = self._going.pop(call_id, None)
        if going is None:
            return
        now = self.now()
        settled = pacing.settled(self._pace, going.tokens, going.tokens if tokens is None else tokens, now)
        self._pace = pacing.heard(settled, *heard, now)
        if hold is not None:
            self.hold(now + hold)
        elif not bad and going.since >= self._pace.hold_until:
            self._probing = False
        self._flight = flight.answered(
            self._flight,
            bad=bad,
            sent_at=going.since,
            now=now,
            under_way=self.under_way + 1,
            allowed=max(1, self._share.in_flight),
        )

    def hold(self, until: float) -> None:
        """No call before `until`, and then one to see."""
        self._pace = pacing.held(self._pace, until)
        self._probing = True

    def hold_left(self) -> float:
        """Seconds in which the provider wants no call."""
        return max(0.0, self._pace.hold_until - self.now())

    def show(self, metrics: Metrics) -> None:
        """Gauges of all this."""
        now = self.now()
        metrics.set("assay_llm_share", self._share.part)
        metrics.set("assay_llm_places", self._places(now))
        metrics.set("assay_llm_hold_seconds", self.hold_left())
        for name, bucket in (("requests", self._pace.requests), ("tokens", self._pace.tokens)):
            metrics.set("assay_llm_rate", pacing.rate(bucket, now) * 60, limit=name)
            if bucket.said is not None:
                metrics.set("assay_llm_provider_remaining", bucket.said.remaining, limit=name)

    def _places(self, now: float) -> int:
        if now >= self._share_until:
            return 0
        return 1 if self._probing else flight.room(self._flight, self._share.in_flight)
