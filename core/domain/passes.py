"""What a signed-in browser carries: a name, a number and two times, signed; never the token itself.

The key is made of the very token that signed in (and of the optional secret of all replicas), so replicas that know the
same tokens read each other's passes, and a pass ends with its token.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

MAX_CHARS = 1_024
"""Characters of a pass that are looked at: the longest name makes one of 300."""

PURPOSE = b"assay console session 1"
"""Keeps the key apart from every other use of the token."""

CLOCKS_APART_S = 60.0
"""Seconds by which another replica's clock may be ahead: a pass from further in the future is not one of ours."""


class Pass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed in, and from when to when (seconds since 1970) it counts. `number` is random and ends it by name."""

    name: str
    number: str
    issued: int
    ends: int

    @property
    def ends_at(self) -> datetime:
        """After this it is nothing any more."""
        return datetime.fromtimestamp(self.ends, UTC)


def pass_key(token: str, secret: str) -> bytes:
    """The key of a token's passes (HMAC-SHA256 as a key derivation: RFC 5869's extract and one expand)."""
    extracted = hmac.digest(secret.encode(), token.encode(), "sha256")
    return hmac.digest(extracted, PURPOSE, "sha256")


def written(made: Pass, key: bytes) -> str:
    """As the cookie holds it: content and signature in base64, a dot between."""
    content = msgspec.json.encode(made)
    return f"{_text(content)}.{_text(hmac.digest(key, content, 'sha256'))}"


def read_pass(text: str, at: datetime, keys: Iterable[tuple[str, bytes]]) -> tuple[Pass, int] | None:
    """The pass and the place of its key among `keys` (each with the name it is for); None for one that is forged,
    tampered with, of a token that is gone, not yet or no longer valid."""
    content, signature = _parts(text)
    made = _decoded(content)
    if made is None:
        return None
    place = next(
        (
            place
            for place, (name, key) in enumerate(keys)
            if name == made.name and hmac.compare_digest(hmac.digest(key, content, "sha256"), signature)
        ),
        None,
    )
    now = at.timestamp()
    return (made, place) if place is not None and made.issued - CLOCKS_APART_S <= now < made.ends else None


def _decoded(content: bytes) -> Pass | None:
    try:
        return msgspec.json.decode(content, type=Pass)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _parts(text: str) -> tuple[bytes, bytes]:
    content, _, signature = text[:MAX_CHARS].partition(".")
    try:
        return _bytes(content), _bytes(signature)
    except (binascii.Error, ValueError):
        return b"", b""


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
