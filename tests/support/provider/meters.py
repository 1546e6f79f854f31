"""Limits per minute as a provider holds them: token buckets on requests and on tokens, and the headers that tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from tests.support.provider.knobs import Knobs

MINUTE = 60.0
UNLIMITED = 1_000_000_000


class Bucket:
    """Refills evenly at `limit` a minute up to `seconds`' worth; may go below zero, by what is charged afterwards."""

    def __init__(self, limit: int, seconds: float, start: float, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self.capacity = limit * seconds / MINUTE
        self._level, self._at = self.capacity * start, clock()

    def level(self) -> float:
        now = self._clock()
        self._level = min(self.capacity, self._level + (now - self._at) * self.limit / MINUTE)
        self._at = now
        return self._level

    def wait(self, amount: float) -> float:
        """Seconds until `amount` is there; what is more than the bucket holds passes when it is full."""
        missing = min(amount, self.capacity) - self.level()
        return max(0.0, missing * MINUTE / self.limit)

    def take(self, amount: float) -> None:
        """Also what is not there."""
        self._level = self.level() - amount


@dataclass(frozen=True)
class Refusal:
    """Seconds to wait, and for what."""

    retry_after: float
    limit: str


class Meter:
    """Both limits of one organisation. The headers tell the minute's; a shorter burst is held beside it, untold."""

    def __init__(self, knobs: Knobs, clock: Callable[[], float]) -> None:
        self._requests = _buckets(knobs.requests_per_minute, knobs, clock)
        self._tokens = _buckets(knobs.tokens_per_minute, knobs, clock)

    def admit(self, tokens: float) -> Refusal | None:
        """Take one request and `tokens`, or say how long to wait: who is refused takes nothing."""
        waits = [Refusal(bucket.wait(1), "requests") for bucket in self._requests]
        waits += [Refusal(bucket.wait(tokens), "tokens") for bucket in self._tokens]
        longest = max(waits, key=lambda refusal: refusal.retry_after, default=None)
        if longest is not None and longest.retry_after > 0:
            return longest
        for bucket in self._requests:
            bucket.take(1)
        self.correct(tokens)
        return None

    def correct(self, tokens: float) -> None:
        """What a call took beside what was charged; negative: given back."""
        for bucket in self._tokens:
            bucket.take(tokens)

    def levels(self) -> tuple[float, float]:
        """What is left of requests and of tokens."""
        return self._left(self._requests), self._left(self._tokens)

    def headers(self) -> dict[str, str]:
        """As OpenAI names and writes them."""
        told = {}
        for name, buckets in (("requests", self._requests), ("tokens", self._tokens)):
            if buckets:
                minute = buckets[0]
                told[f"x-ratelimit-limit-{name}"] = str(minute.limit)
                told[f"x-ratelimit-remaining-{name}"] = str(max(0, int(minute.level())))
                told[f"x-ratelimit-reset-{name}"] = span(minute.wait(minute.capacity))
        return told

    def _left(self, buckets: list[Bucket]) -> float:
        return min((bucket.level() for bucket in buckets), default=float(UNLIMITED))


def span(seconds: float) -> str:
    """`17ms`, `1.204s`, `6m0s`: how OpenAI writes a time to wait."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:.0f}s" if minutes else f"{rest:.3f}s"


def _buckets(limit: int, knobs: Knobs, clock: Callable[[], float]) -> list[Bucket]:
    if not limit:
        return []
    spans = [MINUTE, knobs.burst_s] if knobs.burst_s < MINUTE else [MINUTE]
    return [Bucket(limit, seconds, knobs.start, clock) for seconds in spans]
