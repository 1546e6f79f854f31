"""Tokens as a provider would count them, and limits per minute as a provider would hold them."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from PIL import Image

CHARACTERS_PER_TOKEN = 4
"""OpenAI's own rule of thumb for English."""

PICTURE_BASE, PICTURE_TILE, TILE_SIDE = 85, 170, 512
"""Tokens of a picture and of each tile of 512 pixels, as OpenAI bills high detail."""

CACHED_FROM = 1024
"""Tokens that a prefix needs to be cached, as at OpenAI."""

KNOWN_PREFIXES = 5_000
"""Prefixes remembered: 32 bytes each, more than a demo has queries."""

MINUTE = 60.0


def text_tokens(text: str) -> int:
    """About the tokens of a text, at least 1."""
    return max(1, ceil(len(text) / CHARACTERS_PER_TOKEN))


def picture_tokens(jpeg: bytes) -> int:
    """Tokens of a picture by its size; those of one tile when it can't be opened."""
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            tiles = ceil(picture.width / TILE_SIDE) * ceil(picture.height / TILE_SIDE)
    except OSError:
        tiles = 1
    return PICTURE_BASE + PICTURE_TILE * tiles


class PrefixCache:
    """What a provider's prompt cache would save: a prefix seen before costs a fraction."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, prefix: str) -> int:
        """Tokens of `prefix` if it is long enough and was here before; remembers it."""
        tokens = text_tokens(prefix)
        if tokens < CACHED_FROM:
            return 0
        key = hashlib.sha256(prefix.encode()).digest()
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > KNOWN_PREFIXES:
            self._seen.popitem(last=False)
        return tokens if known else 0


class Bucket:
    """A token bucket that holds a minute's amount and refills evenly. `limit` None: never empty."""

    def __init__(self, limit: int | None, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._level, self._at = float(limit or 0), clock()

    @property
    def limit(self) -> int:
        """Amount a minute; a large number when there is no limit."""
        return UNLIMITED if self._limit is None else self._limit

    def level(self) -> float:
        """What is left now."""
        if self._limit is None:
            return float(UNLIMITED)
        now = self._clock()
        self._level = min(self._limit, self._level + (now - self._at) * self._limit / MINUTE)
        self._at = now
        return self._level

    def wait(self, amount: float) -> float:
        """Seconds until `amount` is there; 0 when it is."""
        missing = amount - self.level()
        return 0.0 if missing <= 0 or self._limit is None else missing * MINUTE / self._limit

    def take(self, amount: float) -> None:
        """Take `amount`; ask `wait` first."""
        if self._limit is not None:
            self._level = self.level() - amount

    def full_in(self) -> float:
        """Seconds until it is full again."""
        return self.wait(self.limit)


UNLIMITED = 1_000_000_000
"""What the headers say where there is no limit: clients that steer by them expect a number."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 429: seconds to wait, and which limit."""

    retry_after: float
    limit: str


class Limits:
    """Requests and tokens per minute; one that passes takes from both, one that is refused from none."""

    def __init__(self, requests: int | None, tokens: int | None, clock: Callable[[], float]) -> None:
        self._requests, self._tokens = Bucket(requests, clock), Bucket(tokens, clock)

    def admit(self, tokens: int) -> Refusal | None:
        """Take one request and its tokens (input, and output at its limit), or say how long to wait."""
        waits = (Refusal(self._requests.wait(1), "requests"), Refusal(self._tokens.wait(tokens), "tokens"))
        longest = max(waits, key=lambda refusal: refusal.retry_after)
        if longest.retry_after > 0:
            return longest
        self._requests.take(1)
        self._tokens.take(tokens)
        return None

    def fits(self, tokens: int) -> bool:
        """Whether a request of so many tokens can ever pass."""
        return tokens <= self._tokens.limit

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers as they stand."""
        return {
            "x-ratelimit-limit-requests": str(self._requests.limit),
            "x-ratelimit-remaining-requests": str(max(0, int(self._requests.level()))),
            "x-ratelimit-reset-requests": f"{self._requests.full_in():.3f}s",
            "x-ratelimit-limit-tokens": str(self._tokens.limit),
            "x-ratelimit-remaining-tokens": str(max(0, int(self._tokens.level()))),
            "x-ratelimit-reset-tokens": f"{self._tokens.full_in():.3f}s",
        }
