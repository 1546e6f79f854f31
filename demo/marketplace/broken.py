"""Broken records, one maker for each dead-letter reason of CONTRACT 2 that fits a default producer.

Left out: `too_large` (a producer refuses it under its default limits) and `no_run` (replay topics only).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from demo.marketplace.records import OutRecord, Topic
from demo.marketplace.times import DAY_MS, iso

ROUNDS = 3
"""How often each reason comes in a run of at least that many days: enough to see, too few to matter."""


def broken_reasons() -> tuple[tuple[Topic, str], ...]:
    """The reasons that one round produces, in order."""
    return tuple((topic, reason) for topic, reason, _ in _round("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"))


def broken_days(seed: int, days: int) -> frozenset[int]:
    """On which days a round comes."""
    return frozenset(Random(f"{seed}:broken").sample(range(days), min(ROUNDS, days)))


def broken_records(seed: int, day: int, start_ms: int) -> Iterator[OutRecord]:
    """One round: each reason once, at seeded times of the day."""
    rng = Random(f"{seed}:broken:{day}")
    for number, (topic, _, value) in enumerate(_round(iso(start_ms), iso(start_ms + 30 * DAY_MS))):
        yield OutRecord(topic, f"broken-{day}-{number}".encode(), value, start_ms + rng.randrange(DAY_MS))


def _round(now: str, future: str) -> Iterator[tuple[Topic, str, bytes]]:
    """(topic, reason, value). `now` is early on the day, so never ahead of a record's own time."""
    good: dict[str, object] = {"client_id": "broken", "timestamp": now, "query_id": "q-1", "user_query": "sneakers"}
    yield "search-log", "not_json", b'{"client_id": "broken", "user_query": "snea'
    yield "search-log", "not_json", b'{"client_id": "\xff\xfe", "user_query": "sneakers"}'
    yield "search-log", "not_an_object", b'["sneakers"]'
    yield "search-log", "bad_field", _bytes(good | {"query_response_hit_ids": ["us-10001", None]})
    yield "search-log", "bad_field", _bytes(good | {"user_query": 42})
    yield "search-log", "no_timestamp", _bytes(good | {"timestamp": None})
    yield "search-log", "bad_timestamp", _bytes(good | {"timestamp": "yesterday"})
    yield "search-log", "bad_timestamp", _bytes(good | {"timestamp": future})
    yield "search-log", "no_identity", _bytes(good | {"client_id": ""})
    yield "search-log", "unknown_kind", _bytes({"client_id": "broken", "timestamp": now, "query_id": "q-1"})
    yield "search-log", "no_query_id", _bytes(good | {"query_id": None})
    yield "listings", "not_json", b"NaN"
    yield "listings", "bad_field", _bytes({"listing_id": "x-1", "timestamp": now, "title": ["Sneakers"]})
    yield "listings", "no_listing_id", _bytes({"timestamp": now, "title": "Sneakers"})
    yield "listings", "no_title", _bytes({"listing_id": "x-1", "timestamp": now, "event": "new"})


def _bytes(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()
