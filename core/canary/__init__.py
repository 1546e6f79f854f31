"""The canary set: one JSON file a query, read with `load_canaries`; docs/safety.md says how to add to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from core.domain.canary import CanaryQuery


@dataclass(frozen=True, slots=True)
class Canaries:
    """The set. `version` is 8 hex digits over every file: an edited set is judged anew."""

    version: str
    queries: tuple[CanaryQuery, ...]

    @property
    def cases(self) -> int:
        """How many attacks."""
        return sum(len(query.attacks) for query in self.queries)


@cache
def load_canaries() -> Canaries:
    """Every `*.json` beside this module, by name; msgspec.ValidationError where one is not a canary."""
    found = sorted((entry for entry in files(__name__).iterdir() if entry.name.endswith(".json")), key=lambda e: e.name)
    texts = [entry.read_bytes() for entry in found]
    version = hashlib.sha256(b"\0".join(texts)).hexdigest()[:8]
    return Canaries(version, tuple(msgspec.json.decode(text, type=CanaryQuery) for text in texts))
