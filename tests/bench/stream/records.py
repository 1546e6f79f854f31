"""The logs that the stream benchmarks send: UBI records of about 440 bytes, as compact as a browser writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

PARTITIONS = 4
PER_SESSION = 12  # records: three searches, each with two impressions and a click
AT_ONCE = 2_000  # shoppers at the same time
SEARCHES = 3  # of a session that stays open
START_MS = 1_748_779_200_000
STEP_MS = 40.0  # of the log's own time between two records: 25 a second
HITS = 13  # with them a record has 441 bytes on average
WORDS = ["red", "blue", "green", "oak", "lamp", "sofa", "shoe", "table", "chair", "running", "leather", "kids"]
WORDS += ["summer", "vintage", "phone", "case", "usb", "cable", "desk"]
FULL_VALUE_BYTES = 1_048_576  # CONTRACT 2's limit
MARKER = "marker"
"""The application of sessions that are there to be closed and seen."""


class Record(NamedTuple):
    """A record to send."""

    partition: int
    key: bytes
    value: bytes


def shop_log(count: int, *, start_ms: float = START_MS, step_ms: float = STEP_MS, seed: int = 1) -> Iterator[Record]:
    """Shoppers who search three times, see the results, and click now and then; `AT_ONCE` of them by turns."""
    random = Random(seed)
    first = seed * 100_000_000  # two logs of one topic have no shopper in common
    shoppers = [first + seat for seat in range(AT_ONCE)]
    done = [random.randrange(PER_SESSION) for _ in range(AT_ONCE)]
    for number in range(count):
        seat = int(random.random() * AT_ONCE)
        if done[seat] == PER_SESSION:
            shoppers[seat], done[seat] = first + AT_ONCE + number, 0
        step, shopper = done[seat], shoppers[seat]
        done[seat] += 1
        search, part = divmod(step, 4)
        at = int(start_ms + number * step_ms)
        value = _event(shopper, search, part, at, random) if part else _query(shopper, search, at, random)
        yield Record(shopper % PARTITIONS, _client(shopper), value)


def open_sessions(first: int, count: int, *, start_ms: float, step_ms: float) -> Iterator[Record]:
    """Sessions of three searches each, a block of shoppers after the other; the time they take is the caller's."""
    random = Random(first)
    number = 0
    for block in range(first, first + count, AT_ONCE):
        for search in range(SEARCHES):
            for shopper in range(block, min(block + AT_ONCE, first + count)):
                at = int(start_ms + number * step_ms)
                yield Record(shopper % PARTITIONS, _client(shopper), _query(shopper, search, at, random))
                number += 1


def closing(at_ms: int) -> Iterator[Record]:
    """One record a partition, so late that every session before it is closed."""
    random = Random(0)
    for partition in range(PARTITIONS):
        shopper = 9_000_000_000 + at_ms % 1_000_000 * PARTITIONS + partition
        yield Record(shopper % PARTITIONS, _client(shopper), _event(shopper, 0, 1, at_ms, random))


def marker(number: int, at_ms: int) -> tuple[Record, Record]:
    """A session of one search, and the record 31 minutes later that closes it: a pane of its own becomes visible."""
    client, partition = f"marker-{number:08d}", number % PARTITIONS
    before = at_ms - 31 * 60_000
    query = f'"query_id":"{client}","user_query":"{marker_query(number)}"'
    return (
        Record(partition, client.encode(), _marked(client, before, query)),
        Record(partition, client.encode(), _marked(client, at_ms, '"action_name":"impression"')),
    )


def marker_query(number: int) -> str:
    """The query whose pane shows that the marker's session has been closed."""
    return f"marker {number}"


def full_log(count: int) -> Iterator[Record]:
    """Events of 1 MiB, the contract's limit, in a field that is not read."""
    filling = "some words that nobody reads " * (FULL_VALUE_BYTES // 29)
    for number in range(count):
        head = _event(number, 0, 1, START_MS + number, Random(0))[:-1] + b',"more":"'
        yield Record(
            number % PARTITIONS, _client(number), head + filling[: FULL_VALUE_BYTES - len(head) - 2].encode() + b'"}'
        )


def _client(shopper: int) -> bytes:
    return b"client-%012d" % shopper


def _head(shopper: int, search: int) -> str:
    return (
        f'{{"application":"shop","client_id":"client-{shopper:012d}","session_id":"session-{shopper:012d}",'
        f'"query_id":"{shopper:08x}-{search:04x}-4000-8000-000000000000"'
    )


def _query(shopper: int, search: int, at_ms: int, random: Random) -> bytes:
    words = " ".join(random.choices(WORDS, k=(1, 2, 2, 3)[int(random.random() * 4)]))
    first = int(random.random() * 9_000_000)
    hits = ",".join([f'"P{first + 61 * rank:07d}"' for rank in range(HITS)])
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at_ms / 1000))
    return (
        f'{_head(shopper, search)},"timestamp":"{when}","user_query":"{words}","query_response_hit_ids":[{hits}],'
        '"query_attributes":{"market":"de","language":"de","engine":"main"}}'
    ).encode()


def _event(shopper: int, search: int, part: int, at_ms: int, random: Random) -> bytes:
    action = "click" if part == 2 else "impression"
    shown = f'"object_id":"P{int(random.random() * 9_999_999):07d}","object_id_field":"listing_id"'
    return (
        f'{_head(shopper, search)},"timestamp":{at_ms},"action_name":"{action}","message_type":"INFO",'
        '"message":"shown in the list of results","event_attributes":'
        f'{{"object":{{{shown},"name":"A product\'s name in some words"}},'
        f'"position":{{"ordinal":{part},"x":12,"y":480}},"session_id":"s"}}}}'
    ).encode()


def _marked(client: str, at_ms: int, fields: str) -> bytes:
    return f'{{"application":"{MARKER}","client_id":"{client}","timestamp":{at_ms},{fields}}}'.encode()
