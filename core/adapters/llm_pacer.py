"""The pace of one process at one endpoint: its share of the limits, what the provider said, the calls under way.

Decides without waiting; `core.adapters.llm_gate` asks it before each call and tells it of each end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


class Steady:
    """Seconds that never go back: a clock that is set back an hour must not hold calls up for one."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._read = self._at = wall.now().timestamp()

    def now(self) -> float:
        """Seconds since 1970 by the clock as it was at first, and what it has gone on by since."""
        read = self._wall.now().timestamp()
        self._at += max(0.0, read - self._read)
        self._read = read
        return self._at


@dataclass(frozen=True, slots=True)
class _Going:
    """A call that has its place: what it was estimated at, and since when."""

    tokens: int
    since: float


class Pacer:
    """`wall` is real time; nothing may go before the first `use`."""

    def __init__(self, limits: Limits, wall: Clock) -> None:
        self.limits = limits
        self._clock = Steady(wall)
        self._pace = pacing.fresh(limits, self.now())
        self._flight = Flight()
        self._share: Share = NOTHING
        self._share_until = 0.0
        self._starves_since: float | None = None
        self._probing = False
        self._going: dict[UUID, _Going] = {}

    @property
    def under_way(self) -> int:
        """Calls that have their place."""
        return len(self._going)

    def now(self) -> float:
        """Real time that never goes back, seconds."""
        return self._clock.now()

    def use(self, share: Share, until: float) -> None:
        """The share of the limits until then, in the time of `now`."""
        now = self.now()
        self._share, self._share_until = share, until
        self._pace = pacing.shared(self._pace, share.part, now)
        self._starves_since = (self._starves_since or now) if self.starves() else None

    def let_go(self) -> None:
        """Use no share any more, until the next `use`."""
        self.use(NOTHING, 0.0)
        self._starves_since = None

    def starved(self) -> float:
        """Seconds for which the share that was asked for has been none at all."""
        return 0.0 if self._starves_since is None else self.now() - self._starves_since

    def share_is_over(self) -> bool:
        """Whether another has to be asked for."""
        return self.now() >= self._share_until

    def starves(self) -> bool:
        """Whether the share is none at all."""
        return self._share.in_flight == 0 or self._share.part <= 0.0

    def wait(self, tokens: int) -> float:
        """Seconds until a call of so many tokens may go; 0 when it may go now."""
        now = self.now()
        return pacing.wait(self._pace, tokens, now) if self._has_place(now) else NO_PLACE_SECONDS

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

    def landed(self, call_id: UUID, tokens: int | None, hold: float | None, *, bad: bool | None, heard: Heard) -> None:
        """The call has ended. `tokens` it took, if known; `hold` seconds in which the provider wants none; `bad`: an
        answer that speaks of the provider's load, None where there was no answer that could."""
        going = self._going.pop(call_id, None)
        if going is None:
            return
        now = self.now()
        settled = pacing.settled(self._pace, going.tokens, going.tokens if tokens is None else tokens, now)
        requests, tokens_said = (said and replace(said, sent_at=going.since) for said in heard)
        self._pace = pacing.heard(settled, requests, tokens_said, now)
        if hold is not None:
            self.hold(now + hold)
        elif bad is False and going.since >= self._pace.hold_until:
            self._probing = False
        if bad is None:
            return
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

    def show(self, metrics: Metrics, endpoint: str) -> None:
        """Gauges of all this; `endpoint` is their label."""
        now = self.now()
        metrics.set("assay_llm_share", self._share.part, endpoint=endpoint)
        metrics.set(
            "assay_llm_places", min(1, self._room(now)) if self._probing else self._room(now), endpoint=endpoint
        )
        metrics.set("assay_llm_hold_seconds", self.hold_left(), endpoint=endpoint)
        for name, bucket in (("requests", self._pace.requests), ("tokens", self._pace.tokens)):
            metrics.set("assay_llm_rate", pacing.rate(bucket, now) * 60, endpoint=endpoint, limit=name)
            if bucket.said is not None:
                metrics.set("assay_llm_provider_remaining", bucket.said.remaining, endpoint=endpoint, limit=name)

    def _room(self, now: float) -> int:
        return flight.room(self._flight, self._share.in_flight) if now < self._share_until else 0

    def _has_place(self, now: float) -> bool:
        """While it is seen whether a hold is over one call goes at once. Those sent before the hold don't count for
        that: one that hangs would keep all others waiting until its time is up."""
        if self.under_way >= self._room(now):
            return False
        return not self._probing or all(going.since < self._pace.hold_until for going in self._going.values())
