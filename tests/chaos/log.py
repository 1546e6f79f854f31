"""The search log of a run, from a seed: shoppers and their sessions, late and early records, a bot, and poison.

Denser than life: every rule of CONTRACT 3 is met often, and some three hundred sessions a partition are open at any
moment, so that what a replica holds in memory when it dies is worth something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random

from tests.oracle.contract import MINUTE, LogRecord
from tests.oracle.generate import ACTIONS, QUERIES, START_MS

SEATS = 150  # shoppers of a partition at one time
PER_SHOPPER = 6  # records, on average: one record in six ends a session, so hardly a transaction is without panes
STEP_MS = 3_000  # of a partition's own time, on average, between two of its records
POISON = 0.10
OUT_OF_TIME = 0.01
FORWARD = 0.00015  # a partition's clock jumps: all that is open closes
RUN_END = 0.0001
TOO_LARGE = 0.0002
BOT = 0.4  # of the first partition's records: over 2,000 within six hours
BACK_MINUTES = (1, 10, 29, 30, 31, 34, 35, 36, 61, 350, 361)
FORWARD_MINUTES = (20, 29, 31, 36, 61, 361)
APPLICATIONS = (None, None, "app", "shop")
MARKETS = (None, "se", "de", "")
WORDS = [*QUERIES, "oak table", "oak chair", "usb cable", "usb-c cable", "kids shoe", "赤い靴", "赤い 靴"]
Body = dict[str, object]


class Partition:
    """One partition's shoppers and clock."""

    def __init__(self, random: Random, number: int) -> None:
        self._random = random
        self._number = number
        self._at = START_MS
        self._shoppers = 0
        self._seats = [self._newcomer() for _ in range(SEATS)]

    def record(self) -> LogRecord:
        """The next record; offsets are the broker's matter."""
        random = self._random
        self._at += random.randrange(2 * STEP_MS)
        if random.random() < FORWARD:
            self._at += random.choice(FORWARD_MINUTES) * MINUTE
        if random.random() < RUN_END:
            return self._made(b"not read", (("assay-run-end", b""),))
        if random.random() < TOO_LARGE:
            return self._made(b'{"a":"' + b"x" * 1_048_576 + b'"}')
        body = self._body()
        if random.random() < POISON:
            return self._made(random.choice(POISONS)(body, random))
        return self._made(json.dumps(body, ensure_ascii=random.random() < 0.5).encode())

    def end(self) -> LogRecord:
        """Closes what is open, so that every session is compared."""
        return self._made(b"", (("assay-run-end", b""),))

    def _made(self, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> LogRecord:
        more = (("other", b"1"),) if self._random.random() < 0.02 else ()
        return LogRecord(self._number, 0, value, self._at + 1_000, headers + more)

    def _body(self) -> Body:
        random = self._random
        at, who = self._at, self._identity()
        if random.random() < OUT_OF_TIME and who.get("client_id") != "bot":  # its session would be cut in two
            at -= random.choice(BACK_MINUTES) * MINUTE
        body = _event(random) if random.random() < 0.5 else _query(random)
        body |= {"timestamp": _written(random, at), "application": random.choice(APPLICATIONS)}
        return body | who

    def _identity(self) -> Body:
        random = self._random
        if self._number == 0 and random.random() < BOT:
            return {"client_id": "bot", "application": "shop"}
        seat = random.randrange(SEATS)
        if random.random() < 1 / PER_SHOPPER:
            self._seats[seat] = self._newcomer()
        form = random.randrange(10)
        if form == 0:
            return {"session_id": self._seats[seat]}
        if form == 1:
            return {"client_id": "", "event_attributes": {"session_id": self._seats[seat]}}
        return {"client_id": self._seats[seat]}

    def _newcomer(self) -> str:
        self._shoppers += 1
        return f"c{self._number}-{self._shoppers}"


def make_partitions(seed: int, count: int) -> list[Partition]:
    """The partitions of a log."""
    random = Random(seed)
    return [Partition(random, number) for number in range(count)]


def make_records(seed: int, logs: Sequence[Partition], count: int) -> Iterator[LogRecord]:
    """`count` records in the order in which they are sent."""
    random = Random(seed)
    for _ in range(count):
        yield random.choice(logs).record()


def _event(random: Random) -> Body:
    return {
        "action_name": random.choice(ACTIONS),
        "query_id": random.choice(["q1", "q2", "q3", 6, None, "unknown", ""]),
        "event_attributes": {
            "object": {"object_id": random.choice(["l1", 7, None])},
            "position": {"ordinal": random.choice([1, None])},
        },
        "query_attributes": {"market": random.choice(MARKETS)},
    }


def _query(random: Random) -> Body:
    return {
        "user_query": random.choice(WORDS),
        "query_id": random.choice(["q1", "q2", "q3", "q4", "q5", 6]),
        "query_response_hit_ids": random.choice([None, [], ["l1"], [1, 2]]),
        "query_attributes": {"market": random.choice(MARKETS), "language": "sv", "engine": random.choice([None, "e"])},
    }


def _written(random: Random, at: int) -> object:
    form = random.randrange(3)
    if form == 0:
        return datetime.fromtimestamp(at / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return at if form == 1 else at + 0.25


# --- Poison: one maker or more for each dead-letter reason of a live search log ------------------------------------


def _without(*names: str) -> Callable[[Body, Random], bytes]:
    return lambda body, _: json.dumps({name: value for name, value in body.items() if name not in names}).encode()


def _having(**fields: object) -> Callable[[Body, Random], bytes]:
    return lambda body, _: json.dumps({**body, **fields}).encode()


def _cut_short(body: Body, random: Random) -> bytes:
    whole = json.dumps(body).encode()
    return whole[: random.randrange(1, len(whole))]


def _early(body: Body, random: Random) -> bytes:
    return json.dumps({**body, "timestamp": START_MS + 400 * 86_400_000 + random.randrange(1_000)}).encode()


POISONS: list[Callable[[Body, Random], bytes | None]] = [
    _cut_short,
    lambda _body, _random: None,
    lambda _body, random: random.choice([b"", b"\xef\xbb\xbf{}", b'{"a":"\\ud800"}', b"[" * 600 + b"]" * 600, b"\xff"]),
    lambda body, _: json.dumps([body]).encode(),
    _having(query_response_hit_ids=[None]),
    _having(client_id=1.5),
    _having(client_id="a\0b"),
    _having(application="x" * 101),
    _without("timestamp"),
    _having(timestamp="yesterday"),
    _early,
    _without("client_id", "session_id", "event_attributes"),
    _without("user_query", "action_name"),
    lambda body, _: json.dumps({**_only_query(body), "query_id": ""}).encode(),
]


def _only_query(body: Body) -> Body:
    kept = {name: value for name, value in body.items() if name != "action_name"}
    return {**kept, "user_query": "lamp"}
