"""What a provider's answer says of its limits: `x-ratelimit-*` of requests and of tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping

from core.domain.pacing import Said


def said(headers: Mapping[str, str], sent_at: float) -> tuple[Said | None, Said | None]:
    """Of requests and of tokens, as far as said. `sent_at`: when the call was sent, seconds since 1970."""
    return _said(headers, "requests", sent_at), _said(headers, "tokens", sent_at)


def _said(headers: Mapping[str, str], what: str, sent_at: float) -> Said | None:
    # Anthropic's endpoint says the same as OpenAI and those who copy it, under a name of its own.
    for name in (f"x-ratelimit-{{}}-{what}", f"anthropic-ratelimit-{what}-{{}}"):
        remaining = _number(headers.get(name.format("remaining")))
        if remaining is not None:
            return Said(remaining, _number(headers.get(name.format("limit"))), sent_at)
    return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
