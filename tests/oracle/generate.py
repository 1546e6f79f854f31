"""Random search logs, from a seed: dense enough that every rule of CONTRACT 3 is met many times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from tests.oracle.contract import MINUTE, LogRecord

START_MS = int(datetime(2025, 6, 1, 12, 30, tzinfo=UTC).timestamp() * 1000)
NOW_MS = START_MS + 20 * 86_400_000
QUERIES = [
    "red shoe",
    "Red  SHOE",
    "shoe",
    "red shoes",
    "lamp",
    "lamps",
    "l",
    "",
    " ",
    "x" * 300,
    "sch\u00f6n",
    "SCHO\u0308N",
    "a b",
]
STEPS = [0, 0, 0, 0, 1, 1, 2, 4, 5, 6, 10, -1, -3]
JUMPS = [20, 29, 30, 31, 34, 35, 36, 61, 359, 361, -10, -29, -30, -31, -36, -61, -350]
ACTIONS = ["click", "impression", "add_to_cart", "purchase", "view"]
WRONG = [
    b"{", b"", None, b"[]", b'"a"', b"\xef\xbb\xbf{}", b'{"client_id": 1.5}', b'{"client_id": "a"}',
    b'{"client_id":"a","timestamp":"x"}',
    b'{"timestamp": 1748000000000}', b'{"client_id":"a","timestamp":1748000000000}',
    b'{"client_id":"a","timestamp":1748000000000,"user_query":"b"}', b'{"a":"\\ud800"}', b"[" * 600 + b"]" * 600,
    b'{"a":"' + b"x" * 1_048_576 + b'"}',
]  # fmt: skip
"""One record of each dead-letter reason at least, `no_run` aside."""


def make_log(
    seed: int, size: int, *, partitions: int = 2, identities: int = 4, runs: tuple[str, ...] = ()
) -> list[LogRecord]:
    """`size` records; with `runs` for the replay topic. Offsets count up from 0 in each partition."""
    random = Random(seed)
    at = [START_MS] * partitions
    offsets = [0] * partitions
    records = []
    for _ in range(size):
        partition = random.randrange(partitions)
        at[partition] += random.choice(STEPS if random.random() < 0.96 else JUMPS) * MINUTE + random.choice(
            [0, 0, 0, -1, 1]
        )
        if at[partition] > NOW_MS:
            at[partition] = NOW_MS
        records.append(make_record(random, at[partition], partition, offsets[partition], identities, runs))
        offsets[partition] += 1
    return records


def make_record(
    random: Random, at: int, partition: int, offset: int, identities: int, runs: tuple[str, ...]
) -> LogRecord:
    """One record of this time: mostly sound, one in a hundred wrong, one in a hundred the end of its run."""
    headers = tuple(_headers(random, runs))
    luck = random.random()
    if luck < 0.01:
        return LogRecord(partition, offset, random.choice(WRONG[:-1] if luck > 0.0005 else WRONG), NOW_MS, headers)
    if luck < 0.02:
        return LogRecord(partition, offset, b"not read", NOW_MS, (*headers, ("assay-run-end", b"")))
    identity = f"c{partition}-{random.randrange(identities)}"
    record = _event(random) if luck < 0.5 else _query(random)
    record |= {"timestamp": _written(random, at), "application": random.choice([None, None, None, "app"])}
    record["client_id" if random.random() < 0.9 else "session_id"] = identity
    return LogRecord(partition, offset, json.dumps(record).encode(), NOW_MS, headers)


def _headers(random: Random, runs: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    if runs and random.random() < 0.99:
        yield "assay-run", random.choice(runs).encode()
    elif runs and random.random() < 0.5:
        yield "assay-run", random.choice([b"live", b"", b"a b", b"x" * 101, b"\xff", b"r1\n"])
    if random.random() < 0.05:
        yield "other", b"1"


def _event(random: Random) -> dict[str, object]:
    return {
        "action_name": random.choice(ACTIONS),
        "query_id": random.choice(["q1", "q2", "q3", "q4", None, "unknown", ""]),
        "event_attributes": {
            "object": {"object_id": random.choice(["l1", 7, None])},
            "position": {"ordinal": random.choice([1, None])},
        },
        "query_attributes": {"market": random.choice([None, "se"])},
    }


def _query(random: Random) -> dict[str, object]:
    return {
        "user_query": random.choice(QUERIES),
        "query_id": random.choice(["q1", "q2", "q3", "q4", "q5", 6]),
        "query_response_hit_ids": random.choice([None, [], ["l1"], [1, 2]]),
        "query_attributes": random.choice(
            [None, {}, {"market": "se"}, {"market": "", "language": "sv", "engine": "e"}]
        ),
    }


def _written(random: Random, at: int) -> object:
    form = random.randrange(3)
    if form == 0:
        return datetime.fromtimestamp(at / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return at if form == 1 else at + 0.25
